import { resolveConfig } from '../../config/resolve.ts'
import type { ProxyConfig } from '../../config/types.ts'
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostics.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { CONFIGURATION_REF } from '../../read/configuration.ts'
import type { ReadResult } from '../../read/types.ts'

/** The configuration given by name wins; otherwise the input may hold one. `undefined`: there is none. */
export function chooseConfig(
  { cluster: { configurations } }: ReadResult,
  file: string | undefined,
  report: (problem: Diagnostic) => void,
): ProxyConfig | undefined {
  const named = configurations.filter(
    ({ origin }) => origin.source === file || origin.source.startsWith(`${file}#`),
  )
  const candidates = file === undefined ? configurations : named
  const distinct = new Map(candidates.map((source) => [JSON.stringify(source.object), source]))
  const [first, second] = [...distinct.values()]
  if (file !== undefined && first === undefined) report(noConfiguration(file))
  if (first === undefined) return undefined
  if (second !== undefined) report(severalConfigurations(first, second))
  return resolveConfig(first, report)
}

const noConfiguration = (file: string): Diagnostic =>
  diagnostic({
    code: 'CONFIG_VALUE',
    severity: 'error',
    message: 'The file holds no usable KubeProxyConfiguration.',
    origin: { source: file, document: 0, path: [] },
    expected: 'a KubeProxyConfiguration of kubeproxy.config.k8s.io/v1alpha1, or a ConfigMap that holds one',
  })

const severalConfigurations = (
  { origin }: Cluster['configurations'][number],
  other: Cluster['configurations'][number],
): Diagnostic =>
  diagnostic({
    code: 'CONFIG_AMBIGUOUS',
    severity: 'error',
    message: 'The input holds several proxy configurations that differ; name one with --config.',
    subject: CONFIGURATION_REF,
    origin: other.origin,
    related: [{ message: 'another one', subject: CONFIGURATION_REF, path: [], origin, position: null }],
  })
