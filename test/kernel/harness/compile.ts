import { readFileSync } from 'node:fs'
import {
  type Cluster,
  type CompileOptions,
  compile,
  emit,
  type Plan,
  parseIpAddr,
  read,
  resolveConfig,
} from '../../../src/index.ts'
import type { Payloads } from './bundle.ts'

export interface Compiled {
  readonly plan: Plan
  readonly payloads: Payloads
}

/** Compiles a cluster; a diagnostic that is an error fails the test. */
export function compileCluster(cluster: Cluster, options: CompileOptions): Compiled {
  const { plan, diagnostics } = compile(cluster, options)
  if (plan === null) throw new Error(JSON.stringify(diagnostics, null, 1))
  return { plan, payloads: emit(plan) }
}

/** An input that a real kube-proxy had, for the node that it ran on. */
export async function compileConformanceCase(folder: string): Promise<Compiled> {
  const text = (file: string): string => readFileSync(`${folder}/${file}`, 'utf8')
  const { cluster } = await read(
    ['snapshot.json', 'config.yaml'].map((file) => ({ name: file, text: text(file) })),
  )
  const [configuration] = cluster.configurations
  if (configuration === undefined) throw new Error(`${folder} has no configuration`)
  const refuse = (problem: unknown): never => {
    throw new Error(JSON.stringify(problem))
  }
  return compileCluster(cluster, {
    node: JSON.parse(text('case.json')).node,
    config: resolveConfig(configuration, refuse),
    interfaceAddresses: parseIpAddr(text('node-addresses.json')),
  })
}

/** Compiles texts in the notation of `kubectl`. */
export async function compileTexts(texts: readonly string[], options: CompileOptions): Promise<Compiled> {
  const { cluster, diagnostics } = await read(texts.map((text, index) => ({ name: `input-${index}`, text })))
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new Error(JSON.stringify(errors, null, 1))
  const [configuration] = cluster.configurations
  const refuse = (problem: unknown): never => {
    throw new Error(JSON.stringify(problem))
  }
  const config = configuration === undefined ? {} : { config: resolveConfig(configuration, refuse) }
  return compileCluster(cluster, { ...config, ...options })
}
