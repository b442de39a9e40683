import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { MACHINES, type MachineKind, type MachineOptions, missingTools } from './machine.ts'
import { missingParts, prepareQemu } from './qemu.ts'
import { buildUml, isBuilt, missingBuildTools, prepareUml } from './uml.ts'

/** Which machine the suites run in: the one that was asked for, or the fastest that can be had. */

/** A choice, or the packages without which there is none. */
export type Choice =
  | {
      readonly kind: MachineKind
      /** Lays what a machine boots from into its share, and gives the command line that boots it; not for `here`. */
      readonly prepare: (options: MachineOptions) => string[]
    }
  | { readonly missing: readonly string[] }

/** What `--machine` asks for; `null` where it is not given. */
export function machineOf(word: string | undefined): MachineKind | null {
  const kind = MACHINES.find((name) => name === word) ?? null
  if (word !== undefined && kind === null)
    throw new Error(`--machine takes ${MACHINES.join(', ')}, not "${word}"`)
  return kind
}

export function hasIpvs(): boolean {
  if (process.getuid?.() !== 0) return false
  spawnSync('modprobe', ['-q', 'ip_vs'])
  return existsSync('/proc/net/ip_vs')
}

const notHere = (): never => {
  throw new Error('no machine has to be prepared for what runs here')
}

/** Its modules are shown where those of this machine lie, so there has to be such a folder. */
const MODULES = '/usr/lib/modules'

function chooseUml(tools: readonly string[]): Choice {
  if (!isBuilt() && missingBuildTools().length > 0) return { missing: [...tools, ...missingBuildTools()] }
  const problem = isBuilt() ? null : buildUml()
  if (problem !== null) throw new Error(`user-mode Linux cannot be built:\n${problem}`)
  const missing = [...tools, ...(existsSync(MODULES) ? [] : ['linux-image-amd64'])]
  return missing.length > 0 ? { missing } : { kind: 'uml', prepare: prepareUml }
}

function chooseQemu(tools: readonly string[]): Choice {
  const missing = [...tools, ...missingParts()]
  return missing.length > 0 ? { missing } : { kind: 'qemu', prepare: prepareQemu }
}

/** Without a wish: here where IPVS is and that may be, else user-mode Linux where it is built or can be, else QEMU. */
export function chooseMachine(wish: MachineKind | null, mayBeHere = true): Choice {
  const tools = missingTools()
  if (wish === 'here' || (wish === null && mayBeHere && hasIpvs()))
    return tools.length > 0 ? { missing: tools } : { kind: 'here', prepare: notHere }
  if (wish === 'uml') return chooseUml(tools)
  if (wish === 'qemu' || (!isBuilt() && missingBuildTools().length > 0)) return chooseQemu(tools)
  try {
    return chooseUml(tools)
  } catch (error) {
    console.error(`${(error as Error).message}\nQEMU takes its place`)
    return chooseQemu(tools)
  }
}
