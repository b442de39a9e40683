import { readdirSync, readFileSync } from 'node:fs'
import { Ajv, type AnySchemaObject } from 'ajv'
import standaloneCode from 'ajv/dist/standalone/index.js'

/** Export name by schema file name. Inputs are many, so they have a fast validator besides the complete one. */
const INPUT_VALIDATORS: Readonly<Record<string, string>> = {
  service: 'validateService',
  endpointslice: 'validateEndpointSlice',
  endpoints: 'validateEndpoints',
  node: 'validateNode',
  pod: 'validatePod',
}
const VALIDATORS: Readonly<Record<string, string>> = {
  ...INPUT_VALIDATORS,
  kubeproxyconfiguration: 'validateKubeProxyConfiguration',
  plan: 'validatePlan',
  manifest: 'validateManifest',
  facts: 'validateFacts',
  ipvsc: 'validateProjectFile',
  ruletests: 'validateRuleTests',
}

export interface GeneratedValidators {
  /** Decides yes or no about an input object, stopping at the first error. */
  readonly fast: string
  /** Names every error, for every schema; loaded when the fast one said no. */
  readonly complete: string
  readonly fastDeclarations: string
  readonly completeDeclarations: string
  /** The schemas themselves, by name. */
  readonly schemas: string
}

/** Code of the validators of all schemas in the folder, without any import. */
export function generateValidators(folder: string): GeneratedValidators {
  const schemas = Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((file): [string, AnySchemaObject] => [
        file.replace('.schema.json', ''),
        JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')),
      ]),
  )
  return {
    fast: validatorCode(schemas, INPUT_VALIDATORS, false),
    complete: validatorCode(schemas, VALIDATORS, true),
    fastDeclarations: declarations(INPUT_VALIDATORS),
    completeDeclarations: declarations(VALIDATORS),
    schemas: `export const SCHEMAS = ${JSON.stringify(schemas)}\n`,
  }
}

type Names = Readonly<Record<string, string>>

function validatorCode(
  schemas: Readonly<Record<string, AnySchemaObject>>,
  validators: Names,
  allErrors: boolean,
): string {
  const ajv = createAjv(Object.values(schemas), allErrors)
  const exports = Object.fromEntries(
    Object.entries(validators).map(([name, validator]) => [validator, schemas[name]?.$id as string]),
  )
  const code = standaloneCode.default(ajv, exports)
  if (/\brequire\(|^import /m.test(code)) throw new Error('the validators import something')
  return code
}

/** One configuration of ajv for the build and the tests. */
export const createAjv = (schemas: readonly AnySchemaObject[], allErrors: boolean): Ajv =>
  new Ajv({
    schemas: [...schemas],
    allErrors,
    strict: true,
    allowUnionTypes: true,
    unicodeRegExp: false,
    unicode: false,
    logger: false,
    keywords: [{ keyword: 'x-ipvsc', schemaType: 'string' }],
    verbose: allErrors,
    code: { source: true, esm: true, lines: true, optimize: 2 },
  } as ConstructorParameters<typeof Ajv>[0])

function declarations(validators: Names): string {
  const names = Object.values(validators).map((name) => `export declare const ${name}: Validator\n`)
  return `import type { ErrorObject } from 'ajv'

export interface Validator {
  (data: unknown): boolean
  errors?: ErrorObject[] | null
}
${names.join('')}`
}
