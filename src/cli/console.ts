import type { Counts, Manifest } from '../bundle/bundle.ts'
import { type Diagnostic, hasErrors } from '../diagnostics/diagnostics.ts'
import { safeText } from '../diagnostics/safeText.ts'
import type { OverlaidTemplate } from '../formats/render.ts'
import { atMost } from '../read/problems.ts'
import type { ReadResult } from '../read/types.ts'
import { parseLimits } from './inputs/limits.ts'
import type { OutputOptions } from './options.ts'
import { diagnosticData, formatDiagnostics } from './report.ts'
import {
  formatCounts,
  formatReadSummary,
  formatSkipped,
  formatTemplates,
  formatVerdict,
  readSummary,
} from './summary.ts'
import { isPainted, isTerminal, print, printJson, sayPainted, sayProgress } from './terminal.ts'
import { formatUpToDate, type UpToDateReport } from './upToDate.ts'

/** What a command has to say at its end. */
export interface Report {
  readonly result: ReadResult
  readonly diagnostics: readonly Diagnostic[]
  readonly otherFiles: number
  readonly nodes: readonly CompiledNode[]
  /** Templates that were used instead of the shipped ones; default: none. */
  readonly templates?: readonly OverlaidTemplate[]
  /** How a folder differs from what the inputs compile to, where that was asked. */
  readonly comparison?: UpToDateReport | null
}

/** What was compiled for a node, and the bundle it was written to, if it was. */
export interface CompiledNode {
  readonly node: string
  readonly counts: Counts
  readonly bundle: { readonly folder: string; readonly manifest: Manifest } | null
}

/** Where commands speak: results to standard output, everything about them to standard error. */
export interface Console {
  /** A line that the next one replaces; an empty text wipes it. Only on a terminal. */
  readonly progress: (text: string) => void
  readonly report: (report: Report) => void
  /** Problems and notes alone, of a command whose result is something else. Only as text. */
  readonly say: (diagnostics: readonly Diagnostic[]) => void
  readonly print: (text: string) => void
}

export interface ConsoleOptions {
  /** Whether standard output carries a result, so that the report must not. Default: it does. */
  readonly payload?: boolean
}

/** The console of a command, by its options. */
export function createConsole(
  { output = 'text', quiet = false, limit }: OutputOptions,
  { payload = true }: ConsoleOptions = {},
): Console {
  const { messages } = parseLimits(limit)
  const started = performance.now()
  const terminal = isTerminal()
  return {
    progress: (text) => {
      if (!quiet && output === 'text') sayProgress(text)
    },
    say: (diagnostics) => {
      if (output === 'json') return
      const colors = isPainted('stderr')
      const problems = formatDiagnostics(atMost(diagnostics, messages), {
        colors,
        frames: false,
        texts: new Map(),
      })
      sayPainted(quiet ? problems : problems + formatSkipped(diagnostics))
    },
    print,
    report: (whole) => {
      const report = { ...whole, listed: atMost(whole.diagnostics, messages) }
      const milliseconds = performance.now() - started
      if (output === 'json') printJson(reportData(report, milliseconds), payload ? 'stderr' : 'stdout')
      else {
        sayPainted(reportText(report, milliseconds, quiet, terminal))
        if (report.comparison && !(quiet && report.comparison.upToDate))
          print(formatUpToDate(report.comparison))
      }
    },
  }
}

/** A report with the diagnostics that are listed, which may be fewer than there are. */
interface ListedReport extends Report {
  readonly listed: readonly Diagnostic[]
}

function reportText(report: ListedReport, milliseconds: number, quiet: boolean, terminal: boolean): string {
  const { result, diagnostics, otherFiles, nodes, templates = [] } = report
  const style = { colors: isPainted('stderr'), frames: terminal, texts: result.texts }
  const problems = formatDiagnostics(report.listed, style)
  if (quiet) return problems
  return [
    problems,
    formatReadSummary(readSummary(result, otherFiles)),
    formatSkipped(diagnostics),
    formatTemplates(templates),
    ...nodes.map(({ node, counts, bundle }) => formatCounts(node, counts) + bundleLine(bundle)),
    formatVerdict(diagnostics, milliseconds),
  ].join('')
}

const reportData = (
  { result, diagnostics, listed, otherFiles, nodes, templates = [], comparison = null }: ListedReport,
  milliseconds: number,
): object => ({
  version: 1,
  ok: !hasErrors(diagnostics),
  read: readSummary(result, otherFiles),
  nodes: nodes.map(({ node, counts, bundle }) => ({
    node,
    counts,
    folder: bundle?.folder ?? null,
    manifest: bundle?.manifest ?? null,
  })),
  templates,
  ...(comparison === null ? {} : { check: comparison }),
  diagnostics: listed.map(diagnosticData),
  milliseconds: Math.round(milliseconds),
})

const bundleLine = (bundle: CompiledNode['bundle']): string =>
  bundle === null
    ? ''
    : `bundle: ${safeText(bundle.folder)}, fingerprint ${bundle.manifest.fingerprint.slice(0, 12)}\n`
