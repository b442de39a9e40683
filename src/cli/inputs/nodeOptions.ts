import { formatPath } from '../../diagnostics/diagnostics.ts'
import { parseIpAddr } from '../../formats/ip.ts'
import { PayloadSyntaxError } from '../../formats/syntax.ts'
import { UsageError } from '../../host/exit.ts'
import { canonicalAddress } from '../../net/address.ts'
import { FAMILIES, type Family } from '../../net/family.ts'
import type { ReportedFacts } from '../../node/reportedFacts.ts'
import { schemaDiagnostics } from '../../read/validate.ts'
import type { CompilationOptions } from '../options.ts'
import { readText } from './files.ts'
import type { LaidInput } from './onto.ts'

/** Options that say what is known of a node, and of which families. Values that cannot be used are UsageErrors. */

export function parseFamilies(text: string | undefined): readonly Family[] {
  const wanted = (text ?? '').split(',').filter((word) => word !== '')
  const unknown = wanted.find((word) => !(FAMILIES as readonly string[]).includes(word))
  if (unknown !== undefined)
    throw new UsageError(`--family: ${JSON.stringify(unknown)} is neither ipv4 nor ipv6`)
  return wanted.length === 0 ? FAMILIES : FAMILIES.filter((family) => wanted.includes(family))
}

export function readNodeAddresses(path: string): ReturnType<typeof parseIpAddr> {
  const text = readText(path)
  try {
    return parseIpAddr(text)
  } catch (error) {
    if (!(error instanceof PayloadSyntaxError)) throw error
    throw new UsageError(`--node-addresses ${path}: ${error.message}; it must be the output of: ip -j addr`)
  }
}

export async function readFacts(path: string): Promise<ReportedFacts> {
  const refuse = (reason: string): never => {
    throw new UsageError(`--node-facts ${path}: ${reason}; it must be the output of: apply.sh facts`)
  }
  let value: Record<string, unknown> = {}
  try {
    value = JSON.parse(readText(path))
  } catch (error) {
    if (error instanceof UsageError) throw error
    refuse((error as Error).message)
  }
  const [problem] = await schemaDiagnostics('Facts', value, null)
  if (problem !== undefined) refuse(`${formatPath(problem.path)}: ${problem.message}`)
  const facts = value as unknown as ReportedFacts
  for (const { address } of facts.interfaces)
    if (canonicalAddress(address.replace(/\/\d+$/, '')) === null)
      refuse(`interfaces: ${JSON.stringify(address)} is not an IP address`)
  return facts
}

/** Manifests without any Node are compiled for one of which nothing is known but its name. */
export function nodeIPsOf(
  { nodeIp, nodeAddresses, nodeFacts }: CompilationOptions,
  { isLaid, result }: LaidInput,
): string[] | null {
  if (nodeIp !== undefined) return parseNodeIPs(nodeIp)
  const isBare = isLaid && result.cluster.nodes.length === 0
  return isBare && nodeAddresses === undefined && nodeFacts === undefined ? [] : null
}

function parseNodeIPs(text: string): string[] {
  return text.split(',').map((word) => {
    const address = canonicalAddress(word.trim())
    if (address === null) throw new UsageError(`--node-ip: ${JSON.stringify(word)} is not an IP address`)
    return address
  })
}
