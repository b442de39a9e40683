import { createHash } from 'node:crypto'
import { PAGE_FILES } from '../generated/pageFiles.js'
import { VERSION } from '../version.ts'
import type { Finding } from './finding.ts'
import { findingList, otherPackets, others } from './htmlParts.ts'
import { serviceCard, severityOf } from './htmlService.ts'
import { html, type Markup } from './htmlText.ts'
import type { Picture } from './picture.ts'
import { byImportance, count, serverTotals, verdict } from './summary.ts'
import { SHAPES } from './svg.ts'
import type { Review } from './types.ts'
import { unmovedText } from './words.ts'

export interface PageInput {
  readonly review: Review
  readonly pictures: ReadonlyMap<string, Picture>
  /** The command that made it. */
  readonly command: string
}

/** Up to this many Services are shown opened. */
const OPENED = 6

const sha256 = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** What the page may do: its own style and script, and nothing else. */
const POLICY = [
  "default-src 'none'",
  `style-src ${sha256(PAGE_FILES.style)}`,
  `script-src ${sha256(PAGE_FILES.script)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/**
 * A review as one file for a browser, which loads nothing: verdict, search, filters, and a card with a picture for each
 * Service. It can be read without scripts.
 */
export function formatHtml(input: PageInput): string {
  const { review } = input
  const title = `${count(review.services.length, 'Service')} ${review.services.length === 1 ? 'changes' : 'change'} · ipvsc review`
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${{ html: PAGE_FILES.style }}</style>
</head>
<body>
${SHAPES}
${pageBody(input)}
<script>${{ html: PAGE_FILES.script }}</script>
</body>
</html>
`
  return page.html
}

/** What a reader sees. */
export function pageBody({ review, pictures, command }: PageInput): Markup {
  const services = byImportance(review.services)
  const { findings = [] } = review
  const counted = findings.filter(({ silenced }) => silenced === null)
  const ofService = (name: string): readonly Finding[] => counted.filter(({ service }) => service === name)
  const shown = new Set(services.map(({ service }) => service))
  const ofNone = counted.filter(({ service }) => service === null || !shown.has(service))
  const cards = services.map((service, at) =>
    serviceCard({
      service,
      picture: pictures.get(service.service) ?? null,
      findings: ofService(service.service),
      nodes: review.nodes,
      isOpen: at < OPENED,
    }),
  )
  return html`<header class="top wrap">${head(review, counted)}</header>
${filters(review)}
<main class="wrap">
${ofNone.length === 0 ? null : html`<h2>Findings</h2>${findingList(ofNone, true)}`}
${services.length === 0 ? null : html`<h2>Services</h2>`}
${cards}
<p class="none" hidden>Nothing matches.</p>
${others(review)}
${otherPackets(review)}
${silenced(findings.length - counted.length)}
</main>
<footer><div class="wrap"><p>Made by <code>${command}</code>, ipvsc ${VERSION}.</p>
<p>${footer(review)}</p></div></footer>`
}

/** The verdict: what changes, then what becomes of who asks. */
function head(review: Review, findings: readonly Finding[]): Markup {
  const whole = verdict(review)
  const [, first = whole, rest = ''] = /^(.*?)\. (.*)$/s.exec(whole) ?? []
  const mood = rest.includes('UNREACHABLE') ? 'lost' : 'kept'
  const { plus, minus } = serverTotals(review)
  const errors = findings.filter(({ severity }) => severity === 'error').length
  const unreachable = review.services.filter((one) => severityOf(one, []) === 'error').length
  const others = findings.length - errors
  const sums: readonly (readonly [number, string, string])[] = [
    [review.services.length, review.services.length === 1 ? 'Service changes' : 'Services change', ''],
    [review.unchanged, 'unchanged', ''],
    [review.nodes.length, review.nodes.length === 1 ? 'node compared' : 'nodes compared', ''],
    [plus, plus === 1 ? 'real server comes' : 'real servers come', 'good'],
    [minus, minus === 1 ? 'real server goes' : 'real servers go', 'bad'],
    [unreachable, unreachable === 1 ? 'becomes unreachable' : 'become unreachable', 'bad'],
    [errors, errors === 1 ? 'error found' : 'errors found', 'bad'],
    [others, others === 1 ? 'other finding' : 'other findings', 'warn'],
    [review.others.length, review.others.length === 1 ? 'change of no Service' : 'changes of no Service', ''],
  ]
  return html`<p class="eyebrow">ipvsc review</p>
<h1>${capital(first)}</h1>
${rest === '' ? null : html`<p class="${mood}">${rest}</p>`}
<ul class="sums">${sums
    .filter(([number], at) => number > 0 || at === 2)
    .map(([number, word, kind]) => html`<li class="${kind}"><b>${number}</b>${word}</li>`)}</ul>`
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

function filters({ services, nodes }: Review): Markup {
  const namespaces = [...new Set(services.map(({ service }) => service.split('/')[0] as string))].sort()
  const options = (all: string, entries: readonly (readonly [string, string])[]): Markup =>
    html`<option value="">${all}</option>${entries.map(([key, text]) => html`<option value="${key}">${text}</option>`)}`
  return html`<div class="filters" role="search" aria-label="Services" hidden><div class="wrap">
<input type="search" name="search" placeholder="Search" aria-label="Search" autocomplete="off">
<select name="namespace" aria-label="Namespace">${options(
    'Namespace',
    namespaces.map((name) => [name, name]),
  )}</select>
<select name="node" aria-label="Node">${options(
    'Node',
    nodes.map((name, at) => [String(at), name]),
  )}</select>
<select name="severity" aria-label="Severity">${options('Severity', [
    ['error', 'Error: breaks'],
    ['warning', 'Warning: noticed'],
    ['info', 'Info: not noticed'],
  ])}</select>
<button type="button">Open all</button>
<output aria-live="polite"></output>
</div></div>`
}

const silenced = (number: number): Markup | null =>
  number === 0 ? null : html`<p>${count(number, 'finding')} silenced by ipvsc.yaml or an annotation.</p>`

function footer(review: Review): string {
  const { nodes, onlyBefore, onlyAfter, unchanged, others: some, hidden } = review
  const parts = [
    unmovedText(review),
    `${count(nodes.length, 'node')} compared`,
    `${count(unchanged, 'Service')} unchanged`,
    some.length === 0 && (hidden?.others ?? 0) === 0 ? 'no rule, set or setting of all Services changes' : '',
    onlyBefore.length === 0 ? '' : `before alone: ${onlyBefore.join(', ')}`,
    onlyAfter.length === 0 ? '' : `after alone: ${onlyAfter.join(', ')}`,
  ]
  return parts.filter((part) => part !== '').join(' · ')
}
