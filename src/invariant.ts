/** Throws when one of our own assumptions is broken. Bad input never comes here: it is a `Diagnostic`. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`internal error: ${message}`)
}
