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
] as const

export async function schemaText(name: string): Promise<string> {
  const { SCHEMAS } = await import('../../generated/schemas.js')
  return `${JSON.stringify(SCHEMAS[name], null, 2)}\n`
}
