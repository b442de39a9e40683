import { compareText } from '../../order.ts'
import type { ServicePort } from '../../resolve/types.ts'

/** Nodes on which a port has no endpoint of its own that would serve, in order. */
export function nodesWithout({ endpoints }: ServicePort, nodes: readonly string[]): string[] {
  const usable = new Map<string, boolean>()
  for (const { nodeName, ready, serving, terminating } of endpoints)
    if (nodeName !== null && (ready || (serving && terminating))) usable.set(nodeName, true)
  return nodes.filter((node) => !usable.has(node)).sort(compareText)
}

export const hasUsable = ({ endpoints }: ServicePort): boolean =>
  endpoints.some(({ ready, serving, terminating }) => ready || (serving && terminating))
