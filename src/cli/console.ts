import pc from 'picocolors'
import type { Counts, Manifest } from '../bundle/bundle.ts'
import { type Diagnostic, hasErrors } from '../diagnostics/diagnostics.ts'
import type { OverlaidTemplate } from '../formats/render.ts'
import type { ReadResult } from '../read/types.ts'
import { diagnosticData, formatDiagnostics } from './report.ts'
import {
  formatCounts,
  formatReadSummary,
  formatSkipped,
  formatTemplates,
  formatVerdict,
  readSummary,
} from './summary.ts'

/** What a command has to say at its end. */
export interface Report {
  readonly result: ReadResult
  readonly diagnostics: readonly Diagnostic[]
  readonly otherFiles: number
  readonly nodes: readonly CompiledNode[]
  /** Templates that were used instead of the shipped ones; default: none. */
  readonly templates?: readonly OverlaidTemplate[]
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
  readonly output: 'text' | 'json'
  readonly quiet: boolean
  /** Whether standard output carries a payload, so that the report must not. */
  readonly payload: boolean
}

export function createConsole({ output, quiet, payload }: ConsoleOptions): Console {
  const started = performance.now()
  const terminal = process.stderr.isTTY === true
  return {
    progress: (text) => {
      if (terminal && !quiet && output === 'text') process.stderr.write(`\r\u001b[K${text.slice(0, 100)}`)
    },
    say: (diagnostics) => {
      if (output === 'json') return
      const colors = pc.isColorSupported && terminal
      const problems = formatDiagnostics(diagnostics, { colors, frames: false, texts: new Map() })
      process.stderr.write(quiet ? problems : problems + formatSkipped(diagnostics))
    },
    print: (text) => process.stdout.write(text),
    report: (report) => {
      const milliseconds = performance.now() - started
      if (output === 'json') {
        const stream = payload ? process.stderr : process.stdout
        stream.write(`${JSON.stringify(reportData(report, milliseconds), null, 2)}\n`)
      } else process.stderr.write(reportText(report, milliseconds, quiet, terminal))
    },
  }
}

function reportText(report: Report, milliseconds: number, quiet: boolean, terminal: boolean): string {
  const { result, diagnostics, otherFiles, nodes, templates = [] } = report
  const style = { colors: pc.isColorSupported && terminal, frames: terminal, texts: result.texts }
  const problems = formatDiagnostics(diagnostics, style)
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
  { result, diagnostics, otherFiles, nodes, templates = [] }: Report,
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
  diagnostics: diagnostics.map(diagnosticData),
  milliseconds: Math.round(milliseconds),
})

const bundleLine = (bundle: CompiledNode['bundle']): string =>
  bundle === null ? '' : `bundle: ${bundle.folder}, fingerprint ${bundle.manifest.fingerprint.slice(0, 12)}\n`
