/**
 * The part of SARIF 2.1.0 (OASIS, sections 3.13 to 3.52) that findings are told with: what is required there, the values that it
 * allows, and nothing besides. It is stricter than the standard, which lets a log hold much more.
 */

const object = (properties: object, required: readonly string[] = Object.keys(properties)): object => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
})
const string = { type: 'string' }
const message = object({ text: { type: 'string', minLength: 1 } })
const level = { enum: ['none', 'note', 'warning', 'error'] }
const list = (items: object): object => ({ type: 'array', items })
const positive = { type: 'integer', minimum: 1 }

const rule = object(
  {
    id: string,
    shortDescription: message,
    fullDescription: message,
    help: message,
    helpUri: { type: 'string', pattern: '^https://[!-~]+$' },
    defaultConfiguration: object({ level }),
  },
  ['id'],
)

/** A URI reference (RFC 3986): no character outside of it, and no backslash. */
const uri = { type: 'string', pattern: "^[A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=%-]*$" }

const location = object(
  {
    physicalLocation: object(
      {
        artifactLocation: object({ uri }),
        region: object({ startLine: positive, startColumn: positive }),
      },
      ['artifactLocation'],
    ),
    logicalLocations: list(object({ fullyQualifiedName: string, kind: string })),
  },
  [],
)

const result = object(
  {
    ruleId: string,
    ruleIndex: { type: 'integer', minimum: 0 },
    level,
    message,
    locations: list(location),
    partialFingerprints: { type: 'object', additionalProperties: string },
    suppressions: list(object({ kind: { enum: ['inSource', 'external'] }, justification: string }, ['kind'])),
  },
  ['message'],
)

export const SARIF = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://ipvsc.dev/test/sarif',
  ...object({
    $schema: uri,
    version: { const: '2.1.0' },
    runs: list(
      object({
        tool: object({
          driver: object({
            name: { type: 'string', minLength: 1 },
            version: string,
            semanticVersion: { type: 'string', pattern: '^[0-9]+\\.[0-9]+\\.[0-9]+' },
            rules: list(rule),
          }),
        }),
        columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
        results: list(result),
      }),
    ),
  }),
}
