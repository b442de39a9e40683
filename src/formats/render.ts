import { createHash } from 'node:crypto'
import runtime from 'handlebars/runtime.js'
import { TEMPLATE_SPECS } from '../generated/templates.js'
import { joined, lazily } from '../text.ts'
import { COMPILE_OPTIONS } from './compileOptions.ts'
import { TEMPLATE_NAMES, type TemplateName } from './names.ts'

/** Lays rows out as the text of a payload, by the name of its template. */
export type Renderer = Readonly<Record<TemplateName, (rows: object) => string>> & {
  /** The templates that are not the shipped ones, in the order of their names. */
  readonly overlaid: readonly OverlaidTemplate[]
}

/** A template that replaced a shipped one. */
export interface OverlaidTemplate {
  /** `sysctl.conf.hbs` */
  readonly name: string
  /** SHA-256 of its text, in hexadecimal. */
  readonly sha256: string
}

type Template = Handlebars.TemplateDelegate

/** The runtime's own declarations leave out its functions. */
const { template } = runtime as unknown as { template: (spec: unknown) => Template }

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

/** By name. */
const SHIPPED: ReadonlyMap<string, Template> = new Map(
  Object.entries(TEMPLATE_SPECS).map(([name, spec]) => [name, template(spec)]),
)

/** The shipped templates. */
export const defaultRenderer: Renderer = rendererOf(SHIPPED, [])

/**
 * The shipped templates with some of them replaced: `overlay` maps a file name such as `sysctl.conf.hbs` to its source. Throws
 * a TemplateError for a name that no template has, and for a source that Handlebars refuses.
 */
export async function rendererWith(overlay: ReadonlyMap<string, string>): Promise<Renderer> {
  const { default: Handlebars } = await import('handlebars')
  const templates = new Map(SHIPPED)
  const overlaid: OverlaidTemplate[] = []
  for (const [file, source] of [...overlay].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = file.replace(/\.hbs$/, '')
    if (!(TEMPLATE_NAMES as readonly string[]).includes(name))
      throw new TemplateError(
        file,
        `no payload is made from it; known: ${TEMPLATE_NAMES.map((known) => `${known}.hbs`).join(', ')}`,
      )
    templates.set(name, compileTemplate(Handlebars, file, source))
    overlaid.push({ name: file, sha256: createHash('sha256').update(source).digest('hex') })
  }
  return rendererOf(templates, overlaid)
}

/** A template that cannot be used. */
export class TemplateError extends Error {
  readonly file: string
  constructor(file: string, reason: string) {
    super(`template ${file}: ${reason}`)
    this.file = file
  }
}

function compileTemplate(Handlebars: typeof import('handlebars'), file: string, source: string): Template {
  const guard = <T>(run: () => T): T => {
    try {
      return run()
    } catch (error) {
      if (error instanceof TemplateError) throw error
      throw new TemplateError(file, (error as Error).message)
    }
  }
  const compiled = guard(() => {
    Handlebars.precompile(source, COMPILE_OPTIONS)
    return Handlebars.compile(source, COMPILE_OPTIONS)
  })
  return (rows, options) => guard(() => compiled(rows, options))
}

function rendererOf(
  templates: ReadonlyMap<string, Template>,
  overlaid: readonly OverlaidTemplate[],
): Renderer {
  const options = { helpers: HELPERS }
  const layouts = Object.fromEntries(
    TEMPLATE_NAMES.map((name) => [name, (rows: object) => (templates.get(name) as Template)(rows, options)]),
  ) as Record<TemplateName, (rows: object) => string>
  return { ...layouts, overlaid }
}
