import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Which iptables a node has: the two do not see each other's rules. */
export type Flavour = 'nft' | 'legacy'

/** What the tools of a node print about its state. */
export interface NodeState {
  readonly ipvs: string
  readonly timeouts: string
  readonly ipset: string
  readonly iptables: string
  readonly ip6tables: string
  readonly addresses: string
}

export interface Loaded extends NodeState {
  /** What the tools said while loading: nothing, when all is well. */
  readonly stderr: string
}

const SEPARATOR = '=== next ==='

/** Loads payloads into an empty network namespace with the stock tools, in the order of a bundle, and reads back. */
export function loadIntoNamespace(payloads: ReadonlyMap<string, string>, flavour: Flavour): Loaded {
  const folder = mkdtempSync(join(tmpdir(), 'node-'))
  try {
    for (const [name, text] of payloads) writeFileSync(join(folder, name), text)
    const script = `cd ${folder}; ip link set lo up || exit 1
ipset restore < ipset.restore || exit 1
[ ! -e iptables.restore ] || iptables-${flavour}-restore --noflush < iptables.restore || exit 1
[ ! -e ip6tables.restore ] || ip6tables-${flavour}-restore --noflush < ip6tables.restore || exit 1
ipvsadm --restore < ipvs.restore || exit 1
ip -batch ip.batch || exit 1
exec 2> readback.txt
ipvsadm-save -n; echo '${SEPARATOR}'
ipvsadm -L --timeout; echo '${SEPARATOR}'
ipset save; echo '${SEPARATOR}'
iptables-${flavour}-save; echo '${SEPARATOR}'
ip6tables-${flavour}-save; echo '${SEPARATOR}'
ip -j addr
`
    writeFileSync(join(folder, 'load.sh'), script)
    const { status, stdout, stderr } = spawnSync('unshare', ['-n', 'sh', join(folder, 'load.sh')], {
      encoding: 'utf8',
      timeout: 60_000,
      maxBuffer: 2 ** 26,
    })
    if (status !== 0) throw new Error(`loading stopped with status ${status}: ${stderr}\n${stdout}`)
    const [ipvs = '', timeouts = '', ipset = '', iptables = '', ip6tables = '', addresses = ''] =
      stdout.split(`${SEPARATOR}\n`)
    return { ipvs, timeouts, ipset, iptables, ip6tables, addresses, stderr }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
