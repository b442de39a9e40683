import { spawnSync } from 'node:child_process'

/**
 * Unit tests need Node.js and the base system of Debian, and nothing else. One that needs more says what, and where that is
 * missing it is skipped by name; with REQUIRE_TOOLS=1, as CI has it, it fails there.
 */

const INSIST = process.env.REQUIRE_TOOLS === '1'

const known = new Map<string, boolean>()

/** Of a command of several words, the first is the program. */
const programOf = (command: string): string => command.split(' ')[0] ?? ''

/** Whether a shell finds the program of a command. */
export function has(command: string): boolean {
  const program = programOf(command)
  const found =
    known.get(program) ?? spawnSync('sh', ['-c', 'command -v "$1" > /dev/null', 'sh', program]).status === 0
  known.set(program, found)
  return found
}

/** The programs of some commands that are missing here. */
const missing = (commands: readonly string[]): string[] =>
  commands.filter((command) => !has(command)).map(programOf)

/** Says that something is left out; the runner of the unit tests repeats such lines at its end. */
const announce = (what: string, why: string): void => console.log(`SKIPPED: ${what}: ${why}`)

type Body<T> = (context: T & { __suite__: string; __test__: string }) => Promise<void> | void

/** As much of a suite of uvu as is used here. */
interface Suite<T> {
  (name: string, body: Body<T>): void
  readonly skip: (name?: string) => void
}

/** `needs('git', 'ssh-keygen')(test, 'a bundle that is signed …', () => …)` registers a test that needs programs. */
export const needs =
  (...commands: readonly string[]) =>
  <T>(test: Suite<T>, name: string, body: Body<T>): void =>
    where(missing(commands).length === 0, `missing: ${missing(commands).join(', ')}`)(test, name, body)

/** The same for what is no program: a test that runs where a condition holds. */
export const where =
  (holds: boolean, why: string) =>
  <T>(test: Suite<T>, name: string, body: Body<T>): void => {
    const insisted = (): void => {
      throw new Error(`${why}; REQUIRE_TOOLS=1 insists on it`)
    }
    if (holds || INSIST) test(name, holds ? body : insisted)
    else {
      announce(name, why)
      test.skip(name)
    }
  }
