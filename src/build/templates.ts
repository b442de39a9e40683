import { readdirSync, readFileSync } from 'node:fs'
import Handlebars from 'handlebars'
import { COMPILE_OPTIONS } from '../formats/compileOptions.ts'

/**
 * The JavaScript module that holds the shipped templates, compiled: at run time only Handlebars' runtime loads.
 * They are compiled without `strict`, which costs two thirds of the time of a large payload: a missing field
 * shows when the payload is read back, and a test compiles them strictly.
 */
export function generateTemplates(folder: string): string {
  const names = readdirSync(folder, { encoding: 'utf8', recursive: true }).filter((name) =>
    name.endsWith('.hbs'),
  )
  const entries = names.sort().map((name) => {
    const source = readFileSync(`${folder}/${name}`, 'utf8')
    return `  ${JSON.stringify(name.slice(0, -'.hbs'.length))}: ${Handlebars.precompile(source, { ...COMPILE_OPTIONS, strict: false })},`
  })
  return `export const TEMPLATE_SPECS = {\n${entries.join('\n')}\n}\n`
}
