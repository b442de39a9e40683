import type { Finding } from './finding.ts'
import { cellCode, code, escapeHtml, escapeMarkdown } from './markdownText.ts'
import {
  byImportance,
  count,
  effectText,
  has,
  nodesOf,
  nodesText,
  serverCounts,
  signOf,
  verdict,
  whatChanges,
} from './summary.ts'
import type {
  FieldChange,
  NodeGroup,
  OtherChange,
  Review,
  ServiceReview,
  VirtualServerReview,
} from './types.ts'
import { fieldPlaceText, packetLines, placeText, unmovedText } from './words.ts'

/** Characters that a comment of a pull request may have. */
const MOST_CHARACTERS = 65_536

export interface MarkdownOptions {
  /** Characters at most; there is room for the verdict in any case. */
  readonly most?: number
  /** The command that shows all of it. */
  readonly command?: string
  /** The table alone, without details. */
  readonly stat?: boolean
}

/**
 * A review as a comment of a pull request: verdict, table, findings, details by Service. What does not fit is cut from the
 * end, the least important first; names of all changed Services stay. Nothing of an input is Markdown or HTML here.
 */
export function formatMarkdown(
  review: Review,
  { most = MOST_CHARACTERS, command = 'ipvsc diff', stat = false }: MarkdownOptions = {},
): string {
  const head = `### ipvsc: ${verdict(review, code)}\n`
  const whole = laidOut(review, most - head.length, stat)
  if (!isCut(whole.cut)) return head + whole.text
  const notice = cutNotice({ rows: 99_999, names: 99_999, details: 99_999 }, command)
  const { text, cut } = laidOut(review, most - head.length - notice.length, stat)
  return head + text + cutNotice(cut, command)
}

/** Table and details, as many as there is room for. */
function laidOut(review: Review, room: number, stat: boolean): { readonly text: string; readonly cut: Cut } {
  const ordered = byImportance(review.services)
  const table = fitTable(ordered, review, room)
  const blocks = stat
    ? []
    : [
        ...findingBlocks(review),
        ...ordered.map((one) => details(one, review)),
        ...othersBlock(review),
        ...packetsBlock(review),
      ]
  const shown = fitting(blocks, room - table.text.length)
  return {
    text: table.text + blocks.slice(0, shown).join(''),
    cut: { rows: table.rows, names: table.names, details: blocks.length - shown },
  }
}

const isCut = ({ rows, names, details: blocks }: Cut): boolean => rows + names + blocks > 0

/** How many of the texts have room, from the first on. */
function fitting(texts: readonly string[], room: number): number {
  let used = 0
  const end = texts.findIndex((text) => {
    used += text.length
    return used > room
  })
  return end === -1 ? texts.length : end
}

/** What is missing, by number. */
interface Cut {
  readonly rows: number
  readonly names: number
  readonly details: number
}

function cutNotice({ rows, names, details: blocks }: Cut, command: string): string {
  const parts = [
    ...(names === 0 ? [] : [`the names of ${count(names, 'Service')}`]),
    ...(rows === 0 ? [] : [`${count(rows, 'row')} of the table`]),
    ...(blocks === 0 ? [] : [`${count(blocks, 'detail')}`]),
  ]
  return `\n_Cut to fit, the least important first: ${parts.join(', ')}. All of it:_ ${code(command)}\n`
}

interface Table {
  readonly text: string
  /** Services without a row of their own, and those without a name. */
  readonly rows: number
  readonly names: number
}

const TABLE_HEAD = '\n| | Service | what | real servers | nodes |\n|---|---|---|---|---|\n'

/** Rows for the most important Services, in half of the room, and names for the rest. */
function fitTable(services: readonly ServiceReview[], review: Review, room: number): Table {
  if (services.length === 0) return { text: '', rows: 0, names: 0 }
  const rows = services.map((service) => row(service, review))
  const whole = TABLE_HEAD + rows.join('')
  if (whole.length <= room / 2) return { text: whole, rows: 0, names: 0 }
  const costs = services.map(({ service }) => nameItem(service).length)
  let names = costs.reduce((sum, cost) => sum + cost, TABLE_HEAD.length + NAMES_HEAD.length)
  if (names > room) return namesAlone(services, room)
  const limit = Math.max(room / 2, names)
  let shown = 0
  while (shown < rows.length) {
    const longer = names - (costs[shown] as number) + (rows[shown] as string).length
    if (longer > limit) break
    names = longer
    shown++
  }
  const left = services.slice(shown).map(({ service }) => nameItem(service))
  const head = shown === 0 ? '' : TABLE_HEAD
  const text = `${head}${rows.slice(0, shown).join('')}${left.length === 0 ? '' : `\nand ${left.join('')}\n`}`
  return { text, rows: left.length, names: 0 }
}

const NAMES_HEAD = '\nand \n'
const nameItem = (name: string): string => `${code(name)} `

/** Names by namespace, which are shorter; as many as there is room for. */
function namesAlone(services: readonly ServiceReview[], room: number): Table {
  const spaces = new Map<string, string[]>()
  let used = 2
  let named = 0
  for (const { service } of services) {
    const [space = '', name = ''] = service.split(/\/(.*)/s)
    const known = spaces.get(space)
    const cost =
      known === undefined ? code(`${space}/`).length + code(name).length + 2 : code(name).length + 1
    if (used + cost > room) break
    used += cost
    named++
    if (known === undefined) spaces.set(space, [name])
    else known.push(name)
  }
  const lines = [...spaces].map(([space, names]) => `${code(`${space}/`)} ${names.map(code).join(' ')}\n`)
  return { text: `\n${lines.join('')}`, rows: services.length, names: services.length - named }
}

function row(service: ServiceReview, review: Review): string {
  const nodes = nodesOf(service)
  const where = nodes.length === 0 ? 'none' : nodesText(nodes, review.nodes, cellCode)
  const cells = [
    signOf(service),
    cellCode(service.service),
    whatChanges(service, cellCode),
    serverCounts(service),
    where,
  ]
  return `| ${cells.join(' | ')} |\n`
}

function findingBlocks({ findings = [] }: Review): string[] {
  const counted = findings.filter(({ silenced }) => silenced === null)
  return counted.length === 0
    ? []
    : [`\n**${count(counted.length, 'finding')}**\n\n`, ...counted.map(findingLine)]
}

function findingLine({ severity, code: name, message, mend, place, service }: Finding): string {
  const line = place?.position == null ? '' : `:${place.position.line}`
  const where =
    place === null ? (service === null ? '' : code(service)) : code(`${place.origin.source}${line}`)
  return `- ${severity} ${code(name)} ${where}: ${escapeMarkdown(message)} ${escapeMarkdown(mend)}\n`
}

function details(service: ServiceReview, review: Review): string {
  const { origin, line, waits = [] } = service
  const place = origin === null ? '' : `${code(placeText(origin.source, line))}\n\n`
  const isWhole = service.fate === 'added' || service.fate === 'removed'
  const consequence = has(service, 'unreachable') ? ': no longer answered for some clients' : ''
  return [
    `\n<details><summary><code>${escapeHtml(service.service)}</code>${consequence}</summary>\n\n`,
    place,
    ...(isWhole ? [] : service.fields.map(fieldLine)),
    ...waits.map((text) => `- waits: ${escapeMarkdown(text)}\n`),
    ...service.groups.map((group) => groupText(group, review)),
    '\n</details>\n',
  ].join('')
}

function fieldLine({ field, before, after, place }: FieldChange): string {
  const where = place === undefined ? '' : ` (${code(fieldPlaceText(place))})`
  return `- ${code(field)}: ${value(before)} → ${value(after)}${where}\n`
}

const value = (text: string | null): string => (text === null ? '_not set_' : code(text))

const groupText = ({ nodes, virtualServers, effects }: NodeGroup, review: Review): string =>
  [
    `\non ${nodesText(nodes, review.nodes, code)}:\n\n`,
    ...virtualServers.map((server) => `- ${serverText(server)}\n`),
    ...effects.map(
      (effect) =>
        `- ${effect.kind === 'unreachable' ? '✗ ' : ''}${effectText(effect, code, escapeMarkdown)}\n`,
    ),
  ].join('')

function serverText(server: VirtualServerReview): string {
  const { key, fate, before, after, added, removed, settings, isAssumed } = server
  const members = [...added.map((name) => `+${name}`), ...removed.map((name) => `−${name}`)]
  const parts = [
    `${before} → ${after} real servers`,
    ...settings.map(code),
    ...members.slice(0, 10).map(code),
  ]
  const name = `${code(key)}${isAssumed ? ' (assumed)' : ''}`
  return `${fate} ${name}: ${parts.join('; ')}${members.length > 10 ? `; and ${members.length - 10} more` : ''}`
}

function othersBlock({ others, nodes }: Review): string[] {
  if (others.length === 0) return []
  const lines = others.map(({ before, after, nodes: some }: OtherChange) => {
    const where = some.length === nodes.length ? '' : ` (${nodesText(some, nodes, code)})`
    return [...before.map((line) => `- − ${code(line)}`), ...after.map((line) => `- \\+ ${code(line)}`)]
      .map((line) => `${line}${where}\n`)
      .join('')
  })
  return [`\n<details><summary>of no Service</summary>\n\n${lines.join('')}\n</details>\n`]
}

function packetsBlock(review: Review): string[] {
  const unmoved = unmovedText(review)
  if (unmoved !== '') return [`\n${unmoved}\n`]
  const { shown, more } = packetLines(review)
  if (shown.length === 0) return []
  const lines = [...shown.map((line) => `- ${code(line)}\n`), ...(more > 0 ? [`- and ${more} more\n`] : [])]
  return [
    `\n<details><summary>other packets that change their fate</summary>\n\n${lines.join('')}\n</details>\n`,
  ]
}
