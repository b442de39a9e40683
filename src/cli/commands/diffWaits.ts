import type { Cluster } from '../../kube/cluster.ts'
import { fullName } from '../../kube/names.ts'
import type { CompiledNodes } from '../inputs/compiled.ts'

/** Problems that say what a controller has yet to do. */
const WAITING: ReadonlySet<string> = new Set([
  'ENDPOINTS_EXPECTED',
  'ENDPOINTS_UNKNOWN',
  'LOAD_BALANCER_PENDING',
])

/** What Services wait for, by name: Pods to come, addresses of load balancers. */
export function waitsOf({ cluster, diagnostics }: CompiledNodes['compiled']): Map<string, string[]> {
  const waits = new Map<string, string[]>()
  const add = (service: string, text: string): void => {
    const known = waits.get(service)
    if (known === undefined) waits.set(service, [text])
    else if (!known.includes(text)) known.push(text)
  }
  for (const { code, subject, message } of diagnostics)
    if (WAITING.has(code) && subject?.kind === 'Service') add(`${subject.namespace}/${subject.name}`, message)
  for (const [service, address] of askedAddresses(cluster))
    add(
      service,
      `It asks for the load-balancer address ${address}, which a controller has to grant and announce.`,
    )
  return waits
}

/** Addresses that manifests ask for and nobody has confirmed. */
const askedAddresses = ({ services }: Cluster): [string, string][] =>
  services.flatMap(({ object, assumed = [] }): [string, string][] => {
    const isOpen = assumed.some((path) => path.join('.').startsWith('status.loadBalancer.'))
    const address = object.spec?.loadBalancerIP
    return isOpen && address ? [[fullName(object), address]] : []
  })
