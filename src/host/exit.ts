/** What the exit status says, of `ipvsc` and of the script of a bundle alike; docs/exit-status.md is the table for people. */
export const EXIT = {
  /** Done; also where `--quarantine` left objects out, which are named. */
  done: 0,
  /** The input has errors, and nothing was written; or something failed, and the state before is back. */
  input: 1,
  /** The command was used wrongly, or names something that is not there. */
  usage: 2,
  /** Two states differ, or something was found. */
  differs: 3,
  /** Refused, and nothing was touched. */
  refused: 4,
  /** Another run holds the lock. */
  locked: 5,
  /** Something failed, and the way back did, too. */
  failed: 6,
} as const

/** The end of every help text. */
export const EXIT_HELP = `
Exit status: 0 done, 1 the input has errors, or something failed and the state before is back, 2 wrong usage,
3 differences or findings, 4 refused and nothing was touched, 5 another run holds the lock, 6 the way back failed, too.`

/** A command that ends here, with one line for its user and the exit status that says why. */
export class CommandError extends Error {
  readonly status: number
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** The command was used wrongly, or names something that cannot be read: told in one line. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(message, EXIT.usage)
  }
}

/** The input has errors, or something failed on the way; what was there before is still there. */
export class FailedError extends CommandError {
  constructor(message: string) {
    super(message, EXIT.input)
  }
}

/** What was asked for would touch or trust what it must not; nothing was touched. */
export class RefusedError extends CommandError {
  constructor(message: string) {
    super(message, EXIT.refused)
  }
}
