import type { Effect, NodeGroup, VirtualServerReview } from './types.ts'

/** What one node does differently for one Service. */
export type OnNode = Omit<NodeGroup, 'nodes'>

/** Sets of nodes by number, each made of a known one and a later node, so that telling two apart costs nothing. */
class NodeSets {
  readonly #sets: { readonly rest: number; readonly node: string }[] = []
  readonly #known = new Map<string, number>()

  /** The set of a set (-1: the empty one) and a node. */
  with(rest: number, node: string): number {
    const key = `${rest} ${node}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    this.#sets.push({ rest, node })
    this.#known.set(key, this.#sets.length - 1)
    return this.#sets.length - 1
  }

  members(set: number): string[] {
    const nodes: string[] = []
    for (let at = this.#sets[set]; at !== undefined; at = this.#sets[at.rest]) nodes.push(at.node)
    return nodes.reverse()
  }
}

type Item =
  | { readonly kind: 'server'; readonly item: VirtualServerReview }
  | { readonly kind: 'effect'; readonly item: Effect }

/**
 * What nodes do differently, each thing said once with the nodes on which it is so: things of the same nodes stand together,
 * those of most nodes first.
 */
export function groupsOf(nodes: readonly string[], look: (node: string) => OnNode | null): NodeGroup[] {
  const sets = new NodeSets()
  const found = new Map<string, { readonly thing: Item; set: number }>()
  for (const node of nodes)
    for (const thing of itemsOf(look(node))) {
      const key = JSON.stringify(thing)
      const known = found.get(key)
      if (known === undefined) found.set(key, { thing, set: sets.with(-1, node) })
      else known.set = sets.with(known.set, node)
    }
  const groups = new Map<number, Item[]>()
  for (const { thing, set } of found.values()) {
    const known = groups.get(set)
    if (known === undefined) groups.set(set, [thing])
    else known.push(thing)
  }
  return [...groups]
    .map(([set, items]) => ({ nodes: sets.members(set), ...together(items) }))
    .sort((a, b) => b.nodes.length - a.nodes.length)
}

/** Effects are told apart by client here, since nodes differ in which clients they have. */
function itemsOf(found: OnNode | null): Item[] {
  if (found === null) return []
  return [
    ...found.virtualServers.map((item): Item => ({ kind: 'server', item })),
    ...found.effects.flatMap((effect) =>
      whom(effect.clients).map(
        (client): Item => ({ kind: 'effect', item: { ...effect, clients: [client] } }),
      ),
    ),
  ]
}

/** A Pod that is a server is a Pod of the node, too: it is named where it notices something else. */
const whom = (clients: readonly string[]): readonly string[] =>
  clients.includes('a pod of the node')
    ? clients.filter((client) => client !== 'a pod that is a server itself')
    : clients

/** Clients that notice the same stand together again. */
function together(items: readonly Item[]): OnNode {
  const effects = new Map<string, Effect>()
  const virtualServers: VirtualServerReview[] = []
  for (const thing of items) {
    if (thing.kind === 'server') {
      virtualServers.push(thing.item)
      continue
    }
    const key = JSON.stringify({ ...thing.item, clients: [] })
    const known = effects.get(key)
    effects.set(
      key,
      known === undefined ? thing.item : { ...known, clients: [...known.clients, ...thing.item.clients] },
    )
  }
  return { virtualServers, effects: [...effects.values()] }
}
