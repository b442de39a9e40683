import { CONFIG_REF } from '../config/fields.ts'
import type { Diagnostic, ObjectRef } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { refOf } from '../kube/names.ts'
import { changes } from '../plan/changes/changes.ts'
import type { Change } from '../plan/changes/types.ts'
import type { Owners } from '../plan/owners.ts'
import type { Plan } from '../plan/types.ts'
import { ResolveMemo } from '../resolve/memo.ts'
import { type CompileOptions, type CompileResult, compileNodes } from './compile.ts'
import { ClusterObjects, type FollowedObject } from './objects.ts'
import { once } from './once.ts'
import { patchService } from './patch.ts'

/** Objects that came or changed, and those that are gone: one step of a cluster. */
export interface ClusterStep {
  /** Each takes the place of the one of its kind, namespace and name. Objects that were given before must not be changed in place. */
  readonly set?: readonly Sourced<FollowedObject>[]
  /** What is not there is passed over. */
  readonly gone?: readonly ObjectRef[]
}

/**
 * A compiled cluster that follows its objects: Services, EndpointSlices, Endpoints, Nodes and configurations. After each step it holds
 * what compiling the cluster anew would give. An ordinary change of endpoints compiles one Service again; after any other one, what
 * is read and checked is what was replaced.
 *
 * @example
 * const compilation = new Compilation(cluster, { node: 'node-1' })
 * const changes = compilation.update({ gone: [{ kind: 'Service', namespace: 'default', name: 'web' }] })
 */
export class Compilation {
  readonly #options: CompileOptions
  readonly #objects: ClusterObjects
  readonly #memo = new ResolveMemo()
  #result: () => CompileResult
  /** The last one there was, or `null`: there was none yet. */
  #last: Plan | null = null
  #isValid = false

  /** The result of `compile` with the same arguments can be given where it is at hand. */
  constructor(cluster: Cluster, options: CompileOptions, result?: CompileResult) {
    this.#options = options
    this.#objects = new ClusterObjects(cluster)
    this.#result = result === undefined ? this.#compileLater() : () => result
    this.#keep(this.#result().plan)
  }

  /** `null`: the cluster has errors. */
  get plan(): Plan | null {
    return this.#isValid ? this.#last : null
  }

  /** Everything that compiling tells; worked out when it is first asked for after a step. */
  get result(): CompileResult {
    return this.#result()
  }

  get diagnostics(): readonly Diagnostic[] {
    return this.#result().diagnostics
  }

  /** `null`: the cluster has errors. */
  get owners(): Owners | null {
    return this.#result().owners
  }

  /**
   * Takes a step, and gives what it changes on the node. While the cluster has errors nothing changes; the step that mends them gives
   * all changes since the last plan. The first plan has no changes: there is nothing before it.
   */
  update(step: ClusterStep): readonly Change[] {
    const service = this.#serviceOf(step)
    const before = service === null ? null : this.#objects.ofService(service)
    for (const ref of step.gone ?? []) this.#objects.remove(ref)
    for (const object of step.set ?? []) this.#objects.set(object)
    this.#result = this.#compileLater()
    const { plan } = this
    if (plan !== null && service !== null && before !== null) {
      const patched = patchService(plan, this.#objects, service, before, this.#options)
      if (patched !== null) {
        this.#last = patched.plan
        return patched.changes
      }
    }
    return this.#keep(this.#result().plan)
  }

  /** The one Service of which all objects of a step state endpoints, before it and after; `null`: there is no such. */
  #serviceOf({ set = [], gone = [] }: ClusterStep): string | null {
    const refs = [...gone, ...set.map(({ object }) => refTo(object))]
    if (refs.some(({ kind }) => kind !== 'EndpointSlice' && kind !== 'Endpoints')) return null
    const held = refs.map((ref) => this.#objects.stating(ref))
    const stated = [...set.map(({ object }) => object), ...held.filter((object) => object !== undefined)]
    const services = new Set(stated.map((object) => this.#objects.serviceStatedBy(object)))
    const [service = null] = services
    return services.size === 1 ? service : null
  }

  #compileLater(): () => CompileResult {
    return once(() => {
      const { node, ...options } = this.#options
      const [result] = compileNodes(this.#objects.cluster(), { ...options, nodes: [node] }, this.#memo)
      if (result === undefined) throw new Error('internal error: one node gives one result')
      return result
    })
  }

  #keep(plan: Plan | null): readonly Change[] {
    this.#isValid = plan !== null
    if (plan === null) return []
    const before = this.#last
    this.#last = plan
    return before === null ? [] : changes(before, plan)
  }
}

const refTo = (object: FollowedObject): ObjectRef =>
  object.kind === 'KubeProxyConfiguration' ? CONFIG_REF : refOf(object)
