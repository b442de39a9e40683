import { escapeText, html, type Markup } from './htmlText.ts'
import type { Picture, Policy, Stand, Zone } from './picture.ts'

/** Shapes that pictures use, once for a page: what stays, goes and comes, as a dot on each side. */
export const SHAPES: Markup = html`<svg class="shapes" width="0" height="0" aria-hidden="true"><defs>
<marker id="o" viewBox="-6 -6 12 12" markerWidth="12" markerHeight="12" markerUnits="userSpaceOnUse"><circle r="5"/></marker>
<g id="d"><path d="M272 0H322"/><circle cx="272" r="5"/><path class="x" d="M324-4l8 8m0-8l-8 8"/></g>
<g id="a"><path d="M277 0H328"/><circle class="o" cx="272" r="4"/><circle cx="328" r="5"/></g>
</defs></svg>`

const WIDTH = 360
const STEP = 22
/** Rows of real servers of a node, and of addresses, before the rest is counted. */
const MOST_SERVERS = 12
const MOST_ADDRESSES = 10
/** Characters that have room before the dots. */
const ROOM = 31

/** A picture that grows downwards: each part adds its rows and returns where the next one begins. */
class Canvas {
  y = 0
  readonly #parts: string[] = []
  /** Lines from dot to dot of what stays. */
  #kept = ''

  /** A dot for before and one for after. */
  dots(fate: 'k' | 'd' | 'a'): void {
    if (fate === 'k') this.#kept += `M272 ${this.y}h56`
    else this.#parts.push(`<use href="#${fate}" y="${this.y}"/>`)
  }

  text(x: number, text: string, kind = ''): void {
    const shown = text.length > ROOM ? `${text.slice(0, ROOM - 10)}…${text.slice(-9)}` : text
    const title = shown === text ? '' : `<title>${escapeText(text)}</title>`
    this.#parts.push(
      `<text x="${x}" y="${this.y + 4}"${kind === '' ? '' : ` class="${kind}"`}>${escapeText(shown)}${title}</text>`,
    )
  }

  add(markup: string): void {
    this.#parts.push(markup)
  }

  toString(): string {
    const kept = this.#kept === '' ? '' : `<path class="k" d="${this.#kept}"/>`
    return `${this.#parts.join('')}${kept}`
  }
}

/** Addresses, policies and real servers of a Service, each with a dot for before and one for after. */
export function drawPicture(picture: Picture, name: string): Markup {
  const canvas = new Canvas()
  canvas.y = 12
  drawHead(canvas)
  drawStands(canvas, picture.addresses, 14, MOST_ADDRESSES, 'address')
  for (const policy of picture.policies) drawPolicy(canvas, policy)
  for (const zone of picture.zones) drawZone(canvas, zone)
  if (picture.zones.length === 0) {
    canvas.y += STEP
    canvas.text(14, 'no real server', 'm')
  }
  const height = canvas.y + 16
  const label = `${name}: ${summary(picture)}`
  return {
    html: `<svg class="picture" role="img" aria-label="${escapeText(label)}" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">${canvas}</svg>`,
  }
}

function drawHead(canvas: Canvas): void {
  canvas.text(14, 'addresses', 'm')
  canvas.add(
    `<text x="272" y="${canvas.y + 4}" class="h">before</text><text x="328" y="${canvas.y + 4}" class="h">after</text>`,
  )
}

/** `k`: it stays, `d`: it goes, `a`: it comes. */
const fateOf = ({ before, after }: Stand): 'k' | 'd' | 'a' => (before ? (after ? 'k' : 'd') : 'a')
const SIGNS = { k: '', d: '−', a: '+' } as const

function drawStands(canvas: Canvas, stands: readonly Stand[], x: number, most: number, word: string): void {
  // What changes is shown before what stays.
  const ordered = [
    ...stands.filter((one) => fateOf(one) !== 'k'),
    ...stands.filter((one) => fateOf(one) === 'k'),
  ]
  const cut = stands.length > most ? ordered.slice(0, most - 1) : stands
  for (const stand of cut) {
    const fate = fateOf(stand)
    canvas.y += STEP
    if (fate !== 'k') canvas.text(x - 11, SIGNS[fate], fate)
    canvas.text(x, stand.name, fate === 'k' ? '' : fate)
    canvas.dots(fate)
  }
  if (cut.length === stands.length) return
  canvas.y += STEP
  const left = stands.length - cut.length
  canvas.text(x, `and ${left} more ${word}${left === 1 ? '' : word === 'address' ? 'es' : 's'}`, 'm')
}

function drawPolicy(canvas: Canvas, { name, before, after }: Policy): void {
  canvas.y += STEP
  canvas.text(14, name, 'm')
  const x = 118
  if (before === after) canvas.text(x, after)
  else if (before === '') canvas.text(x, after, 'a')
  else if (after === '') canvas.text(x, before, 'd')
  else drawSides(canvas, x, before, after)
}

function drawSides(canvas: Canvas, x: number, before: string, after: string): void {
  const [old, now] = [before, after].map((text) =>
    escapeText(text.length > 16 ? `${text.slice(0, 15)}…` : text),
  )
  canvas.add(
    `<text x="${x}" y="${canvas.y + 4}"><tspan class="d">${old}</tspan> → <tspan class="a">${now}</tspan></text>`,
  )
}

function drawZone(canvas: Canvas, { name, nodes }: Zone): void {
  const top = canvas.y + 17
  const inner = new Canvas()
  inner.y = top + 15
  inner.text(14, name === null ? 'zone not known' : `zone ${name}`, 'z')
  const count = nodes.flatMap(({ servers }) => servers)
  const [before, after] = [count.filter((one) => one.before).length, count.filter((one) => one.after).length]
  inner.add(
    `<text x="272" y="${inner.y + 4}" class="h">${before}</text><text x="328" y="${inner.y + 4}" class="h">${after}</text>`,
  )
  for (const node of nodes) {
    if (isOneRow(node)) {
      drawOne(inner, node.servers[0] as Stand, node.name ?? '')
      continue
    }
    inner.y += STEP
    inner.text(14, node.name ?? 'node not known', 'm')
    drawStands(inner, node.servers, 27, MOST_SERVERS, 'server')
  }
  canvas.add(`<rect y="${top}" width="${WIDTH}" height="${inner.y + 14 - top}" rx="8"/>${inner}`)
  canvas.y = inner.y + 8
}

/** One server of a node stands with the name of the node in a row. */
const isOneRow = ({ name, servers }: Zone['nodes'][number]): boolean =>
  name !== null && servers.length === 1 && name.length + (servers[0] as Stand).name.length < ROOM

function drawOne(canvas: Canvas, stand: Stand, node: string): void {
  const fate = fateOf(stand)
  canvas.y += STEP
  if (fate !== 'k') canvas.text(3, SIGNS[fate], fate)
  const kind = fate === 'k' ? '' : ` class="${fate}"`
  canvas.add(`<text x="14" y="${canvas.y + 4}">`)
  canvas.add(kind === '' ? escapeText(stand.name) : `<tspan${kind}>${escapeText(stand.name)}</tspan>`)
  canvas.add(` <tspan class="m">${escapeText(node)}</tspan></text>`)
  canvas.dots(fate)
}

const summary = ({ addresses, zones }: Picture): string => {
  const servers = zones.flatMap(({ nodes }) => nodes.flatMap((node) => node.servers))
  const told = (stands: readonly Stand[], word: string): string =>
    `${stands.filter(({ before }) => before).length} ${word} before, ${stands.filter(({ after }) => after).length} after`
  return `${told(addresses, 'addresses')}; ${told(servers, 'real servers')}`
}
