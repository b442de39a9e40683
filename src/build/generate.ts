import { mkdirSync, writeFileSync } from 'node:fs'
import { generateTemplates } from './templates.ts'
import { generateValidators } from './validators.ts'

/** Writes the modules that are made from templates/ and schemas/. */
const root = new URL('../../', import.meta.url).pathname
const target = `${root}src/generated/`

mkdirSync(target, { recursive: true })
writeFileSync(`${target}templates.js`, generateTemplates(`${root}templates`))
writeFileSync(
  `${target}templates.d.ts`,
  'export declare const TEMPLATE_SPECS: Readonly<Record<string, unknown>>\n',
)
const validators = generateValidators(`${root}schemas`)
writeFileSync(`${target}validators.js`, validators.fast)
writeFileSync(`${target}validators.d.ts`, validators.fastDeclarations)
writeFileSync(`${target}completeValidators.js`, validators.complete)
writeFileSync(`${target}completeValidators.d.ts`, validators.completeDeclarations)
writeFileSync(`${target}schemas.js`, validators.schemas)
writeFileSync(
  `${target}schemas.d.ts`,
  'export declare const SCHEMAS: Readonly<Record<string, Readonly<Record<string, unknown>>>>\n',
)
