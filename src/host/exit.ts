/** What the exit status of `ipvsc` says. */
export const EXIT = {
  /** Done. */
  done: 0,
  /** The input has errors; nothing was written. */
  input: 1,
  /** The command was used wrongly, or a file could not be read or written. */
  usage: 2,
  /** Two states differ. */
  differs: 3,
} as const

/** A failure that is the user's to mend, told in one line. */
export class UsageError extends Error {}
