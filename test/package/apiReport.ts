import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from '../support/shared.ts'

/** Where the report lies. */
export const REPORT = `${ROOT}docs/api.md`

/**
 * All that the package exports, as it is declared, by module and name: a change to it is seen in a diff. It is made from
 * dist/types, which has to be built.
 */
export function apiReport(): string {
  const index = `${ROOT}dist/types/index.d.ts`
  const parts = [
    ...readFileSync(index, 'utf8').matchAll(/^export (?:type )?(\*|\{[^}]*\}) from '([^']+)';$/gm),
  ].map(([, names = '', module = '']) => part(module, names, join(dirname(index), module)))
  return `# What the package exports

Made by \`npm run api\`, and held by a test: whoever changes it changes what users of the library have.

${parts.join('\n')}`
}

function part(module: string, names: string, path: string): string {
  const declared = declarations(path)
  const wanted = names === '*' ? [...declared.keys()] : namesOf(names)
  const texts = wanted.map((name) => declared.get(name) ?? `// ${name} comes from another module`)
  return `## ${module.replace(/^\.\/|\.ts$/g, '')}\n\n\`\`\`ts\n${texts.join('\n')}\n\`\`\`\n`
}

/** The names in `{ a, type B, }`, in order. */
const namesOf = (list: string): string[] =>
  [...list.matchAll(/(?:type )?(\w+),?(?=[ }])/g)].flatMap(([, name = '']) => (name === 'type' ? [] : [name]))

/** The text of each exported declaration of a module, with its comment, by name. */
function declarations(path: string): Map<string, string> {
  const file = existsSync(path) ? path : path.replace(/\.ts$/, '.d.ts')
  const found = new Map<string, string>()
  const chunks = readFileSync(file, 'utf8').split(/\n(?=export |\/\*\*|interface |declare |type |const )/)
  let comment = ''
  for (const chunk of chunks) {
    if (chunk.startsWith('/**') && !chunk.includes('\nexport ')) {
      comment = `${chunk.trim()}\n`
      continue
    }
    const [, name] =
      /^export (?:declare )?(?:abstract )?(?:function|const|class|interface|type|enum) (\w+)/m.exec(chunk) ??
      []
    if (name !== undefined) found.set(name, `${comment}${chunk.trim()}`)
    comment = ''
  }
  return found
}
