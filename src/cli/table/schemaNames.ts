/** What `ipvsc schema` prints. */
export const SCHEMA_NAMES = [
  'service',
  'endpointslice',
  'endpoints',
  'node',
  'pod',
  'kubeproxyconfiguration',
  'plan',
  'manifest',
  'facts',
  'review',
  'ipvsc',
  'ruletests',
  'findings',
] as const
