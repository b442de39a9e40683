import { safeText } from '../diagnostics/safeText.ts'
import { count, effectText, has, nodesText, verdict } from './summary.ts'
import type { NodeGroup, OtherChange, Review, ServiceReview, VirtualServerReview } from './types.ts'

/** Characters that a comment of a pull request may have. */
const MOST_CHARACTERS = 65_536

export interface MarkdownOptions {
  readonly most?: number
  /** The command that shows all of it. */
  readonly command?: string
}

/**
 * A review as a comment of a pull request: verdict, table, details by Service. What does not fit is cut from the end,
 * the least important first; names of all changed Services stay. Nothing of an input is Markdown or HTML here.
 */
export function formatMarkdown(
  review: Review,
  { most = MOST_CHARACTERS, command = 'ipvsc diff' }: MarkdownOptions = {},
): string {
  const ordered = [...review.services].sort((a, b) => importance(b) - importance(a))
  const head = `### ipvsc: ${escapeMarkdown(verdict(review))}\n`
  const blocks = [...ordered.map((service) => details(service, review)), ...othersBlock(review)]
  const room = most - CUT_ROOM - command.length
  const table = fitTable(ordered, review, room - head.length)
  let text = head + table
  let shown = 0
  for (const block of blocks) {
    if (text.length + block.length > room) break
    text += block
    shown++
  }
  return shown === blocks.length ? text : `${text}\n${cutNotice(blocks.length - shown, command)}\n`
}

/** What the notice of a cut takes at most. */
const CUT_ROOM = 200

const cutNotice = (left: number, command: string): string =>
  `_${count(left, 'detail')} did not fit; ${code(command)} shows all._`

const importance = (service: ServiceReview): number =>
  has(service, 'unreachable') ? 3 : service.fate === 'removed' ? 2 : service.groups.length > 0 ? 1 : 0

/** Rows of a table while there is room, else bare names. */
function fitTable(services: readonly ServiceReview[], review: Review, room: number): string {
  if (services.length === 0) return ''
  const full = `\n| | Service | what | real servers | nodes |\n|---|---|---|---|---|\n${services.map((service) => row(service, review)).join('')}`
  return full.length <= room ? full : `\n${services.map(({ service }) => code(service)).join(', ')}\n`
}

function row(service: ServiceReview, review: Review): string {
  const nodes = [...new Set(service.groups.flatMap((group) => group.nodes))]
  const sign = has(service, 'unreachable')
    ? '✗'
    : { added: '+', removed: '−', changed: '~', recreated: '!' }[service.fate]
  const where = nodes.length === 0 ? 'none' : nodesText(nodes.sort(), review.nodes)
  return `| ${[sign, code(service.service), what(service), servers(service), escapeMarkdown(where)].join(' | ')} |\n`
}

function what({ fate, fields, groups }: ServiceReview): string {
  if (fate !== 'changed')
    return { added: 'new', removed: 'removed', recreated: 'has to be created again' }[fate]
  const names = fields.map(({ field }) => field)
  if (names.length === 0) return groups.length > 0 ? 'endpoints' : ''
  return names.slice(0, 3).map(code).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '')
}

function servers({ groups }: ServiceReview): string {
  const first =
    groups[0]?.virtualServers.find(({ before, after }) => before !== after) ?? groups[0]?.virtualServers[0]
  if (first === undefined) return ''
  return first.before === first.after ? String(first.after) : `${first.before} → ${first.after}`
}

function details(service: ServiceReview, review: Review): string {
  const fields = service.fields.map(
    ({ field, before, after }) => `- ${code(field)}: ${value(before)} → ${value(after)}\n`,
  )
  const place = service.origin === null ? '' : `${code(service.origin.source)}\n\n`
  return `\n<details><summary><code>${escapeHtml(service.service)}</code></summary>\n\n${place}${service.fate === 'added' || service.fate === 'removed' ? '' : fields.join('')}${service.groups.map((group) => groupText(group, review)).join('')}\n</details>\n`
}

const value = (text: string | null): string => (text === null ? '_not set_' : code(text))

const groupText = ({ nodes, virtualServers, effects }: NodeGroup, review: Review): string =>
  [
    `\non ${escapeMarkdown(nodesText(nodes, review.nodes))}:\n\n`,
    ...virtualServers.map((server) => `- ${serverText(server)}\n`),
    ...effects.map(
      (effect) => `- ${effect.kind === 'unreachable' ? '✗ ' : ''}${escapeMarkdown(effectText(effect))}\n`,
    ),
  ].join('')

function serverText({ key, fate, before, after, added, removed, settings }: VirtualServerReview): string {
  const members = [...added.map((name) => `+${name}`), ...removed.map((name) => `−${name}`)]
  const parts = [`${before} → ${after} real servers`, ...settings, ...members.slice(0, 10)]
  return `${fate} ${code(key)}: ${parts.map(escapeMarkdown).join('; ')}${members.length > 10 ? `; and ${members.length - 10} more` : ''}`
}

function othersBlock({ others, nodes }: Review): string[] {
  if (others.length === 0) return []
  const lines = others.map(({ before, after, nodes: some }: OtherChange) =>
    [...before.map((line) => `- − ${code(line)}`), ...after.map((line) => `- \\+ ${code(line)}`)]
      .map(
        (line) =>
          `${line}${some.length === nodes.length ? '' : ` (${escapeMarkdown(nodesText(some, nodes))})`}\n`,
      )
      .join(''),
  )
  return [`\n<details><summary>of no Service</summary>\n\n${lines.join('')}\n</details>\n`]
}

/** A text as code: a fence longer than any run of backticks in it, no line breaks, and no bar that would end a cell. */
export function code(text: string): string {
  const safe = safeText(text).replace(/[|]/g, '\u01c0').replace(/</g, '\u2039').replace(/>/g, '\u203a')
  const longest = Math.max(0, ...[...safe.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return longest === 0 ? `${fence}${safe}${fence}` : `${fence} ${safe} ${fence}`
}

/** For what stands inside HTML, where Markdown is not read but mentions are. */
const escapeHtml = (text: string): string =>
  safeText(text).replace(/[&<>"'@:/`[\]()]/g, (character) => `&#${character.charCodeAt(0)};`)

/** A text whose every character is itself: no mention, link, emphasis, HTML or table. */
export const escapeMarkdown = (text: string): string =>
  safeText(text)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[\\`*_{}[\]()#+!|~]/g, '\\$&')
    .replace(/@/g, '&#64;')
    .replace(/:\/\//g, ':&#47;&#47;')
