import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { VERSION } from '../version.ts'
import { NODE_FILE_NAMES, nodeFiles } from './script.ts'
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
writeFileSync(
  `${target}nodeFiles.js`,
  `export const NODE_FILES = ${JSON.stringify(nodeFiles(`${root}templates/node`, VERSION), null, 2)}\n`,
)
writeFileSync(
  `${target}nodeFiles.d.ts`,
  `export declare const NODE_FILES: Readonly<Record<${NODE_FILE_NAMES.map((name) => `'${name}'`).join(' | ')}, string>>\n`,
)
const page = (name: string): string => readFileSync(`${root}templates/review/${name}`, 'utf8')
writeFileSync(
  `${target}pageFiles.js`,
  `export const PAGE_FILES = ${JSON.stringify({ style: page('page.css'), script: page('page.js') }, null, 2)}\n`,
)
writeFileSync(
  `${target}pageFiles.d.ts`,
  "export declare const PAGE_FILES: Readonly<Record<'style' | 'script', string>>\n",
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
