import { type Diagnostic, type DiagnosticInput, diagnostic } from '../diagnostics/diagnostics.ts'
import type { Sourced } from './cluster.ts'
import { type KubeObject, refOf } from './names.ts'

/** Takes a diagnostic about the object at hand; subject and origin are filled in. */
export type Report = (input: DiagnosticInput) => void

/** Collects diagnostics of one object, and knows whether any was an error. */
export class ObjectReport {
  readonly diagnostics: Diagnostic[] = []
  readonly #source: Sourced<KubeObject>

  constructor(source: Sourced<KubeObject>) {
    this.#source = source
  }

  readonly add: Report = (input) => {
    const { object, origin } = this.#source
    this.diagnostics.push(diagnostic({ subject: refOf(object), origin, ...input }))
  }

  get failed(): boolean {
    return this.diagnostics.some(({ severity }) => severity === 'error')
  }
}
