import { CONFIGURATION_GROUP, configMapTells } from './configuration.ts'
import { looksLikeJson } from './documents.ts'
import { extentsOf } from './extents.ts'
import { KUSTOMIZE_GROUP } from './kustomize.ts'
import { plainScalar } from './scalars.ts'
import { SNAPSHOT_GROUP } from './snapshotRecord.ts'
import { tellsOfCluster } from './surroundings.ts'
import { INPUT_KINDS } from './validate.ts'

/**
 * A quick look at YAML for what need not be parsed: whole documents of kinds that decide nothing here. It passes over only
 * what certainly is such a document; everything else is left to the parsers, among it all that looks odd.
 */

export interface Skimmed {
  /** The text with `~` in the place of documents that were passed over, all else at its offset; `null`: nothing is left. */
  readonly text: string | null
  /** What was passed over, as `apiVersion kind`. */
  readonly passedOver: readonly string[]
}

export function skim(text: string): Skimmed {
  const documents = looksLikeJson(text) || text.includes('{{') ? [] : extentsOf(text)
  const passedOver: string[] = []
  let rest = ''
  let done = 0
  for (const { start, end } of documents) {
    const name = nameOfForeign(text, start, end)
    if (name === null) continue
    passedOver.push(name)
    rest += text.slice(done, start) + blank(text, start, end)
    done = end
  }
  if (passedOver.length === 0) return { text, passedOver }
  if (passedOver.length === documents.length) return { text: null, passedOver }
  return { text: rest + text.slice(done), passedOver }
}

/** A document without a value that is as long, and has as many lines. */
function blank(text: string, start: number, end: number): string {
  let lines = 0
  for (let at = text.indexOf('\n', start); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) lines++
  return `~${' '.repeat(end - start - 1 - lines)}${'\n'.repeat(lines)}`
}

const [LINE_BREAK, RETURN, SPACE, COMMENT, DASH] = [10, 13, 32, 35, 45]

const HEADER = /(apiVersion|kind): +(?:"([\w./-]+)"|'([\w./-]+)'|([\w./-]+)) *(?: #[^\n]*)?\r?(?:\n|$)/y
const KIND = /^[A-Z][A-Za-z0-9]*$/
const API_VERSION = /^(?:[a-z0-9.-]+\/)?v[0-9][a-z0-9]*$/

/** `apps/v1 Deployment`, of a document that begins with its version and kind, and whose kind decides nothing; else `null`. */
function nameOfForeign(text: string, start: number, end: number): string | null {
  const header = new Map<string, string>()
  let at = start
  while (header.size < 2) {
    at = pastEmptyLines(text, at, end)
    HEADER.lastIndex = at
    const found = HEADER.exec(text)
    if (found === null || HEADER.lastIndex > end) return null
    const [, field = '', double, single, plain] = found
    if (header.has(field) || (plain !== undefined && plainScalar(plain) !== undefined)) return null
    header.set(field, double ?? single ?? plain ?? '')
    at = HEADER.lastIndex
  }
  const [apiVersion = '', kind = ''] = [header.get('apiVersion'), header.get('kind')]
  if (!KIND.test(kind) || !API_VERSION.test(apiVersion) || mayTell(kind, apiVersion)) return null
  // A plain value would go on in a line that is indented.
  at = pastEmptyLines(text, at, end)
  if (at < end && text.charCodeAt(at) === SPACE) return null
  if (!isOrdinary(text, at, end)) return null
  if (kind === 'ConfigMap' && configMapTells(text.slice(start, end))) return null
  return `${apiVersion} ${kind}`
}

/** The next line that is neither empty nor a comment. */
function pastEmptyLines(text: string, start: number, end: number): number {
  for (let line = start; line < end; line = nextLine(text, line, end)) {
    let at = line
    while (text.charCodeAt(at) === SPACE) at++
    const code = text.charCodeAt(at)
    if (at < end && code !== LINE_BREAK && code !== RETURN && code !== COMMENT) return line
  }
  return end
}

function nextLine(text: string, at: number, end: number): number {
  const found = text.indexOf('\n', at)
  return found === -1 || found >= end ? end : found + 1
}

/** Whether the lines at the margin of the rest are plain keys, and neither of the two again. */
function isOrdinary(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at = nextLine(text, at, end)) {
    const code = text.charCodeAt(at)
    if (code === SPACE || code === LINE_BREAK || code === RETURN || code === COMMENT || code === DASH)
      continue
    if (!isLetter(code) || text.startsWith('kind', at) || text.startsWith('apiVersion', at)) return false
  }
  return true
}

const isLetter = (code: number): boolean => (code >= 65 && code <= 90) || (code >= 97 && code <= 122)

/** API groups whose kinds are read. */
const GROUPS = [KUSTOMIZE_GROUP, SNAPSHOT_GROUP, CONFIGURATION_GROUP]

/** Kinds that have rules, or of which something is kept. */
const mayTell = (kind: string, apiVersion: string): boolean =>
  Object.hasOwn(INPUT_KINDS, kind) ||
  kind.endsWith('List') ||
  tellsOfCluster(kind) ||
  GROUPS.some((group) => apiVersion.startsWith(group))
