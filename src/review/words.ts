import type { FieldPlace, OtherPacket, Review } from './types.ts'

/** Texts that all forms of a review have alike. Nothing is escaped here. */

/** `deploy/web.yaml:12`. */
export const placeText = (source: string, line: number | undefined): string =>
  line === undefined ? source : `${source}:${line}`

/** Where a field is stated; `no longer: ` before it where only the side before does. */
export const fieldPlaceText = ({ source, line, isBefore }: FieldPlace): string =>
  `${isBefore ? 'no longer: ' : ''}${placeText(source, line)}`

/** More are counted, not listed. */
const MOST_PACKETS = 8

/** Packets at addresses that no Service of the review explains, and how many are not listed. */
export function packetLines({ packets }: Review): {
  readonly shown: readonly string[]
  readonly more: number
} {
  const changed = packets?.changed ?? []
  const shown = changed.slice(0, MOST_PACKETS).map(packetLine)
  return { shown, more: changed.length - shown.length }
}

const packetLine = ({ target, client, before, after }: OtherPacket): string =>
  `${target} for ${client}: ${before} → ${after}`

/** That no other packet changes its fate; empty where one does, or where nobody looked. */
export function unmovedText({ packets }: Review): string {
  if (packets === undefined || packets.changed.length > 0 || packets.differing === 0) return ''
  const { followed, differing } = packets
  return `no other packet changes its fate${followed < differing ? ` (followed on ${followed} of ${differing} nodes)` : ''}`
}
