import type { Severity } from '../diagnostics/diagnostics.ts'
import type { Finding } from './finding.ts'
import { findingList } from './htmlParts.ts'
import { html, type Markup } from './htmlText.ts'
import type { Picture } from './picture.ts'
import { effectText, has, nodesOf, nodesText, serverCounts, signOf, whatChanges } from './summary.ts'
import { drawPicture } from './svg.ts'
import type { FieldChange, NodeGroup, ServiceReview, VirtualServerReview } from './types.ts'
import { fieldPlaceText, placeText } from './words.ts'

export interface CardInput {
  readonly service: ServiceReview
  readonly picture: Picture | null
  readonly findings: readonly Finding[]
  /** All nodes, in order. */
  readonly nodes: readonly string[]
  readonly isOpen: boolean
}

/** Error: somebody loses the Service, or a finding says so. Warning: clients or servers notice. */
export function severityOf(service: ServiceReview, findings: readonly Finding[]): Severity {
  const worst = (severity: Severity): boolean => findings.some((finding) => finding.severity === severity)
  if (has(service, 'unreachable') || worst('error')) return 'error'
  const isNoticed = (['source', 'affinity', 'refusal'] as const).some((kind) => has(service, kind))
  const goes = service.fate === 'removed' || service.fate === 'recreated'
  return isNoticed || goes || worst('warning') ? 'warning' : 'info'
}

/** A Service as a card: what happens in a line, and behind it a picture and the details. */
export function serviceCard({ service, picture, findings, nodes, isOpen }: CardInput): Markup {
  const { service: name, fate, origin, line, fields, groups, waits = [] } = service
  const severity = severityOf(service, findings)
  const on = nodesOf(service)
  const where = on.length === 0 ? 'no node does anything differently' : nodesText(on, nodes)
  const counts = serverCounts(service)
  const isWhole = fate === 'added' || fate === 'removed'
  return html`<details class="card ${severity} ${fate}" id="${name}" data-ns="${name.split('/')[0] as string}" data-nodes="${nodeRanges(on, nodes)}"${isOpen ? html` open` : null}>
<summary><span class="sign" aria-hidden="true">${signOf(service)}</span><code class="name">${name}</code><span class="what">${whatChanges(service)}${counts === '' ? null : ` · ${counts} real servers`}</span><span class="where">${where}</span></summary>
<div class="body">${picture === null ? null : html`<figure>${drawPicture(picture, name)}</figure>`}<div class="facts">
${origin === null ? null : html`<p class="place"><code>${placeText(origin.source, line)}</code></p>`}
${findings.length === 0 ? null : findingList(findings, false)}${fate === 'recreated' ? html`<p>It has to be deleted and created again: an address or family cannot be changed in place.</p>` : null}${fields.length === 0 || isWhole ? null : fieldTable(fields)}${waits.map((text) => html`<p><strong>waits</strong> ${text}</p>`)}
${groups.map((group) => groupPart(group, nodes))}
</div></div></details>
`
}

/** Numbers of nodes as `0-2 7`; `*`: all. */
export function nodeRanges(some: readonly string[], all: readonly string[]): string {
  if (some.length === all.length) return '*'
  const chosen = new Set(some)
  const parts: string[] = []
  for (let first = 0; first < all.length; first++) {
    if (!chosen.has(all[first] as string)) continue
    let last = first
    while (last + 1 < all.length && chosen.has(all[last + 1] as string)) last++
    parts.push(first === last ? String(first) : `${first}-${last}`)
    first = last
  }
  return parts.join(' ')
}

const fieldTable = (fields: readonly FieldChange[]): Markup =>
  html`<table><thead><tr><th scope="col">field</th><th scope="col">before</th><th scope="col">after</th></tr></thead><tbody>${fields.map(
    ({ field, before, after, place }) =>
      html`<tr><th scope="row"><code>${field}</code>${place === undefined ? null : html` <span class="where">${fieldPlaceText(place)}</span>`}</th><td>${before === null ? 'not set' : html`<del>${before}</del>`}</td><td>${after === null ? 'not set' : html`<ins>${after}</ins>`}</td></tr>`,
  )}</tbody></table>`

const groupPart = ({ nodes: some, virtualServers, effects }: NodeGroup, nodes: readonly string[]): Markup =>
  html`<h3>on ${nodesText(some, nodes)}</h3><ul class="lines">${virtualServers.map(serverLine)}${effects.map(
    (effect) =>
      effect.kind === 'unreachable'
        ? html`<li data-sign="✗" class="bad">${effectText(effect)}</li>`
        : html`<li data-sign="·">${effectText(effect)}</li>`,
  )}</ul>`

const SIGNS = { added: ['+', 'good'], removed: ['−', 'bad'], changed: ['~', ''] } as const
/** Real servers that come and go, before the rest is counted: the picture has them too. */
const MOST_MEMBERS = 6

function serverLine(server: VirtualServerReview): Markup {
  const { key, fate, before, after, added, removed, settings, isAssumed } = server
  const [sign, kind] = SIGNS[fate]
  const members = fate === 'changed' ? [...removed.map(gone), ...added.map(come)] : []
  const left = members.length - MOST_MEMBERS
  const sizes = before === after ? '' : ` ${before} → ${after} real servers`
  return html`<li data-sign="${sign}"${kind === '' ? null : html` class="${kind}"`}><code>${key}</code>${isAssumed ? ' (assumed)' : null}${sizes}${settings.map((setting) => html`, ${setting}`)}${members.slice(0, MOST_MEMBERS)}${left > 0 ? ` and ${left} more` : null}</li>`
}

const gone = (name: string): Markup => html` <code class="gone">−${name}</code>`
const come = (name: string): Markup => html` <code class="come">+${name}</code>`
