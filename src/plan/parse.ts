import type { ErrorObject } from 'ajv'
import { CHAIN_NAMES } from '../kernel/chains.ts'
import { kernelSetName, SET_DEFINITIONS } from '../kernel/sets.ts'
import { PLAN_SETTINGS } from '../kernel/settings.ts'
import { canonicalAddress, familyOf, formatNetwork, parseNetwork } from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import { virtualServerKey } from './keys.ts'
import type { IpSet, Match, Plan, Rule, SetEntry, Table } from './types.ts'

/** One thing in a text that no plan holds. */
export interface PlanProblem {
  /** `tables[0].chains[2].rules[0].target.chain`; empty for the whole text. */
  readonly path: string
  /** In words, with what stands there. */
  readonly message: string
}

/** A text that is no plan: it would make a node do what ipvsc never does. */
export class PlanError extends Error {
  /** At least one, in the order of the text. */
  readonly problems: readonly PlanProblem[]
  constructor(problems: readonly PlanProblem[]) {
    const shown = problems
      .slice(0, 3)
      .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    super([...shown, ...(problems.length > 3 ? [`${problems.length - 3} more`] : [])].join('; '))
    this.problems = problems
  }
}

/**
 * Reads the text of a plan (plan.json). It is held against its schema, and it may name only what ipvsc owns: its chains, sets,
 * modules and settings, addresses in canonical form, families that it says it has. Throws a PlanError that names each place.
 */
export async function parsePlan(text: string): Promise<Plan> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new PlanError([{ path: '', message: 'it is no JSON' }])
  }
  const { validatePlan } = await import('../generated/completeValidators.js')
  if (!validatePlan(value)) throw new PlanError(schemaProblems(validatePlan.errors ?? []))
  const problems = planProblems(value as Plan)
  if (problems.length > 0) throw new PlanError(problems)
  return value as Plan
}

/** What the schema cannot say. */
function planProblems(plan: Plan): PlanProblem[] {
  const found: PlanProblem[] = []
  const report: Report = (path, message) => found.push({ path, message })
  if (plan.families.join() !== FAMILIES.filter((family) => plan.families.includes(family)).join())
    report('families', 'each family comes once, IPv4 first')
  checkServers(plan, report)
  checkSets(plan, report)
  checkTables(plan, report)
  for (const [index, address] of plan.dummyInterface.addresses.entries())
    checkAddress(address, plan.families, `dummyInterface.addresses[${index}]`, report)
  checkOnce(plan.dummyInterface.addresses, 'dummyInterface.addresses', report)
  for (const [index, { name, value }] of plan.sysctls.entries()) {
    const only = PLAN_SETTINGS[name] ?? null
    if (only !== null && value !== only) report(`sysctls[${index}].value`, `${name} is ${only} in every plan`)
  }
  checkOnce(
    plan.sysctls.map(({ name }) => name),
    'sysctls',
    report,
  )
  checkOnce(plan.modules, 'modules', report)
  for (const [index, network] of plan.excludeCIDRs.entries())
    checkNetwork(network, FAMILIES, `excludeCIDRs[${index}]`, report)
  return found
}

type Report = (path: string, message: string) => void

function checkServers({ virtualServers, families }: Plan, report: Report): void {
  for (const [index, { address, realServers }] of virtualServers.entries()) {
    const path = `virtualServers[${index}]`
    checkAddress(address, families, `${path}.address`, report)
    for (const [other, server] of realServers.entries())
      checkAddress(server.address, [familyOf(address)], `${path}.realServers[${other}].address`, report)
    checkOnce(
      realServers.map((server) => `${server.address} ${server.port}`),
      `${path}.realServers`,
      report,
    )
  }
  checkOnce(virtualServers.map(virtualServerKey), 'virtualServers', report)
}

const setNames = (family: Family): string[] => SET_DEFINITIONS.map(({ name }) => kernelSetName(name, family))

function checkSets({ sets, families }: Plan, report: Report): void {
  for (const [index, set] of sets.entries()) {
    const path = `sets[${index}]`
    if (!families.includes(set.family)) report(`${path}.family`, `the plan has no ${set.family}`)
    if (!setNames(set.family).includes(set.name))
      report(`${path}.name`, `${show(set.name)} is no ${set.family} set of ipvsc`)
    checkEntries(set, path, report)
  }
  checkOnce(
    sets.map(({ name }) => name),
    'sets',
    report,
  )
}

function checkEntries({ entries, family }: IpSet, path: string, report: Report): void {
  for (const [index, entry] of (entries as readonly SetEntry[]).entries()) {
    const place = `${path}.entries[${index}]`
    if ('address' in entry) checkAddress(entry.address, [family], `${place}.address`, report)
    if ('source' in entry) checkAddress(entry.source, [family], `${place}.source`, report)
    if ('sourceRange' in entry) checkNetwork(entry.sourceRange, [family], `${place}.sourceRange`, report)
  }
}

function checkTables({ tables, families }: Plan, report: Report): void {
  for (const [index, table] of tables.entries()) {
    const path = `tables[${index}]`
    const chains = CHAIN_NAMES[table.name]
    const expectChain = (chain: string, place: string): void => {
      if (!chains.includes(chain)) report(place, `${show(chain)} is no chain of ipvsc in ${table.name}`)
    }
    if (!families.includes(table.family)) report(`${path}.family`, `the plan has no ${table.family}`)
    for (const [other, { name, rules }] of table.chains.entries()) {
      expectChain(name, `${path}.chains[${other}].name`)
      for (const [number, rule] of rules.entries())
        checkRule(rule, table, `${path}.chains[${other}].rules[${number}]`, report)
    }
    for (const [other, { to }] of table.jumps.entries()) expectChain(to, `${path}.jumps[${other}].to`)
    checkOnce(
      table.chains.map(({ name }) => name),
      `${path}.chains`,
      report,
    )
  }
  checkOnce(
    tables.map(({ family, name }) => `${family} ${name}`),
    'tables',
    report,
  )
}

function checkRule({ matches, target }: Rule, { family, name }: Table, path: string, report: Report): void {
  if (target.kind === 'jump' && !CHAIN_NAMES[name].includes(target.chain))
    report(`${path}.target.chain`, `${show(target.chain)} is no chain of ipvsc in ${name}`)
  for (const [index, match] of matches.entries())
    checkMatch(match, family, `${path}.matches[${index}]`, report)
}

function checkMatch(match: Match, family: Family, path: string, report: Report): void {
  if (match.kind === 'set' && !setNames(family).includes(match.set))
    report(`${path}.set`, `${show(match.set)} is no ${family} set of ipvsc`)
  else if (match.kind === 'source') checkNetwork(match.network, [family], `${path}.network`, report)
  else if (match.kind === 'ipvs') checkAddress(match.address, [family], `${path}.address`, report)
}

function checkAddress(text: string, families: readonly Family[], path: string, report: Report): void {
  if (canonicalAddress(text) !== text) report(path, `${show(text)} is no address in canonical form`)
  else if (!families.includes(familyOf(text)))
    report(path, `${show(text)} is not of ${families.join(' or ')}`)
}

function checkNetwork(text: string, families: readonly Family[], path: string, report: Report): void {
  const network = parseNetwork(text)
  if (network === null || formatNetwork(network) !== text)
    report(path, `${show(text)} is no network in canonical form`)
  else if (!families.includes(familyOf(text.replace(/\/.*/, ''))))
    report(path, `${show(text)} is not of ${families.join(' or ')}`)
}

function checkOnce(keys: readonly string[], path: string, report: Report): void {
  const seen = new Set<string>()
  for (const [index, key] of keys.entries()) {
    if (seen.has(key)) report(`${path}[${index}]`, `${show(key)} comes twice`)
    seen.add(key)
  }
}

/** A value of theirs, short and harmless on a terminal. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  const safe = text.replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return safe.length > 60 ? `${safe.slice(0, 57)}…` : safe
}

/** Errors of the schema, without those of the kinds that an item says it is not of. */
function schemaProblems(errors: readonly ErrorObject[]): PlanProblem[] {
  const others = new Set(
    errors.filter(({ keyword }) => keyword === 'const').flatMap((error) => alternative(error) ?? []),
  )
  const isNamed = (error: ErrorObject): boolean =>
    error.keyword !== 'oneOf' && !others.has(alternative(error) ?? '')
  const named = errors.filter(isNamed)
  const problems = new Map(
    (named.length > 0 ? named : errors.filter(({ keyword }) => keyword === 'oneOf')).map((error) => {
      const problem = { path: placeOf(error), message: explain(error) }
      return [`${problem.path} ${problem.message}`, problem]
    }),
  )
  return [...problems.values()]
}

/** Which alternative of a schema an error is of, for which item; `null` for what has no alternatives. */
function alternative({ schemaPath, instancePath }: ErrorObject): string | null {
  const [branch] = /^.*\/oneOf\/\d+/.exec(schemaPath) ?? []
  if (branch === undefined) return null
  const item = /^.*?\/(sets|matches)\/\d+|^.*\/target|^\/[a-zA-Z]+(\/\d+\/persistence)?/.exec(instancePath)
  return `${branch} ${item?.[0]}`
}

function explain({ keyword, params, message = keyword, data }: ErrorObject): string {
  if (keyword === 'additionalProperties') return 'there is no such field'
  if (keyword === 'required') return `the field ${params.missingProperty} is missing`
  if (keyword === 'oneOf') return `${show(data)} is of no kind that a plan knows`
  if (keyword === 'enum') return `${show(data)} is none of those that a plan may name`
  if (keyword === 'const') return `${show(data)} must be ${show(params.allowedValue)}`
  return `${show(data)} ${message}`
}

function placeOf({ instancePath, keyword, params }: ErrorObject): string {
  const keys = instancePath.split('/').slice(1)
  if (keyword === 'additionalProperties') keys.push(String(params.additionalProperty))
  return keys
    .map((key, index) => {
      const name = key.replaceAll('~1', '/').replaceAll('~0', '~')
      if (/^\d+$/.test(name)) return `[${name}]`
      const word = /^[\w-]+$/.test(name) ? name : show(name)
      return index === 0 ? word : `.${word}`
    })
    .join('')
}
