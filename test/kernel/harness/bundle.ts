import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lab, Namespace } from './lab.ts'

/** Which iptables a node has: the two do not see each other's rules. */
export type Flavour = 'nft' | 'legacy'
export const FLAVOURS: readonly Flavour[] = ['nft', 'legacy']

/** The files of a bundle by name; what is not there is not loaded. */
export type Payloads = ReadonlyMap<string, string>

export interface LoadOptions {
  readonly flavour?: Flavour
}

/** What the tools of a node print about its state. */
export interface NodeState {
  readonly ipvs: string
  readonly timeouts: string
  readonly ipset: string
  readonly iptables: string
  readonly ip6tables: string
  readonly addresses: string
}

/** Settings of the whole kernel, which a network namespace can read but not change. */
const GLOBAL_SETTINGS = /^(# conntrack: |net\.netfilter\.nf_conntrack_max )/

let bundles = 0

/** Writes the files of a bundle below the test's folder. */
export function writePayloads(lab: Lab, payloads: Payloads): string {
  const folder = join(lab.folder, `bundle-${bundles++}`)
  mkdirSync(folder)
  for (const [name, text] of payloads) writeFileSync(join(folder, name), text)
  const settings = (payloads.get('sysctl.conf') ?? '').split('\n')
  writeFileSync(
    join(folder, 'namespace.conf'),
    settings.filter((line) => !GLOBAL_SETTINGS.test(line)).join('\n'),
  )
  return folder
}

/** The order of a bundle: what is named comes before what names it, the addresses that attract traffic last. */
const loadScript = (folder: string, flavour: Flavour): string => `cd '${folder}'; set -e
ip link set lo up
[ ! -s namespace.conf ] || sysctl -q -p namespace.conf
[ ! -e ipset.restore ] || ipset restore < ipset.restore
[ ! -e iptables.restore ] || iptables-${flavour}-restore --noflush < iptables.restore
[ ! -e ip6tables.restore ] || ip6tables-${flavour}-restore --noflush < ip6tables.restore
[ ! -e ipvs.restore ] || ipvsadm --restore < ipvs.restore
[ ! -e ip.batch ] || ip -batch ip.batch
`

/**
 * Loads the payloads of a bundle into an empty namespace with the stock tools, in the order of a bundle. A tool
 * that fails or says anything is an error: ipvsadm's exit status alone proves nothing.
 */
export async function loadBundle(
  lab: Lab,
  node: Namespace,
  payloads: Payloads,
  { flavour = 'nft' }: LoadOptions = {},
): Promise<void> {
  explainOnFailure(lab, node, flavour)
  await loadModules(lab, payloads)
  const { stderr } = await lab.run(loadScript(writePayloads(lab, payloads), flavour), { in: node })
  if (stderr !== '') throw new Error(`loading a bundle into ${node.role} said:\n${stderr}`)
}

const loadedModules = new Set<string>()

/** Modules are the kernel's and not a namespace's: each is loaded once. */
async function loadModules(lab: Lab, payloads: Payloads): Promise<void> {
  const wanted = (payloads.get('modules.conf') ?? '').split('\n').filter((name) => name !== '')
  const missing = wanted.filter((name) => !loadedModules.has(name))
  if (missing.length === 0) return
  await lab.run(`modprobe -a ${missing.join(' ')}`)
  for (const name of missing) loadedModules.add(name)
}

/**
 * Lists virtual and real servers until two listings are the same: the kernel hands them over in parts, and a change in
 * between, in whichever network namespace, repeats one or leaves one out.
 */
const LIST_SERVERS = `listing=$(ipvsadm -S -n); until again=$(ipvsadm -S -n); [ "$again" = "$listing" ]; do
  listing=$again
done; [ -z "$listing" ] || printf '%s\\n' "$listing"`

const SEPARATOR = '=== next ==='

/** What the tools print about a node. */
export async function readBack(lab: Lab, node: Namespace, flavour: Flavour = 'nft'): Promise<NodeState> {
  const commands = [
    LIST_SERVERS,
    'ipvsadm -L --timeout',
    'ipset save',
    `iptables-${flavour}-save`,
    `ip6tables-${flavour}-save`,
    'ip -j addr',
  ]
  const { stdout } = await lab.run(commands.join(`; echo '${SEPARATOR}'; `), { in: node })
  const [ipvs = '', timeouts = '', ipset = '', iptables = '', ip6tables = '', addresses = ''] = stdout.split(
    `${SEPARATOR}\n`,
  )
  return { ipvs, timeouts, ipset, iptables, ip6tables, addresses }
}

/** Rules in force with their counters, the connection table, sets, addresses and settings. */
export function explainOnFailure(lab: Lab, node: Namespace, flavour: Flavour): void {
  const commands = [
    'ipvsadm -L -n --stats',
    'ipvsadm -L -n -c',
    'ipset save | grep ^add',
    `iptables-${flavour}-save -c | grep ' KUBE\\|^:\\|^\\*'`,
    `ip6tables-${flavour}-save -c | grep ' KUBE\\|^:\\|^\\*'`,
    'conntrack -L',
    'ip -br addr',
    'sysctl -a -r "^net.(ipv4.vs.(conntrack|conn_reuse|expire)|ipv4.ip_forward|ipv6.conf.all.forw|bridge.*call)"',
  ]
  lab.onFailure(async () => {
    const script = commands.map(
      (command) => `echo '--- ${node.role}: ${command.replaceAll("'", '')}'; ${command}`,
    )
    const { stdout } = await lab.run(`exec 2>/dev/null\n${script.join('\n')}\n`, { in: node, check: false })
    return stdout
  })
}
