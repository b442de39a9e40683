import { safeText } from '../diagnostics/safeText.ts'
import { type FindingPaint, findingLines, verdictOf } from './lint/render/text.ts'
import { count, effectText, nodesText, verdict } from './summary.ts'
import type {
  FieldChange,
  NodeGroup,
  OtherChange,
  Review,
  ServiceReview,
  VirtualServerReview,
} from './types.ts'
import { fieldPlaceText, packetLines, placeText, unmovedText } from './words.ts'

/** How text is painted; the identity where there are no colours. */
export interface Paint {
  readonly strong: (text: string) => string
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
}
export const PLAIN: Paint = { strong: (text) => text, good: (text) => text, bad: (text) => text }

/** A review as a person reads it in a terminal. Every text of an input is made safe. */
export function formatReview(review: Review, paint: Paint = PLAIN, findingPaint?: FindingPaint): string {
  const first = verdict(review)
  return [
    `${(first.includes('UNREACHABLE') ? paint.bad : paint.strong)(safeText(first))}\n`,
    ...review.services.map((service) => serviceText(service, review, paint)),
    othersText(review, paint),
    packetsText(review),
    findingsText(review, paint, findingPaint),
    `\n${footer(review)}\n`,
  ].join('')
}

const SIGNS = { added: '+', removed: '-', changed: '~', recreated: '!' } as const

function serviceText(service: ServiceReview, review: Review, paint: Paint): string {
  const { fate, origin, line, fields, groups, waits = [] } = service
  const place = origin === null ? '' : placeText(origin.source, line)
  const title = `${SIGNS[fate]} ${safeText(service.service)}`
  return [
    `\n${paint.strong(title)}${place === '' ? '' : `${' '.repeat(Math.max(2, 60 - title.length))}${safeText(place)}`}\n`,
    ...(fate === 'recreated'
      ? ['    has to be deleted and created again: an address or family cannot be changed in place\n']
      : []),
    ...(fate === 'added' || fate === 'removed' ? [fieldSummary(fields, fate)] : fields.map(fieldText)),
    ...waits.map((text) => `    ${'waits'.padEnd(FIELD_WIDTH)} ${safeText(text)}\n`),
    ...(groups.length === 0
      ? ['    no node does anything differently\n']
      : groups.map((group) => groupText(group, review, paint))),
  ].join('')
}

/** Columns of names of fields. */
const FIELD_WIDTH = 28
/** Column of places, where there is room before it. */
const PLACE_COLUMN = 76

function fieldText({ field, before, after, place }: FieldChange): string {
  const line = `    ${safeText(field).padEnd(FIELD_WIDTH)} ${safeText(before ?? 'not set')} → ${safeText(after ?? 'not set')}`
  if (place === undefined) return `${line}\n`
  return `${line.padEnd(PLACE_COLUMN)}  ${safeText(fieldPlaceText(place))}\n`
}

/** A Service that comes or goes: what it is, in a line. */
function fieldSummary(fields: readonly FieldChange[], fate: 'added' | 'removed'): string {
  const value = (name: string): string | null => {
    const found = fields.find(({ field }) => field === name)
    return (fate === 'added' ? found?.after : found?.before) ?? null
  }
  const ports = fields.flatMap(({ field }) => /^port (\S+)$/.exec(field)?.[1] ?? [])
  const parts = [
    value('type'),
    value('cluster IP'),
    ports.length > 0 ? `ports ${ports.join(', ')}` : null,
    value('ready endpoints') === null ? null : `${value('ready endpoints')} ready endpoints`,
  ]
  return `    ${safeText(parts.filter((part) => part !== null).join(' · '))}\n`
}

function groupText({ nodes, virtualServers, effects }: NodeGroup, review: Review, paint: Paint): string {
  return [
    `    on ${safeText(nodesText(nodes, review.nodes))}\n`,
    ...virtualServers.map((server) => serverText(server, paint)),
    ...effects.map(
      (effect) =>
        `      ${effect.kind === 'unreachable' ? paint.bad('✗') : '·'} ${safeText(effectText(effect))}\n`,
    ),
  ].join('')
}

function serverText(server: VirtualServerReview, paint: Paint): string {
  const { key, fate, before, after, settings, isAssumed } = server
  const sizes =
    fate === 'added'
      ? count(after, 'real server')
      : fate === 'removed'
        ? `had ${count(before, 'real server')}`
        : before === after
          ? ''
          : `${before} → ${count(after, 'real server')}`
  const line = [`${SIGNS[fate]} ${key}${isAssumed ? ' (assumed)' : ''}`, sizes, ...settings]
    .filter((text) => text !== '')
    .join('  ')
  return `      ${safeText(line)}\n${fate === 'changed' ? memberLines(server, paint) : ''}`
}

/** More than these are counted, not listed. */
const MOST_MEMBERS = 8

function memberLines({ added, removed }: VirtualServerReview, paint: Paint): string {
  const lines = [
    ...removed.map((name) => paint.bad(`- ${safeText(name)}`)),
    ...added.map((name) => paint.good(`+ ${safeText(name)}`)),
  ]
  const rest = lines.length - MOST_MEMBERS
  const shown = rest > 1 ? [...lines.slice(0, MOST_MEMBERS), `and ${rest} more`] : lines
  return shown.map((line) => `          ${line}\n`).join('')
}

function othersText({ others, nodes }: Review, paint: Paint): string {
  if (others.length === 0) return ''
  const lines = others.map(({ before, after, nodes: some }: OtherChange) =>
    [
      ...before.map((line) => `    ${paint.bad(`- ${safeText(line)}`)}\n`),
      ...after.map((line) => `    ${paint.good(`+ ${safeText(line)}`)}\n`),
      some.length === nodes.length ? '' : `      on ${safeText(nodesText(some, nodes))}\n`,
    ].join(''),
  )
  return `\n${paint.strong('of no Service')}\n${lines.join('')}`
}

/** What guard rules say; nothing where they were not asked. */
function findingsText({ findings }: Review, paint: Paint, findingPaint?: FindingPaint): string {
  if (findings === undefined) return ''
  const verdict = verdictOf({ version: 1, findings, notAsked: [] })
  return `\n${paint.strong(`guard: ${safeText(verdict)}`)}\n${findingLines(findings, findingPaint)}`
}

/** What changes for packets at addresses of Services that are not told of above. */
function packetsText(review: Review): string {
  const { shown, more } = packetLines(review)
  const lines = shown.map((line) => `    ${safeText(line)}\n`).join('')
  return shown.length === 0
    ? ''
    : `\nother packets that change their fate\n${lines}${more > 0 ? `    and ${more} more\n` : ''}`
}

function footer(review: Review): string {
  const { unchanged, onlyBefore, onlyAfter, nodes, others, hidden } = review
  const parts = [
    unmovedText(review),
    others.length === 0 && (hidden?.others ?? 0) === 0
      ? 'no rule, set or setting of all Services changes'
      : '',
    `${count(unchanged, 'Service')} unchanged`,
    `${count(nodes.length, 'node')} compared`,
    onlyBefore.length === 0 ? '' : `before alone: ${onlyBefore.join(', ')}`,
    onlyAfter.length === 0 ? '' : `after alone: ${onlyAfter.join(', ')}`,
  ]
  return safeText(parts.filter((part) => part !== '').join(' · '))
}
