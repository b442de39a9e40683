import type { Protocol } from '../kernel/protocols.ts'
import { canonicalAddress } from '../net/address.ts'

/** A line of a payload, or of what a kernel tool printed, that its parser does not understand. */
export class PayloadSyntaxError extends Error {
  /** Counted from 1. */
  readonly line: number
  readonly text: string
  constructor(line: number, text: string, reason: string) {
    super(`line ${line}: ${reason}: ${JSON.stringify(text)}`)
    this.line = line
    this.text = text
  }
}

/** What a line parser throws; whoever counts the lines makes a PayloadSyntaxError of it. */
export class LineError extends Error {}

/** Calls `parse` for every line that is neither empty nor skipped. */
export function eachLine(text: string, parse: (line: string) => void): void {
  let number = 0
  let start = 0
  while (start < text.length) {
    let end = text.indexOf('\n', start)
    if (end < 0) end = text.length
    number++
    if (end > start) {
      const line = text.slice(start, end)
      try {
        parse(line)
      } catch (error) {
        if (error instanceof LineError) throw new PayloadSyntaxError(number, line, error.message)
        throw error
      }
    }
    start = end + 1
  }
}

export function expectAddress(text: string): string {
  const address = canonicalAddress(text)
  if (address === null) throw new LineError(`${JSON.stringify(text)} is not an address`)
  return address
}

export function expectNumber(text: string | undefined, what: string, most: number): number {
  const value = text !== undefined && /^(0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : -1
  if (value < 0 || value > most) throw new LineError(`${JSON.stringify(text)} is not ${what}`)
  return value
}

export const expectPort = (text: string | undefined): number => expectNumber(text, 'a port', 65535)

export function expectProtocol(text: string | undefined): Protocol {
  if (text === 'tcp' || text === 'udp' || text === 'sctp') return text
  throw new LineError(`${JSON.stringify(text)} is not a protocol`)
}
