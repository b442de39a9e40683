import runtime from 'handlebars/runtime.js'
import { TEMPLATE_SPECS } from '../generated/templates.js'
import { joined, lazily } from '../text.ts'
import { COMPILE_OPTIONS } from './compileOptions.ts'
import { TEMPLATE_NAMES, type TemplateName } from './names.ts'

/** Lays rows out as the text of a file. */
export type Renderer = Readonly<Record<TemplateName, (rows: object) => string>>

/** The runtime's own declarations leave out its functions. */
const { template } = runtime as unknown as {
  template: (spec: unknown) => (rows: object, options: { helpers: object }) => string
}

/** Handlebars' own `each` makes three objects for every row; rows here need neither keys
 * nor indices. */
const HELPERS = {
  each: (rows: Iterable<object>, { fn }: { fn: (row: object) => string }): string => {
    if (!Array.isArray(rows)) return joined(lazily(rows, fn))
    let text = ''
    for (const row of rows) text += fn(row)
    return text
  },
}

/** The shipped templates. */
export const defaultRenderer: Renderer = fromTemplates((name) => {
  const render = template(TEMPLATE_SPECS[name])
  return (rows) => render(rows, { helpers: HELPERS })
})

/**
 * The shipped templates with some of them replaced: `overlay` maps a file name such as `sysctl.conf.hbs` to
 * its source. A name that no template has is an error, as is a source that Handlebars refuses.
 */
export async function rendererWith(overlay: ReadonlyMap<string, string>): Promise<Renderer> {
  const { default: Handlebars } = await import('handlebars')
  const compiled = new Map<TemplateName, (rows: object) => string>()
  for (const [file, source] of overlay) {
    const name = TEMPLATE_NAMES.find((template) => `${template}.hbs` === file)
    if (name === undefined)
      throw new TemplateError(
        file,
        `no file of a bundle is made from it; known: ${TEMPLATE_NAMES.map((known) => `${known}.hbs`).join(', ')}`,
      )
    compiled.set(name, compileTemplate(Handlebars, file, source))
  }
  return fromTemplates((name) => compiled.get(name) ?? defaultRenderer[name])
}

/** A template that cannot be used. */
export class TemplateError extends Error {
  readonly file: string
  constructor(file: string, reason: string) {
    super(`template ${file}: ${reason}`)
    this.file = file
  }
}

function compileTemplate(
  Handlebars: typeof import('handlebars'),
  file: string,
  source: string,
): (rows: object) => string {
  const guard = <T>(run: () => T): T => {
    try {
      return run()
    } catch (error) {
      throw new TemplateError(file, (error as Error).message)
    }
  }
  const template = guard(() => {
    Handlebars.precompile(source, COMPILE_OPTIONS)
    return Handlebars.compile(source, COMPILE_OPTIONS)
  })
  return (rows) => guard(() => template(rows, { helpers: HELPERS }))
}

function fromTemplates(templateOf: (name: TemplateName) => (rows: object) => string): Renderer {
  return Object.fromEntries(TEMPLATE_NAMES.map((name) => [name, templateOf(name)])) as Record<
    TemplateName,
    (rows: object) => string
  >
}
