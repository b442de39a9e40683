/** What a mutant is, whatever addresses, ports and families it is of. */
export const kindOf = (what: string): string =>
  what
    .replace(/KUBE-6-/g, 'KUBE-')
    .replace(/ipv[46]/, 'ip')
    .replace(/\d+\.\d+\.\d+\.\d+|fd00:[0-9a-f:]*[0-9a-f]/g, 'A')
    .replace(/:\d+/g, ':N')
    .replace(/rule \d+/, 'rule')
    .replace(
      /with (\{.*?\}) in place of (\{.*\})/,
      (_, now: string, was: string) => `with another ${change(now, was)}`,
    )
    .replace(/\{.*\}/, 'E')
    .replace(/KUBE-LOAD-BALANCER-SOURCE-CID\b/, 'KUBE-LOAD-BALANCER-SOURCE-CIDR')
    .replace(/KUBE-NODE-PORT-LOCAL-SCTP-HAS\b/, 'KUBE-NODE-PORT-LOCAL-SCTP-HASH')

/** Which part of a match is another one. */
function change(now: string, was: string): string {
  const [after, before] = [now, was].map(
    (text) => JSON.parse(text.replace(/:N/g, ':1')) as Record<string, unknown>,
  ) as [Record<string, unknown>, Record<string, unknown>]
  const names = Object.keys(after).filter(
    (name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]),
  )
  return `${before.kind} ${names.join(' and ')}`
}

/** Kinds of mutants that change nothing in any cluster, each with the reason. */
export const EQUIVALENT: readonly (readonly [kind: RegExp, reason: string])[] = [
  [
    /filter KUBE-FORWARD |jump from FORWARD/,
    'what is for a Service comes by INPUT; these matter where rules of others drop what is forwarded',
  ],
  [
    /nat KUBE-SERVICES rule \(KUBE-[A-Z-]+ ACCEPT\)/,
    'they keep later rules of nat away, of which there are none but those of others',
  ],
  [/nat KUBE-SERVICES rule \(RETURN\)/, 'what has a loopback address as source leaves no node'],
  [
    /nat KUBE-POSTROUTING rule \(MARK\)/,
    'the mark is taken off for what is sent through again, which first packets are not',
  ],
  [/leading to ACCEPT/, 'behind the chain come rules of others alone'],
  [/KUBE-IPVS-FILTER rule \(.* RETURN\) after the next/, 'rules that return commute'],
  [/jump from \w+ to .* after the next/, 'the chains decide about packets of different kinds'],
  [/KUBE-IPVS-OUT-FILTER rule \(DROP\) after the next/, 'rules that drop commute'],
  [/without its match conntrackState|another conntrackState/, 'the first packet of a connection is new'],
  [/KUBE-NODE-PORT rule .* after the next/, 'rules for different protocols commute'],
  [
    /KUBE-IPVS-FILTER rule \(KUBE-HEALTH-CHECK-NODE-PORT RETURN\)/,
    'the health-check port is open at every address by nature, so that less of it is no fault',
  ],
]
