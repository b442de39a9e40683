import type { Finding, Place } from './finding.ts'
import { html, type Markup } from './htmlText.ts'
import { nodesText } from './summary.ts'
import type { Review } from './types.ts'
import { packetLines } from './words.ts'

/** Findings as a list; the Service is named where it does not stand above. */
export const findingList = (findings: readonly Finding[], isNamed: boolean): Markup =>
  html`<ul class="findings">${findings.map(
    ({ severity, code, message, why, mend, place, service }) => html`<li class="${severity}">
<p><strong>${severity} ${code}</strong>${service === null || !isNamed ? null : html` <code>${service}</code>`}${place === null ? null : html` <code>${placeText(place)}</code>`}</p>
<p>${message}</p><p>${why} ${mend}</p></li>`,
  )}</ul>`

const placeText = ({ origin, position }: Place): string =>
  position === null ? origin.source : `${origin.source}:${position.line}`

/** What no Service owns. */
export function others({ others: some, nodes }: Review): Markup | null {
  if (some.length === 0) return null
  const lines = some.flatMap(({ before, after, nodes: on }) => {
    const where =
      on.length === nodes.length ? null : html` <span class="where">${nodesText(on, nodes)}</span>`
    return [
      ...before.map(
        (line) => html`<li data-sign="−" class="bad"><code class="gone">${line}</code>${where}</li>`,
      ),
      ...after.map(
        (line) => html`<li data-sign="+" class="good"><code class="come">${line}</code>${where}</li>`,
      ),
    ]
  })
  return html`<h2>Of no Service</h2><div class="plain"><ul class="lines">${lines}</ul></div>`
}

/** Packets at addresses of no Service above. */
export function otherPackets(review: Review): Markup | null {
  const { shown, more } = packetLines(review)
  if (shown.length === 0) return null
  const lines = shown.map((line) => html`<li data-sign="·"><code>${line}</code></li>`)
  return html`<h2>Other packets that change their fate</h2><div class="plain"><ul class="lines">${lines}${more > 0 ? html`<li>and ${more} more</li>` : null}</ul></div>`
}
