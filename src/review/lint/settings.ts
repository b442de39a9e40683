import type { Origin, Severity } from '../../diagnostics/diagnostics.ts'
import { canonicalAddress, type Network, parseNetwork } from '../../net/address.ts'
import type { Allowance, LintSettings } from './types.ts'

/** The block `lint` of `ipvsc.yaml`, as its schema lets it through. */
export interface LintBlock {
  readonly rules?: Readonly<Record<string, Severity | 'off'>>
  readonly thresholds?: {
    readonly endpointsLostPercent?: number
    readonly nodesTouched?: number
    readonly servicesTouchedPercent?: number
  }
  readonly networks?: {
    readonly externalIPs?: readonly string[]
    readonly loadBalancers?: readonly string[]
    readonly sourceRanges?: readonly string[]
    readonly apiServers?: readonly string[]
  }
  readonly allow?: readonly AllowanceBlock[]
}

interface AllowanceBlock {
  readonly rules: readonly string[]
  readonly namespace?: string
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly reason: string
  readonly until?: string
}

/** More than half of the real servers of a port: what is left would have to carry twice as much. */
const USUAL_PERCENT = 50

/** Settings as a file says them; what it leaves out is as without a file. `origin`: where the block `lint` stands. */
export function lintSettings(block: LintBlock, origin: Origin, today: string): LintSettings {
  const { rules = {}, thresholds = {}, networks = {}, allow = [] } = block
  const { externalIPs = [], loadBalancers, sourceRanges, apiServers = [] } = networks
  return {
    severities: new Map(Object.entries(rules)),
    thresholds: {
      endpointsLostPercent: thresholds.endpointsLostPercent ?? USUAL_PERCENT,
      nodesTouched: thresholds.nodesTouched ?? null,
      servicesTouchedPercent: thresholds.servicesTouchedPercent ?? null,
    },
    networks: {
      externalIPs: networksOf(externalIPs),
      loadBalancers: loadBalancers === undefined ? null : networksOf(loadBalancers),
      sourceRanges: sourceRanges === undefined ? null : networksOf(sourceRanges),
      apiServers: apiServers.flatMap((text) => canonicalAddress(text) ?? []),
    },
    allowances: allow.map((given, index) => allowance(given, origin, index)),
    today,
  }
}

/** What rules are asked with where there is no `ipvsc.yaml`. */
export const defaultSettings = (today: string): LintSettings =>
  lintSettings({}, { source: 'ipvsc.yaml', document: 0, path: [] }, today)

const allowance = (given: AllowanceBlock, origin: Origin, index: number): Allowance => ({
  rules: given.rules,
  namespace: given.namespace ?? null,
  name: given.name ?? null,
  labels: given.labels ?? {},
  reason: given.reason,
  until: given.until ?? null,
  origin,
  path: ['allow', index],
})

/** Networks of a list; an address alone is a network of one host. */
const networksOf = (texts: readonly string[]): Network[] => texts.flatMap((text) => networkOf(text) ?? [])

const networkOf = (text: string): Network | null =>
  parseNetwork(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`)

/** Values that a schema lets through and nobody can use, with where they stand below `lint`. */
export function unusableValues({ networks = {}, allow = [] }: LintBlock): {
  readonly path: readonly (string | number)[]
  readonly found: string
  readonly expected: string
}[] {
  const lists = (['externalIPs', 'loadBalancers', 'sourceRanges'] as const).flatMap((field) =>
    (networks[field] ?? []).flatMap((text, index) =>
      networkOf(text) === null
        ? [{ path: ['networks', field, index], found: text, expected: 'a network such as 192.0.2.0/24' }]
        : [],
    ),
  )
  const addresses = (networks.apiServers ?? []).flatMap((text, index) =>
    canonicalAddress(text) === null
      ? [{ path: ['networks', 'apiServers', index], found: text, expected: 'an address such as 192.0.2.1' }]
      : [],
  )
  const days = allow.flatMap(({ until }, index) =>
    until === undefined || isDay(until)
      ? []
      : [{ path: ['allow', index, 'until'], found: until, expected: 'a day such as 2027-01-31' }],
  )
  return [...lists, ...addresses, ...days]
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Whether a text of the form of a day is one: `2027-02-30` is not. */
export function isDay(text: string): boolean {
  const [, year, month, day] = (/^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? []).map(Number)
  if (year === undefined || month === undefined || day === undefined) return false
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const last = month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0)
  return day >= 1 && day <= last
}
