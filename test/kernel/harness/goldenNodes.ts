import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { emit, type Plan } from '../../../src/index.ts'
import { writeBundle } from './applier.ts'
import { loadBundle, readBack } from './bundle.ts'
import { goldenStates } from './golden.ts'
import type { Lab, Namespace } from './lab.ts'
import { PART_NAMES, PARTS, type PartName } from './parts.ts'
import { assertHolds } from './state.ts'

/** Golden states as bundles, as nodes that hold them and nothing else, and as the script of their bundle reads them. */

const plans = goldenStates()
/** The names of the states: that of the first case of each. */
export const cases = [...plans.keys()]
export const planOf = (name: string): Plan => plans.get(name) as Plan

const bundles = new Map<string, string>()
const bundlesFolder = mkdtempSync(join(tmpdir(), 'ipvsc-bundles-'))
process.on('exit', () => rmSync(bundlesFolder, { recursive: true, force: true }))

/** The bundle of a case; written once, since that takes longer under emulation than to load one. */
export function bundleFolder(name: string): string {
  const known = bundles.get(name)
  if (known !== undefined) return known
  const folder = writeBundle({ folder: bundlesFolder }, planOf(name)).path
  const [functions = ''] = readFileSync(join(folder, 'apply.sh'), 'utf8').split('# --- the command line')
  writeFileSync(join(folder, 'functions.sh'), functions)
  bundles.set(name, folder)
  return folder
}

/** The functions of a script, ready to be called; what they speak of is the same in the bundles of all cases, but for settings. */
export const functionsOf = (
  name: string,
): string => `. '${bundleFolder(name)}/functions.sh'; trap - EXIT; set_defaults
bundle='${bundleFolder(name)}' state=/nowhere last=/nowhere flavour=nft variant=-nft; copy=$bundle; read_configuration "$bundle/bundle.conf"
`

/** What the script reads on a node that holds a case, and what it takes the payloads of that case for; without settings. */
export const heldFolder = (name: string): string => join(bundleFolder(name), 'held')
export const wantedFolder = (name: string): string => join(bundleFolder(name), 'wanted')

async function readByScript(lab: Lab, node: Namespace, name: string): Promise<void> {
  const folder = bundleFolder(name)
  mkdirSync(join(folder, 'calls'))
  const script = `${functionsOf(name)}work='${folder}' errors='${folder}/errors'
read_node '${heldFolder(name)}' && state_of '${heldFolder(name)}' && state_of_bundle '${wantedFolder(name)}' || {
  echo "$problem"
  exit 1
}`
  await lab.run(script, { in: node })
  const [held, wanted] = [heldFolder(name), wantedFolder(name)].map((place) => {
    const file = join(place, 'state')
    const state = readFileSync(file, 'utf8').replace(/^sysctl .*\n/gm, '')
    writeFileSync(file, state)
    return state
  })
  assert.is(held, wanted, name)
}

/** What a node prints, part by part, in a form that can be compared. */
export type Listings = Readonly<Record<PartName, string>>

const references = new Map<string, Promise<Listings>>()

/** What a node prints that holds a case and nothing else; asked for once each, one after the other. */
export function reference(lab: Lab, name: string): Promise<Listings> {
  const known = references.get(name)
  if (known !== undefined) return known
  const before = [...references.values()].at(-1)
  const asked = (async () => {
    await before?.catch(() => undefined)
    const { [name]: node } = await lab.namespaces(name)
    if (node === undefined) throw new Error(name)
    await loadBundle(lab, node, emit(planOf(name)))
    const state = await readBack(lab, node)
    assertHolds(state, planOf(name))
    await readByScript(lab, node, name)
    const listings = PART_NAMES.map((part) => [part, PARTS[part].canonical(state[part])])
    return Object.fromEntries(listings) as Listings
  })()
  references.set(name, asked)
  return asked
}

/** The parts in which two cases differ. */
export async function differing(lab: Lab, one: string, other: string): Promise<PartName[]> {
  const [first, second] = [await reference(lab, one), await reference(lab, other)]
  return PART_NAMES.filter((part) => first[part] !== second[part])
}
