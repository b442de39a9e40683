/**
 * Payloads are not HTML, a missing field is an error, and a template decides nothing: it has `each` and plain
 * fields only, so a typing slip cannot become an empty string or an unknown helper.
 */
export const COMPILE_OPTIONS = {
  noEscape: true,
  strict: true,
  knownHelpersOnly: true,
  knownHelpers: { each: true, if: false, unless: false, with: false, lookup: false, log: false },
  data: false,
}
