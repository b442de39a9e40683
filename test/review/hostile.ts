import fc from 'fast-check'
import type { Finding } from '../../src/review/finding.ts'
import type { Review } from '../../src/review/types.ts'

/** Texts that steered terminals, or that would be markup, a mention or a link where they got out. */
export const HOSTILE = [
  '\u001b[2J',
  '\u001b]8;;http://evil\u0007',
  '\u009b31m',
  '\r',
  '\u0000',
  '\ud800',
  '\u202e',
  '\u2028',
  '</details>',
  '</code></summary>',
  '</script><script>alert(1)</script>',
  '</style>',
  '</svg></title>',
  '<!--',
  '-->',
  '<img src=x onerror=a>',
  '" onload="x',
  "' onclick='x",
  '&lt;',
  '&#64;everyone',
  '@everyone',
  '@octo/team',
  'a@example.com',
  'www.example.com',
  'https://example.com/x',
  'http://example.com',
  'owner/repo#1',
  '#12',
  '![x](http://example.com/x.png)',
  '[x](http://example.com)',
  '[x]: http://example.com',
  '](http://x)',
  '<http://example.com>',
  '`',
  '```',
  '``',
  '|',
  '\\|',
  '\\',
  '\n# h',
  '\n\n---\n',
  '**b**',
  '~~s~~',
  '$x$',
  '{{x}}',

  '%s',
] as const

export const hostileText = (): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...HOSTILE, 'a', ' ', '/'), { maxLength: 6 }).map((parts) => parts.join(''))

/** A review in which every text of an input is hostile. */
export function hostileReview(name: string): Review {
  const group = {
    nodes: [name],
    virtualServers: [
      { key: name, fate: 'changed', added: [name], removed: [name], before: 1, after: 1, settings: [name] },
    ],
    effects: [
      { kind: 'unreachable', target: name, clients: [name], before: name, after: name },
      { kind: 'source', target: name, clients: [name], before: name, after: name },
    ],
  } as const
  return {
    version: 1,
    nodes: [name],
    onlyBefore: [name],
    onlyAfter: [name],
    services: [
      {
        service: `${name}/${name}`,
        fate: 'changed',
        origin: { source: name, document: 0, path: [] },
        fields: [{ field: name, before: name, after: null }],
        groups: [group],
      },
    ],
    unchanged: 0,
    others: [{ kind: 'rule', nodes: [name], before: [name], after: [name] }],
    hidden: { services: 1, unreachable: [name], others: 1 },
    findings: [hostileFinding(name)],
  }
}

const hostileFinding = (text: string): Finding => ({
  code: 'LAST_ENDPOINT_LOST',
  severity: 'error',
  message: text,
  why: text,
  mend: text,
  subject: { kind: 'Service', namespace: text, name: text },
  service: `${text}/${text}`,
  place: {
    origin: { source: text, document: 0, path: [] },
    path: ['spec'],
    position: { line: 4, column: 2 },
  },
  nodes: [text],
  silenced: null,
})
