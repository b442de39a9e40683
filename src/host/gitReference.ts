import { UsageError } from './exit.ts'

/** `git:REV:PATH`: files of a revision, without a checkout. */
export interface GitReference {
  /** As it was given. */
  readonly text: string
  readonly revision: string
  /** `A...B`: the revision is their merge base. */
  readonly mergeBase: readonly [string, string] | null
  /** From the top of the repository, without a slash at its ends; empty: all of it. With `./`: from here on. */
  readonly path: string
}

const PREFIX = 'git:'

export const isGitReference = (text: string): boolean => text.startsWith(PREFIX)

/** Takes a reference apart. What git could take for an option, or a terminal for a command, is refused. */
export function parseGitReference(text: string): GitReference {
  const refuse = (reason: string): never => {
    throw new UsageError(`${quoted(text)}: ${reason}`)
  }
  const [, revision = '', path] = /^git:([^:]*)(?::(.*))?$/s.exec(text) ?? []
  if (/\p{Cc}/u.test(text)) refuse('a revision or path holds no control characters')
  if (path === undefined) refuse('it has the form git:REVISION:PATH, such as git:main:deploy')
  if (revision === '') refuse('it names no revision, such as git:HEAD:deploy')
  const sides = revision.split('...')
  if (sides.length > 2 || (sides.length === 2 && sides.includes('')))
    refuse('a merge base has the form git:A...B:PATH')
  if (sides.length === 1 && revision.includes('..'))
    refuse('a state is one revision: for the merge base of A and B write git:A...B:PATH')
  for (const side of sides)
    if (side.startsWith('-')) refuse(`${quoted(side)} looks like an option, not a revision`)
  return {
    text,
    revision,
    mergeBase: sides.length === 2 ? [sides[0] as string, sides[1] as string] : null,
    path: checkedPath(path as string, refuse),
  }
}

function checkedPath(path: string, refuse: (reason: string) => never): string {
  if (path.startsWith('-')) refuse(`${quoted(path)} looks like an option, not a path; write ./ before it`)
  if (path.startsWith('/')) refuse('its path begins at the top of the repository, without a slash')
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.includes('..')) refuse('its path must not hold ".."')
  const here = /^\.(\/|$)/.test(path)
  return [...(here ? ['.'] : []), ...segments].join('/')
}

/** A text that may hold anything, for a message. */
export const quoted = (text: string): string =>
  JSON.stringify(text.length > 200 ? `${text.slice(0, 199)}…` : text)
