import type { Draft } from '../draft.ts'
import type { StateRule } from '../types.ts'

export const timeoutsDisagree: StateRule = {
  on: 'state',
  code: 'TIMEOUTS_DISAGREE',
  severity: 'warning',
  title: 'Conntrack forgets a connection before IPVS does.',
  why: 'A masqueraded connection that rests longer than conntrack remembers it goes on from another port of the node, and the real server does not know it.',
  source: 'https://github.com/kubernetes/kubernetes/issues/120076',
  mend: 'Let each conntrack timeout be at least as long as the IPVS one.',
  check: ({ config, configuration }) =>
    disagreements(config.ipvsTimeouts, {
      tcp: config.conntrack.tcpEstablishedTimeout,
      udp: config.conntrack.udpStreamTimeout,
    }).map(({ field, message }) => ({
      ...NOWHERE,
      message,
      origin: configuration?.origin ?? null,
      path: configuration === null ? [] : ['ipvs', field],
    })),
  checkPlan: ({ ipvsTimeouts, sysctls }) => {
    const value = (name: string): number => Number(sysctls.find((one) => one.name === name)?.value ?? 0)
    return disagreements(ipvsTimeouts ?? { tcp: 0, udp: 0 }, {
      tcp: value('net/netfilter/nf_conntrack_tcp_timeout_established'),
      udp: value('net/netfilter/nf_conntrack_udp_timeout_stream'),
    }).map(({ message }) => ({ ...NOWHERE, message }))
  },
}

const NOWHERE: Omit<Draft, 'message'> = { subject: null, origin: null, path: [], service: null }

/** What Linux does where nobody sets it, in seconds. */
const KERNEL = { ipvs: { tcp: 900, udp: 300 }, conntrack: { tcp: 432_000, udp: 120 } } as const

interface Timeouts {
  /** Seconds; 0: as the kernel has it. */
  readonly tcp: number
  readonly udp: number
}

/** Where both are the kernel's, nobody chose them, and nothing is said. */
function disagreements(ipvs: Timeouts, conntrack: Timeouts): { field: string; message: string }[] {
  return (['tcp', 'udp'] as const).flatMap((protocol) => {
    if (ipvs[protocol] === 0 && conntrack[protocol] === 0) return []
    const [kept, remembered] = [
      ipvs[protocol] || KERNEL.ipvs[protocol],
      conntrack[protocol] || KERNEL.conntrack[protocol],
    ]
    if (kept <= remembered) return []
    return [
      {
        field: `${protocol}Timeout`,
        message: `IPVS keeps ${protocol} connections for ${kept} s, conntrack for ${remembered} s.`,
      },
    ]
  })
}
