import type { Endpoint, ServicePort } from '../../resolve/types.ts'

/** Nodes of the ready endpoints of a port; `null`: of one of them it is not known. */
export function nodesOfReady({ endpoints }: ServicePort): readonly string[] | null {
  const ready = endpoints.filter((endpoint) => endpoint.ready)
  const nodes = ready.map(({ nodeName }: Endpoint) => nodeName)
  return nodes.includes(null) ? null : (nodes as string[])
}

/** The first port of each Service whose endpoints are placed so; one finding says it for all ports. */
export function oncePerService<T>(
  ports: readonly ServicePort[],
  look: (port: ServicePort) => T | null,
): { readonly port: ServicePort; readonly found: T }[] {
  const seen = new Set<ServicePort['service']>()
  return ports.flatMap((port) => {
    if (seen.has(port.service)) return []
    const found = look(port)
    if (found === null) return []
    seen.add(port.service)
    return [{ port, found }]
  })
}
