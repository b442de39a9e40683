import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { type Cluster, read, resolveConfig } from '../../src/index.ts'
import { pageBody } from '../../src/review/html.ts'
import { formatReviewJson } from '../../src/review/json.ts'
import { formatMarkdown } from '../../src/review/markdown.ts'
import { narrow, type Wanted } from '../../src/review/narrow.ts'
import { picturesOf } from '../../src/review/picture.ts'
import { type ReviewSide, review } from '../../src/review/review.ts'
import { formatStat } from '../../src/review/stat.ts'
import { formatReview, PLAIN } from '../../src/review/text.ts'
import type { Review } from '../../src/review/types.ts'
import { formatUnified } from '../../src/review/unified.ts'
import { ROOT } from '../support/shared.ts'
import { sideOf } from './sides.ts'

export const CASES = `${ROOT}test/review/cases`

/** Pairs of states, each in every form; `options.json` narrows. */
export const caseNames = (): string[] => readdirSync(CASES).sort()

export interface ReviewCase {
  readonly before: ReviewSide
  readonly after: ReviewSide
  readonly review: Review
}

export async function loadCase(name: string): Promise<ReviewCase> {
  const folder = `${CASES}/${name}`
  const [before, after] = [await loadSide(folder, 'before.yaml'), await loadSide(folder, 'after.yaml')]
  const wanted: Wanted = existsSync(`${folder}/options.json`)
    ? JSON.parse(readFileSync(`${folder}/options.json`, 'utf8'))
    : {}
  return { before, after, review: narrow(review(before, after), wanted) }
}

async function loadSide(folder: string, name: string): Promise<ReviewSide> {
  const { cluster } = await read([{ name, text: readFileSync(`${folder}/${name}`, 'utf8') }])
  const [configuration] = cluster.configurations
  const config = configuration === undefined ? {} : { config: resolveConfig(configuration, () => undefined) }
  return sideOf(cluster, nodeNames(cluster), config)
}

const nodeNames = ({ nodes }: Cluster): string[] => nodes.map(({ object }) => object.metadata.name).sort()

export const COMMAND = 'ipvsc diff before after --all-nodes'

/** What a case comes to, by file name; of a page its body. */
export function formsOf({ before, after, review: found }: ReviewCase): ReadonlyMap<string, string> {
  return new Map([
    ['review.txt', formatReview(found)],
    ['stat.txt', formatStat(found, PLAIN)],
    ['review.md', formatMarkdown(found, { command: COMMAND })],
    ['review.json', formatReviewJson(found)],
    ['payloads.diff', formatUnified(before, after)],
    [
      'page.html',
      `${pageBody({ review: found, pictures: picturesOf(found, before, after), command: COMMAND }).html}\n`,
    ],
  ])
}
