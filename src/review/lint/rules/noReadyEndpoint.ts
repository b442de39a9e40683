import { selectorOf } from '../../../desired/pods.ts'
import { fullName } from '../../../kube/names.ts'
import type { ServicePort } from '../../../resolve/types.ts'
import { expectsPods, unselected } from '../selectors.ts'
import { inService, portsByService } from '../subject.ts'
import type { StateRule } from '../types.ts'
import { counted } from '../words.ts'

export const noReadyEndpoint: StateRule = {
  on: 'state',
  code: 'NO_READY_ENDPOINT',
  severity: 'warning',
  title: 'A port of a Service has no ready endpoint.',
  why: 'Clients of the port are refused, or reach a server that is being shut down.',
  source: 'https://kubernetes.io/docs/reference/networking/virtual-ips/',
  mend: 'Find out why its Pods are not ready, or delete the Service.',
  check: (subject) => {
    const told = new Set(unselected(subject).map(({ service }) => fullName(service.object)))
    return [...portsByService(subject.ports)].flatMap(([name, ports]) => {
      if (told.has(name) || waits(ports[0] as ServicePort, subject.cluster.workloads)) return []
      return ports
        .filter(({ endpoints }) => !endpoints.some(({ ready }) => ready))
        .map((port) => inService(port.service, ['spec', 'ports', port.index], sentence(port)))
    })
  },
  checkPlan: ({ virtualServers }) =>
    virtualServers
      .filter(({ realServers }) => !realServers.some(({ weight }) => weight > 0))
      .map(({ protocol, address, port }) => ({
        message: `The virtual server ${protocol} ${address}:${port} has no real server.`,
        subject: null,
        origin: null,
        path: [],
        service: null,
      })),
}

/** Whether its Pods are still to come, which is no fault. */
function waits({ service, endpoints }: ServicePort, workloads: Parameters<typeof expectsPods>[2]): boolean {
  const selector = selectorOf(service.object)
  return endpoints.length === 0 && selector !== null && expectsPods(service.object, selector, workloads)
}

function sentence({ family, protocol, port, endpoints }: ServicePort): string {
  const what = `Port ${port}/${protocol.toUpperCase()} (${family}) has no ready endpoint`
  const terminating = endpoints.filter((endpoint) => endpoint.serving && endpoint.terminating).length
  if (endpoints.length === 0) return `${what}, and none that is not.`
  if (terminating > 0) return `${what}: ${counted(terminating, 'endpoint')} that end still serve.`
  return `${what}: ${counted(endpoints.length, 'endpoint')} ${endpoints.length === 1 ? 'is' : 'are'} not ready.`
}
