import pc from 'picocolors'
import { safeJson, safeLines, safeText } from '../diagnostics/safeText.ts'

/**
 * The only way to standard output and standard error. Whatever comes from an input, a server or a tool passes
 * `safeText` here, so that it can neither steer the terminal nor forge a line.
 */

/**
 * Whether a stream is painted: a terminal is, unless NO_COLOR is set; FORCE_COLOR paints any. A pipe of a CI is no terminal.
 */
export function isPainted(stream: 'stdout' | 'stderr'): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR) return false
  return Boolean(FORCE_COLOR) || (process[stream].isTTY === true && TERM !== 'dumb')
}

/** Colours of a stream; the identity where it is not painted. */
export const coloursOf = (stream: 'stdout' | 'stderr'): ReturnType<typeof pc.createColors> =>
  pc.createColors(isPainted(stream))

/** A line to standard error. */
export const say = (line: string): void => void process.stderr.write(`${safeText(line)}\n`)

/** Lines to standard error, such as those of another program. */
export const sayLines = (lines: string): void => void process.stderr.write(safeLines(lines))

/** Text whose parts went through `safeText` before they were painted. */
export const sayPainted = (text: string): void => void process.stderr.write(text)

export const sayWarning = (line: string): void =>
  sayPainted(`${coloursOf('stderr').yellow('warning')}: ${safeText(line)}\n`)

export const sayError = (line: string): void =>
  sayPainted(`${coloursOf('stderr').red('error')}: ${safeText(line)}\n`)

/** A line to standard error that the next one replaces; an empty text wipes it. Only on a terminal. */
export function sayProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${safeText(text).slice(0, 100)}`)
}

/** A result to standard output: byte for byte into a file or a pipe, safe on a terminal. */
export const print = (text: string): void =>
  void process.stdout.write(process.stdout.isTTY ? safeLines(text) : text)

/** A line of a result for people, in a colour. */
export const printLine = (line: string, paint: (text: string) => string = (text) => text): void =>
  void process.stdout.write(`${paint(safeText(line))}\n`)

/** A result whose parts went through `safeText` before they were painted. */
export const printPainted = (text: string): void => void process.stdout.write(text)

/** A value as indented JSON. */
export const printJson = (value: unknown, stream: 'stdout' | 'stderr' = 'stdout'): void =>
  void process[stream].write(`${safeJson(JSON.stringify(value, null, 2))}\n`)

export const isTerminal = (): boolean => process.stderr.isTTY === true
