import type { Severity } from '../../diagnostics/diagnostics.ts'
import { compareText } from '../../order.ts'
import type { Plan } from '../../plan/types.ts'
import type { Finding, Findings } from '../finding.ts'
import type { Draft } from './draft.ts'
import { allowanceExpired } from './rules/allowanceExpired.ts'
import { ignoreUnknown } from './rules/ignoreUnknown.ts'
import { RULES } from './rules/index.ts'
import { rank } from './severities.ts'
import { Silences } from './silence.ts'
import type { ClusterSubject } from './subject.ts'
import type { ChangeRule, GuardedChange, LintSettings, Rule, StateRule } from './types.ts'

/** What rules say of a cluster. */
export function lintCluster(subject: ClusterSubject, settings: LintSettings): Findings {
  const silences = new Silences([subject.cluster], settings.allowances, settings.today)
  const asked = stateRules(settings)
  const found = asked.flatMap((rule) =>
    rule.check === undefined ? [] : findings(rule, rule.check(subject, settings), settings, silences),
  )
  return result(
    [...found, ...ofSilences(subject, settings, silences)],
    asked.filter(({ check }) => !check),
  )
}

/** What rules say of a plan, which knows of no Service. */
export function lintPlan(plan: Plan, settings: LintSettings): Findings {
  const silences = new Silences([], settings.allowances, settings.today)
  const asked = stateRules(settings)
  const found = asked.flatMap((rule) =>
    rule.checkPlan === undefined ? [] : findings(rule, rule.checkPlan(plan, settings), settings, silences),
  )
  return result(
    [...found, ...ofSilences(null, settings, silences)],
    asked.filter(({ checkPlan }) => !checkPlan),
  )
}

/** What guard rules say of a change. */
export function lintChange(change: GuardedChange, settings: LintSettings): Findings {
  const clusters = [change.before, change.after].map(({ cluster }) => cluster?.cluster ?? null)
  const silences = new Silences(clusters, settings.allowances, settings.today)
  const asked = RULES.filter((rule): rule is ChangeRule => rule.on === 'change' && isOn(rule, settings))
  const found = asked.flatMap((rule) => findings(rule, rule.check(change, settings), settings, silences))
  return result([...found, ...ofSilences(change.after.cluster, settings, silences)], [])
}

const stateRules = (settings: LintSettings): StateRule[] =>
  RULES.filter((rule): rule is StateRule => rule.on === 'state' && isOn(rule, settings))

/** Expired allowances, and annotations that name no rule. */
function ofSilences(subject: ClusterSubject | null, settings: LintSettings, silences: Silences): Finding[] {
  const drafts = [
    [allowanceExpired, allowanceExpired.find(settings)],
    [ignoreUnknown, subject === null ? [] : ignoreUnknown.find(subject.cluster, RULES)],
  ] as const
  return drafts.flatMap(([rule, found]) =>
    isOn(rule, settings) ? findings(rule, found, settings, silences) : [],
  )
}

const isOn = ({ code }: Rule, { severities }: LintSettings): boolean => severities.get(code) !== 'off'

function findings(
  rule: Rule,
  drafts: Iterable<Draft>,
  { severities }: LintSettings,
  silences: Silences,
): Finding[] {
  const { code, why, mend } = rule
  const severity = (severities.get(code) ?? rule.severity) as Severity
  return [...drafts].map((draft) => ({
    code,
    severity,
    message: draft.message,
    why,
    mend: draft.mend ?? mend,
    subject: draft.subject,
    service: draft.service,
    place: draft.origin === null ? null : { origin: draft.origin, path: draft.path, position: null },
    nodes: draft.nodes ?? [],
    silenced: silences.of(code, draft),
  }))
}

const result = (found: readonly Finding[], notAsked: readonly Rule[]): Findings => ({
  version: 1,
  findings: sortedFindings(found),
  notAsked: notAsked.map(({ code }) => code).sort(compareText),
})

/** Worst first; what is of no Service last. */
const sortedFindings = (found: readonly Finding[]): Finding[] =>
  [...found].sort(
    (a, b) =>
      rank(a.severity) - rank(b.severity) ||
      compareText(a.service ?? '\uffff', b.service ?? '\uffff') ||
      compareText(a.code, b.code) ||
      compareText(JSON.stringify(a.place), JSON.stringify(b.place)) ||
      compareText(a.message, b.message),
  )
