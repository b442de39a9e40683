import { type Diagnostic, diagnostic } from '../diagnostics/diagnostics.ts'
import type { Sourced } from '../kube/cluster.ts'
import type { KubeProxyConfiguration } from '../kube/types.ts'
import { CONFIG_REF } from './fields.ts'
import { resolveConfig } from './resolve.ts'
import type { ProxyConfig } from './types.ts'

/** The settings of the only configuration there is; copies count once, and others are an error. `undefined`: there is none. */
export function chooseConfig(
  configurations: readonly Sourced<KubeProxyConfiguration>[],
  report: (problem: Diagnostic) => void,
): ProxyConfig | undefined {
  const distinct = new Map(configurations.map((source) => [JSON.stringify(source.object), source]))
  const [first, second] = [...distinct.values()]
  if (first === undefined) return undefined
  if (second !== undefined) report(severalConfigurations(first, second))
  return resolveConfig(first, report)
}

const severalConfigurations = (
  { origin }: Sourced<KubeProxyConfiguration>,
  other: Sourced<KubeProxyConfiguration>,
): Diagnostic =>
  diagnostic({
    code: 'CONFIG_AMBIGUOUS',
    severity: 'error',
    message: 'The input holds several proxy configurations that differ; name one with --config.',
    subject: CONFIG_REF,
    origin: other.origin,
    related: [{ message: 'another one', subject: CONFIG_REF, path: [], origin, position: null }],
  })
