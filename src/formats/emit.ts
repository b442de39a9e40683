import type { Plan } from '../plan/types.ts'
import { lazily, type Piece } from '../text.ts'
import { PAYLOAD_NAMES, type PayloadName, templateOf } from './names.ts'
import { PAYLOAD_PARTS, type PayloadPart } from './parts.ts'
import { defaultRenderer, type Renderer } from './render.ts'
import { PayloadSyntaxError } from './syntax.ts'

/** Text by payload name, in the order of PAYLOAD_NAMES; a family that the plan lacks has no payload. */
export type Payloads = ReadonlyMap<PayloadName, string>

/** A payload whose text does not say what the plan says: a template is at fault. */
export class PayloadMismatch extends Error {
  readonly payload: PayloadName
  constructor(payload: PayloadName, reason: string) {
    super(
      `${payload} does not read back as the plan says (${reason}); its template ${templateOf(payload)}.hbs is at fault`,
    )
    this.payload = payload
  }
}

export interface EmitOptions {
  /** Default: the shipped templates. */
  readonly renderer?: Renderer
  /** Default: all that the plan has. */
  readonly only?: readonly PayloadName[]
}

/**
 * The text payloads of a plan. Every one is parsed back and compared with the plan before it is given out:
 * a PayloadMismatch says which one differs.
 */
export function emit(
  plan: Plan,
  { renderer = defaultRenderer, only = PAYLOAD_NAMES }: EmitOptions = {},
): Payloads {
  return new Map(
    PAYLOAD_NAMES.filter((name) => only.includes(name) && has(plan, name)).map((name) => [
      name,
      layOut(name, renderer, PAYLOAD_PARTS[name].whole(plan)),
    ]),
  )
}

/** The same in pieces that plans have in common, each of which is read back for itself; a payload of a template of the user's is one piece. */
export const payloadPieces = (
  plan: Plan,
  renderer: Renderer = defaultRenderer,
): ReadonlyMap<PayloadName, Iterable<Piece>> =>
  new Map(
    PAYLOAD_NAMES.filter((name) => has(plan, name)).map((name) => {
      const { whole, split } = PAYLOAD_PARTS[name]
      const parts = isShipped(name, renderer) ? split(plan) : [whole(plan)]
      return [name, lazily(parts, (part) => ({ item: part.item, text: () => layOut(name, renderer, part) }))]
    }),
  )

const isShipped = (payload: PayloadName, { overlaid }: Renderer): boolean =>
  overlaid.every(({ name }) => name !== `${templateOf(payload)}.hbs`)

/** A family that the plan lacks has no payload of rules. */
const has = ({ families }: Plan, name: PayloadName): boolean =>
  name === 'iptables.restore'
    ? families.includes('ipv4')
    : name !== 'ip6tables.restore' || families.includes('ipv6')

/** iptables-restore cuts a line that is longer than 10239 bytes and takes the rest for another; ipset has less. */
const LONGEST_LINE = 1000

const CONTROL_CHARACTER = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/

/** Whether a line is too long for the tools, or hides something from people. */
function hasUnfitLine(text: string): boolean {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start)
    const length = (end < 0 ? text.length : end) - start
    if (length > LONGEST_LINE) return true
    start += length + 1
  }
  return CONTROL_CHARACTER.test(text)
}

/** The text of a part, which says what the part says. */
function layOut(name: PayloadName, renderer: Renderer, { rows, saysSame }: PayloadPart): string {
  const text = renderer[templateOf(name)](rows())
  if (hasUnfitLine(text))
    throw new PayloadMismatch(
      name,
      `a line is over ${LONGEST_LINE} characters long or has a control character`,
    )
  let same: boolean
  try {
    same = saysSame(text)
  } catch (error) {
    if (error instanceof PayloadSyntaxError) throw new PayloadMismatch(name, error.message)
    throw error
  }
  if (!same) throw new PayloadMismatch(name, 'the contents differ')
  return text
}
