import type { Mode } from '../../mode.ts'
import { kernelDiagnostics } from './kernel.ts'
import { IpvsPlans } from './plan.ts'

/** kube-proxy's IPVS mode: virtual servers, sets that rules match, addresses on a dummy interface. */
export const ipvs: Mode = {
  name: 'ipvs',
  plansOf: (resolved, context) => new IpvsPlans(resolved, context),
  nodeDiagnostics: kernelDiagnostics,
}
