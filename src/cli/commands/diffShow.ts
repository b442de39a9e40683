import { writeFileSync } from 'node:fs'
import { safeJson } from '../../diagnostics/safeText.ts'
import { FailedError, UsageError } from '../../host/exit.ts'
import { formatReviewJson } from '../../review/json.ts'
import { sarifLog } from '../../review/lint/render/sarif.ts'
import { formatMarkdown } from '../../review/markdown.ts'
import { KINDS } from '../../review/narrow.ts'
import { picturesOf } from '../../review/picture.ts'
import type { ReviewSide } from '../../review/review.ts'
import { formatStat } from '../../review/stat.ts'
import { formatReview, type Paint, PLAIN } from '../../review/text.ts'
import type { Review } from '../../review/types.ts'
import { VERSION } from '../../version.ts'
import { DIFF_FORMS, type DiffForm, type DiffOptions } from '../options.ts'
import { coloursOf, print, printPainted } from '../terminal.ts'
import { isGuarded } from './diffGuard.ts'
import { findingPaint } from './lint.ts'

/** What every form of a review is made of. */
export interface Reviewed {
  readonly review: Review
  readonly before: ReviewSide
  readonly after: ReviewSide
}

/** Wrong usage is told before anything is read. */
export function checkForms(options: DiffOptions): void {
  const forms = [options.output, ...reportsOf(options).map(({ form }) => form)]
  const unknown = options.kind?.find((kind) => !KINDS.includes(kind))
  if (unknown !== undefined)
    throw new UsageError(`--kind: ${JSON.stringify(unknown)} is none of ${KINDS.join(', ')}`)
  const narrows = options.service !== undefined || options.kind !== undefined
  if (narrows && forms.includes('unified'))
    throw new UsageError('--output unified shows whole payloads: --service and --kind cannot narrow it')
  if (forms.includes('sarif') && !isGuarded(options))
    throw new UsageError('--output sarif tells findings: ask for them with --guard')
  if (options.stat && !forms.some((form) => form === 'text' || form === 'markdown'))
    throw new UsageError('--stat is for --output text and markdown')
}

interface Report {
  readonly form: DiffForm
  readonly file: string
}

const reportsOf = ({ report = [] }: DiffOptions): Report[] =>
  report.map((word) => {
    const [, form = '', file = ''] = /^([a-z]+)=(.+)$/s.exec(word) ?? []
    if (!DIFF_FORMS.includes(form as DiffForm))
      throw new UsageError(
        `--report: ${JSON.stringify(word)} is not FORM=FILE with one of ${DIFF_FORMS.join(', ')}`,
      )
    return { form: form as DiffForm, file }
  })

/** Prints a review in the form that was asked for, after the files of `--report`. */
export async function show(reviewed: Reviewed, options: DiffOptions): Promise<void> {
  for (const { form, file } of reportsOf(options)) write(file, await rendered(form, reviewed, options, PLAIN))
  const text = await rendered(options.output, reviewed, options, paintOf())
  if (options.output === 'text') printPainted(text)
  else print(text)
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    throw new FailedError(`${file} cannot be written: ${(error as Error).message}`)
  }
}

async function rendered(
  form: DiffForm,
  { review, before, after }: Reviewed,
  { stat = false }: DiffOptions,
  paint: Paint,
): Promise<string> {
  switch (form) {
    case 'text':
      return stat
        ? formatStat(review, paint)
        : formatReview(review, paint, paint === PLAIN ? undefined : findingPaint())
    case 'markdown':
      return formatMarkdown(review, { command: commandLine(), stat })
    case 'json':
      return formatReviewJson(review)
    case 'sarif':
      return `${safeJson(JSON.stringify(sarifLog(review.findings ?? [], VERSION), null, 2))}\n`
    case 'unified':
      return (await import('../../review/unified.ts')).formatUnified(before, after)
    case 'html': {
      const { formatHtml } = await import('../../review/html.ts')
      return formatHtml({ review, pictures: picturesOf(review, before, after), command: commandLine() })
    }
  }
}

function paintOf(): Paint {
  const { bold, green, red } = coloursOf('stdout')
  return { strong: bold, good: green, bad: red }
}

/** Options that say how to tell it, not what. */
const OF_FORM = /^(--output|--report)(=|$)/
const ALONE = new Set(['--exit-code', '--stat', '-q', '--quiet'])

/** The command that was given, without what only concerns its output; words that a shell would split are quoted. */
function commandLine(): string {
  const words = process.argv.slice(2)
  const kept = words.filter((word, at) => {
    const before = words[at - 1] ?? ''
    const isValue = OF_FORM.test(before) && !before.includes('=')
    return !OF_FORM.test(word) && !isValue && !ALONE.has(word)
  })
  return ['ipvsc', ...kept.map(quoted)].join(' ')
}

const quoted = (word: string): string =>
  /^[\w@%+=:,./^~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
