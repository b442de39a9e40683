import { spawnSync } from 'node:child_process'
import { UsageError } from './exit.ts'
import { type GitReference, quoted } from './gitReference.ts'

/** The repository around the working directory, or the one that GIT_DIR names, asked through git's plumbing. */

/** Settings that hold for every call: nothing is fetched, paged, replaced or taken for a pattern. */
const GLOBAL_WORDS = [
  '--no-pager',
  '--no-replace-objects',
  '--literal-pathspecs',
  '-c',
  'protocol.allow=never',
  '-c',
  'core.fsmonitor=false',
]
const ENVIRONMENT = { LC_ALL: 'C', GIT_NO_LAZY_FETCH: '1', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' }
/** Bytes of one answer. */
const MOST_BYTES = 2 ** 30

export interface GitAnswer {
  readonly status: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs git, whatever its status. Fails where there is no git, or an answer without end. */
export function tryGit(words: readonly string[], input = ''): GitAnswer {
  const { status, stdout, stderr, error } = spawnSync('git', [...GLOBAL_WORDS, ...words], {
    env: { ...process.env, ...ENVIRONMENT },
    input,
    maxBuffer: MOST_BYTES,
  })
  if (error !== undefined) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new UsageError('git is not installed; git:REVISION:PATH needs it')
    throw new UsageError(`git cannot be run: ${code === 'ENOBUFS' ? 'its answer is too long' : message}`)
  }
  return { status: status ?? 128, stdout, stderr: stderr.toString('utf8') }
}

/** What git prints, or the reason why it fails. */
export function git(words: readonly string[], input = ''): Buffer {
  const { status, stdout, stderr } = tryGit(words, input)
  if (status !== 0) throw new UsageError(explain(stderr))
  return stdout
}

/** One line that git prints, or `null` where it fails without a word on why that would stop everything. */
function line(words: readonly string[]): string | null {
  const { status, stdout, stderr } = tryGit(words)
  if (status !== 0 && isFatalForAll(stderr)) throw new UsageError(explain(stderr))
  const text = stdout.toString('utf8').trim()
  return status === 0 && text !== '' ? text : null
}

const isFatalForAll = (stderr: string): boolean =>
  /dubious ownership|unsafe repository|not a git repository|unknown repository extension/i.test(stderr)

/** Contents are never fetched while a command runs. */
export const PARTIAL_CLONE =
  'a partial clone has to fetch them first, as git fetch --refetch --no-filter does'

/** Failures of git in words that say what to do. */
function explain(stderr: string): string {
  if (/dubious ownership|unsafe repository/i.test(stderr)) {
    const folder = /repository (?:at )?'([^']*)'/.exec(stderr)?.[1] ?? process.cwd()
    return `git does not trust the repository ${quoted(folder)}, because it belongs to another user; if you do: git config --global --add safe.directory ${shellWord(folder)}`
  }
  if (/not a git repository/i.test(stderr))
    return `there is no git repository around ${quoted(process.cwd())}; git:REVISION:PATH reads from one`
  if (/promisor|transport '[^']*' not allowed/.test(stderr))
    return `git lacks contents that the tree names: ${PARTIAL_CLONE}`
  const first = stderr.split('\n').find((text) => text.trim() !== '') ?? 'it fails without a word'
  return `git: ${first.replace(/^(fatal|error): /, '').replace(/\p{Cc}/gu, '?')}`
}

const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/\p{Cc}/gu, '?').replaceAll("'", "'\\''")}'`

/** The tree of the revision that a reference names: an object id. */
export function treeOf({ text, revision, mergeBase }: GitReference): string {
  const found = mergeBase === null ? revision : mergeBaseOf(mergeBase)
  const tree = verified(`${found}^{tree}`)
  if (tree === null) throw new UsageError(`${quoted(text)}: ${unknownRevision(revision)}`)
  return tree
}

const verified = (expression: string): string | null => line(['rev-parse', '--verify', '--quiet', expression])

const isShallow = (): boolean => line(['rev-parse', '--is-shallow-repository']) === 'true'

function unknownRevision(revision: string): string {
  if (verified('HEAD^{commit}') === null && revision === 'HEAD') return 'the repository has no commit yet'
  const remote = verified(`origin/${revision}^{commit}`)
  if (remote !== null)
    return `this repository has no revision ${quoted(revision)}; it has ${quoted(`origin/${revision}`)}`
  return `this repository has no revision ${quoted(revision)}; where it is cut off or lacks the branch, fetch it: ${fetchCommand([revision], 1)}`
}

/** The commit that two revisions have in common. */
function mergeBaseOf([a, b]: readonly [string, string]): string {
  const [from, to] = [a, b].map((side) => {
    const commit = verified(`${side}^{commit}`)
    if (commit === null) throw new UsageError(unknownRevision(side))
    return commit
  }) as [string, string]
  const base = line(['merge-base', from, to])
  if (base !== null) return base.split('\n')[0] as string
  const nothing = `${quoted(a)} and ${quoted(b)} have no commit in common`
  throw new UsageError(
    isShallow()
      ? `${nothing} in this clone, whose history is cut off; fetch more of it: ${fetchCommand([a, b], DEEP)}`
      : nothing,
  )
}

/** Commits that a fetch is told to bring: as many as most branches are apart. */
const DEEP = 200

/** The fetch that brings revisions with so many commits of their history. */
function fetchCommand(revisions: readonly string[], depth: number): string {
  const remotes = (line(['remote']) ?? 'origin').split('\n')
  const remote = remotes.includes('origin') ? 'origin' : (remotes[0] as string)
  const words = revisions.map((revision) => {
    const branch = branchOf(revision, remote)
    return branch === null
      ? (verified(`${revision}^{commit}`) ?? revision)
      : `+${branch}:refs/remotes/${remote}/${branch}`
  })
  return `git fetch --depth=${depth} ${[remote, ...new Set(words)].map(shellWord).join(' ')}`
}

/** The branch of a remote that a revision means; `null`: it is known by its commit only. */
function branchOf(revision: string, remote: string): string | null {
  if (revision === 'HEAD') return line(['symbolic-ref', '--quiet', '--short', 'HEAD'])
  const name = revision
    .replace(/^refs\/(heads|remotes)\//, '')
    .replace(new RegExp(`^${remote.replace(/[^\w/-]/g, '\\$&')}/`), '')
  const isName = /^[\w][\w./+-]*$/.test(name) && !/^[0-9a-f]{7,64}$/.test(name)
  return isName ? name : null
}

/** Where the working directory lies in the repository: empty at its top, else with a slash at the end. */
export const prefix = (): string => line(['rev-parse', '--show-prefix']) ?? ''
