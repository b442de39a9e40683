import { type Diagnostic, type DiagnosticInput, diagnostic } from '../diagnostics/diagnostics.ts'
import { familyOf } from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import type { Plan } from '../plan/types.ts'

/** What only a node knows, as `apply.sh facts` prints it. `schemas/facts.schema.json` states the same shape. */
export interface ReportedFacts {
  readonly version: 1
  readonly hostname: string
  /** A mark of the machine id (`/etc/machine-id`), from which that cannot be told; `null` or left out: there is none. */
  readonly machine?: string | null
  /** Families that the kernel has. Left out by scripts of older releases. */
  readonly families?: readonly Family[]
  /** `6.1.0-13-amd64` */
  readonly kernel: string
  readonly cores: number
  /** Addresses with their prefix lengths: `192.168.0.1/24`. */
  readonly interfaces: readonly { readonly interface: string; readonly address: string }[]
  /** What each tool says of its version; `null` where it is not installed. */
  readonly tools: Readonly<Record<string, string | null>>
  /** `null`: it cannot be told. */
  readonly iptables: 'nft' | 'legacy' | null
  /** Modules that are loaded or can be. */
  readonly modules: readonly string[]
  readonly schedulers: readonly string[]
  /** By name; `null` where the kernel has no such setting. */
  readonly settings: Readonly<Record<string, number | null>>
}

/** Tools without which the script of a bundle refuses. */
const NEEDED_TOOLS = ['ipvsadm', 'ipset', 'iptables', 'ip', 'sysctl', 'modprobe']

/** What a node cannot do of its plan, as far as its facts tell. */
export function factsDiagnostics(plan: Plan, facts: ReportedFacts): Diagnostic[] {
  const missing = plan.modules.filter((module) => {
    const scheduler = /^ip_vs_(.+)$/.exec(module)?.[1]
    return scheduler === undefined ? !facts.modules.includes(module) : !facts.schedulers.includes(scheduler)
  })
  const tools = NEEDED_TOOLS.filter((tool) => facts.tools[tool] === null)
  const bound = new Set(plan.dummyInterface.addresses)
  const taken = facts.interfaces
    .filter((entry) => entry.interface !== plan.dummyInterface.name)
    .filter(({ address }) => bound.has(address.replace(/\/.*/, '')))
  const problems: readonly (DiagnosticInput | null)[] = [
    ...missingFamilies(plan, facts),
    missing.length === 0
      ? null
      : {
          code: 'FACTS_MODULE_MISSING',
          severity: 'error',
          message: 'The kernel of the node lacks modules that the plan needs.',
          found:
            facts.schedulers.length === 0 ? 'no schedulers' : `schedulers ${facts.schedulers.join(', ')}`,
          expected: missing.join(', '),
        },
    tools.length === 0
      ? null
      : {
          code: 'FACTS_TOOL_MISSING',
          severity: 'warning',
          message: `The node lacks ${tools.join(', ')}: its script will refuse until they are installed.`,
        },
    facts.iptables === null
      ? {
          code: 'FACTS_IPTABLES_UNCLEAR',
          severity: 'warning',
          message: 'The node does not tell its iptables flavour: its script has to be told with --iptables.',
        }
      : null,
    ...taken.map(
      ({ address, interface: name }): DiagnosticInput => ({
        code: 'FACTS_ADDRESS_TAKEN',
        severity: 'error',
        message: 'An address that the plan binds is on another interface of the node.',
        found: `${address} on ${name}`,
      }),
    ),
    ...plan.sysctls
      .filter(({ action, name, value }) => action === 'check' && differs(facts.settings[name], value))
      .map(
        ({ name, value }): DiagnosticInput => ({
          code: 'FACTS_SETTING',
          severity: 'warning',
          message: `${name} has to be set by the owner of the node.`,
          found: String(facts.settings[name]),
          expected: String(value),
        }),
      ),
  ]
  return problems.flatMap((problem) => (problem === null ? [] : [diagnostic(problem)]))
}

/** A setting that is not there belongs to a module that is not loaded, and a node need not have it. */
const differs = (found: number | null | undefined, wanted: number): boolean =>
  found !== null && found !== undefined && found !== wanted

/** Families that the kernel lacks: one that no Service needs is left out by the script. */
function missingFamilies({ families, virtualServers }: Plan, facts: ReportedFacts): DiagnosticInput[] {
  const lacking = families.filter((family) => !(facts.families ?? FAMILIES).includes(family))
  return lacking.map((family): DiagnosticInput => {
    const needing = virtualServers.filter(({ address }) => familyOf(address) === family).length
    return {
      code: 'FACTS_FAMILY_MISSING',
      severity: needing > 0 ? 'error' : 'warning',
      message:
        needing > 0
          ? `The kernel of the node has no ${FAMILY_NAMES[family]}, which virtual servers of the plan need.`
          : `The kernel of the node has no ${FAMILY_NAMES[family]}: its script leaves that family out.`,
      ...(needing > 0 ? { found: `${needing} virtual servers` } : {}),
    }
  })
}

const FAMILY_NAMES: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' }
