import { createTwoFilesPatch } from 'diff'
import { safeText } from '../diagnostics/safeText.ts'
import { emit } from '../formats/emit.ts'
import { PAYLOAD_NAMES, type PayloadName } from '../formats/names.ts'
import type { Plan } from '../plan/types.ts'
import type { ReviewSide } from './review.ts'
import { nodesText } from './summary.ts'

/** Lines that may differ before a payload is shown as replaced: finding the fewest takes time with their square. */
const MOST_EDITS = 4_000

/**
 * Payloads of nodes as unified diffs, file by file. Nodes on which a diff is the same stand above it together, in a line that
 * `patch` skips.
 */
export function formatUnified(before: ReviewSide, after: ReviewSide): string {
  const all = [...before.nodes.keys()].filter((node) => after.nodes.has(node)).sort()
  const groups = new Map<PayloadName, Map<string, string[]>>(PAYLOAD_NAMES.map((name) => [name, new Map()]))
  for (const node of all)
    for (const [name, patch] of patchesOf(planOf(before, node), planOf(after, node))) {
      const known = groups.get(name) as Map<string, string[]>
      known.set(patch, [...(known.get(patch) ?? []), node])
    }
  return [...groups]
    .flatMap(([name, patches]) =>
      [...patches].map(([patch, nodes]) => `# ${name} on ${safeText(nodesText(nodes, all))}\n${patch}`),
    )
    .join('')
}

const planOf = ({ nodes }: ReviewSide, node: string): Plan => nodes.get(node)?.state.plan as Plan

/** By payload, of those that differ. */
function patchesOf(before: Plan, after: Plan): [PayloadName, string][] {
  if (before === after) return []
  const [old, now] = [emit(before), emit(after)]
  return PAYLOAD_NAMES.flatMap((name): [PayloadName, string][] => {
    const patch = filePatch(name, old.get(name), now.get(name))
    return patch === '' ? [] : [[name, patch]]
  })
}

function filePatch(name: string, old: string | undefined, now: string | undefined): string {
  if (old === now) return ''
  const from = old === undefined ? '/dev/null' : `a/${name}`
  const to = now === undefined ? '/dev/null' : `b/${name}`
  const [a, b] = [old ?? '', now ?? '']
  const patch = createTwoFilesPatch(from, to, a, b, undefined, undefined, {
    context: 3,
    maxEditLength: MOST_EDITS,
    headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true },
  })
  return patch ?? replaced(from, to, a, b)
}

/** One hunk that takes out what is between the first and the last line that differ. */
function replaced(from: string, to: string, a: string, b: string): string {
  const [old, now] = [a, b].map((text) => text.split('\n').slice(0, -1)) as [string[], string[]]
  const most = Math.min(old.length, now.length)
  let head = 0
  while (head < most && old[head] === now[head]) head++
  let tail = 0
  while (tail < most - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++
  const [gone, come] = [old, now].map((lines) => lines.slice(head, lines.length - tail)) as [
    string[],
    string[],
  ]
  const span = (lines: readonly string[]): string => `${lines.length === 0 ? head : head + 1},${lines.length}`
  const body = [...gone.map((line) => `-${line}\n`), ...come.map((line) => `+${line}\n`)].join('')
  return `--- ${from}\n+++ ${to}\n@@ -${span(gone)} +${span(come)} @@\n${body}`
}
