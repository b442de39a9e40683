import type { Diagnostic } from '../diagnostics/diagnostics.ts'
import type { Scheduler } from '../kernel/schedulers.ts'
import type { Sourced } from '../kube/cluster.ts'
import type { Service } from '../kube/types.ts'
import type { BareServicePort, ResolvedService } from './services.ts'
import type { EndpointGroup, EndpointSource, ServicePort } from './types.ts'

/** What one object states, read. */
export interface ReadEndpoints {
  readonly groups: readonly EndpointGroup[]
  readonly diagnostics: readonly Diagnostic[]
  readonly failed: boolean
}

/** A port with the endpoints that were joined to it, and what they were joined from. */
interface JoinedPort {
  readonly groups: readonly EndpointGroup[]
  readonly sources: readonly EndpointSource[]
  readonly servicePort: ServicePort
}

/**
 * What was resolved before, for a cluster that is resolved again after some of its objects were replaced: the same object gives the
 * same again. Objects must not be changed in place.
 */
export class ResolveMemo {
  #scheduler: Scheduler | null = null
  #services = new WeakMap<Sourced<Service>, ResolvedService>()
  readonly #objects = new WeakMap<EndpointSource, ReadEndpoints>()
  readonly #ports = new WeakMap<BareServicePort, JoinedPort>()

  /** Services depend on the configured scheduler. */
  service(service: Sourced<Service>, scheduler: Scheduler, resolve: () => ResolvedService): ResolvedService {
    if (scheduler !== this.#scheduler) {
      this.#scheduler = scheduler
      this.#services = new WeakMap()
    }
    return known(this.#services, service, resolve)
  }

  endpoints(source: EndpointSource, read: () => ReadEndpoints): ReadEndpoints {
    return known(this.#objects, source, read)
  }

  port(
    bare: BareServicePort,
    { groups, sources }: Pick<JoinedPort, 'groups' | 'sources'>,
    join: () => ServicePort,
  ): ServicePort {
    const before = this.#ports.get(bare)
    if (before !== undefined && sameItems(before.groups, groups) && sameItems(before.sources, sources))
      return before.servicePort
    const servicePort = join()
    this.#ports.set(bare, { groups, sources, servicePort })
    return servicePort
  }
}

function known<K extends object, V>(values: WeakMap<K, V>, key: K, make: () => V): V {
  const before = values.get(key)
  if (before !== undefined) return before
  const value = make()
  values.set(key, value)
  return value
}

const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((item, index) => item === b[index])
