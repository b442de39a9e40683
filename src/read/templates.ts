import { type Diagnostic, diagnostic } from '../diagnostics/diagnostics.ts'
import type { Unrendered } from '../kube/cluster.ts'

/** A text of which a part does not parse, and which holds `{{ }}`, wants to be rendered first. */
export const isTemplate = (text: string): boolean => /\{\{[^}]*\}\}/.test(text)

/** A template with the Services that it names in plain text. */
export function templateOf(source: string, text: string): Unrendered {
  const services = text
    .split(/^---/m)
    .filter((document) => /^kind:\s*["']?Service["']?\s*$/m.test(document))
    .flatMap(
      (document) =>
        /^metadata:[^\S\n]*\n(?:[ \t].*\n|\n)*?[ \t]+name:\s*["']?([\w.-]+)["']?\s*$/m.exec(document)?.[1] ??
        [],
    )
  return { kind: 'template', source, services }
}

/** How a template is rendered, as far as its place tells. */
function renderCommand(source: string): string {
  const chart = /^(.*?)\/?templates\//.exec(source)
  return chart === null
    ? 'render it with the tool that it is written for'
    : `helm template ${chart[1] || '.'}`
}

/** One diagnostic for all templates: what they hold is unknown. */
export function templateDiagnostic(templates: readonly Unrendered[]): Diagnostic[] {
  const [first] = templates
  if (first === undefined) return []
  const files =
    templates.length === 1
      ? 'The file is a template that is'
      : `${templates.length} files are templates that are`
  const services = templates.flatMap((template) => template.services)
  const named =
    services.length === 0
      ? ''
      : ` (among it ${services.length === 1 ? 'Service' : 'Services'} ${services.join(', ')})`
  return [
    diagnostic({
      code: 'TEMPLATE_NOT_RENDERED',
      severity: 'warning',
      message: `${files} not rendered; what ${templates.length === 1 ? 'it holds' : 'they hold'} is unknown${named}. Render first and give the output: ${renderCommand(first.source)}`,
      origin: { source: first.source, document: 0, path: [] },
      found: '{{ }}',
      expected: 'JSON or YAML',
      related: templates.slice(1).map(({ source }) => ({
        message: 'a template, too',
        subject: null,
        path: [],
        origin: { source, document: 0, path: [] },
        position: null,
      })),
    }),
  ]
}
