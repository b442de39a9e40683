import { chooseConfig } from '../../config/choose.ts'
import type { ProxyConfig } from '../../config/types.ts'
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostics.ts'
import type { ReadResult } from '../../read/types.ts'

/** The configuration given by name wins; otherwise the input may hold one. `undefined`: there is none. */
export function configOf(
  { cluster: { configurations } }: ReadResult,
  file: string | undefined,
  report: (problem: Diagnostic) => void,
): ProxyConfig | undefined {
  if (file === undefined) return chooseConfig(configurations, report)
  const named = configurations.filter(
    ({ origin }) => origin.source === file || origin.source.startsWith(`${file}#`),
  )
  if (named.length === 0) report(noConfiguration(file))
  return chooseConfig(named, report)
}

const noConfiguration = (file: string): Diagnostic =>
  diagnostic({
    code: 'CONFIG_VALUE',
    severity: 'error',
    message: 'The file holds no usable KubeProxyConfiguration.',
    origin: { source: file, document: 0, path: [] },
    expected: 'a KubeProxyConfiguration of kubeproxy.config.k8s.io/v1alpha1, or a ConfigMap that holds one',
  })
