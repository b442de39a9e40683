import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PROTOCOLS } from '../../src/kernel/protocols.ts'
import { familyOf } from '../../src/net/address.ts'
import { ClassSpace, fateKey } from '../../src/proof/classes/classes.ts'
import { follow } from '../../src/proof/follow.ts'
import type { Packet } from '../../src/proof/packet.ts'
import { type KernelState, kernelState } from '../../src/proof/state.ts'
import { SEED, THOROUGH } from '../support/sample.ts'
import { randomNumbers } from '../support/shuffle.ts'
import { type Random, randomCase } from './clusters.ts'
import { subjectOfNode } from './verifyPlan.ts'

const test = suite('proof: classes')

const CLUSTERS = THOROUGH ? 200 : 12
const PACKETS = THOROUGH ? 4000 : 1500

const oneOf = <T>(random: Random, values: readonly T[]): T =>
  values[Math.floor(random() * values.length)] as T

/** Addresses and ports that a plan is likely to tell apart, and some that it is not. */
function randomPacket(random: Random, { plan, node }: KernelState): Packet {
  const servers = plan.virtualServers
  const server = oneOf(random, servers)
  const endpoints = servers.flatMap(({ realServers }) => realServers.map(({ address }) => address))
  const entries = plan.sets.flatMap(
    (set) => set.entries as readonly { address?: string; sourceRange?: string }[],
  )
  const someAddress = (): string => {
    const all = [
      ...[server.address, oneOf(random, servers).address, oneOf(random, plan.dummyInterface.addresses)],
      ...[oneOf(random, node.addresses), ...(endpoints.length > 0 ? [oneOf(random, endpoints)] : [])],
      ...(entries.length > 0
        ? [oneOf(random, entries).sourceRange?.replace(/\/.*/, '') ?? server.address]
        : []),
      server.address.includes(':')
        ? `fd00:10:0:1::${Math.floor(random() * 9999)}`
        : `10.0.1.${Math.floor(random() * 256)}`,
      server.address.includes(':')
        ? `2001:db8:1:${Math.floor(random() * 4)}::${Math.floor(random() * 9999)}`
        : `203.0.113.${Math.floor(random() * 256)}`,
      server.address.includes(':') ? '::1' : `127.0.0.${Math.floor(random() * 256)}`,
      server.address.includes(':')
        ? `2a00:${Math.floor(random() * 9999)}::1`
        : `${1 + Math.floor(random() * 222)}.7.${Math.floor(random() * 256)}.1`,
    ].filter((address) => familyOf(address) === familyOf(server.address))
    return oneOf(random, all)
  }
  const ports = [
    server.port,
    oneOf(random, servers).port,
    8080,
    22,
    Math.floor(random() * 65536),
    32000,
    30000,
  ]
  return {
    protocol: random() < 0.5 ? server.protocol : oneOf(random, PROTOCOLS),
    source: someAddress(),
    destination: random() < 0.7 ? server.address : someAddress(),
    destinationPort: random() < 0.6 ? server.port : oneOf(random, ports),
    arrival: oneOf(random, [
      { kind: 'local' },
      { kind: 'interface', name: 'cni0', bridgePort: true },
      { kind: 'interface', name: 'eth0', bridgePort: false },
      { kind: 'interface', name: 'veth12', bridgePort: random() < 0.5 },
    ] as const),
  }
}

/** What can meet a node: what it sends comes from itself, and what comes by an interface does not. */
const canBe = ({ source, destination, arrival }: Packet, state: KernelState): boolean =>
  (arrival.kind === 'local' || !/^(127\.|::1$)/.test(destination)) &&
  (state.isLocal(source) || /^(127\.|::1$)/.test(source)) === (arrival.kind === 'local')

test('packets of one class have one fate, and every packet stands in a class that is followed', () => {
  const random = randomNumbers(SEED)
  let [classes, followed] = [0, 0]
  for (let number = 0; number < CLUSTERS; number++) {
    const { cluster, options } = randomCase(random)
    const { plan, network } = subjectOfNode(cluster, options)
    const state = kernelState(plan, network)
    const space = new ClassSpace([state])
    const fates = new Map<string, string>()
    for (const target of space.targets())
      for (const packet of space.packetsTo(target)) {
        const key = space.keyOf(packet)
        const fate = fateKey(follow(state, packet).fate)
        assert.is(fates.get(key) ?? fate, fate, `seed ${SEED}: ${key}: ${JSON.stringify(packet)}`)
        fates.set(key, fate)
      }
    classes += fates.size
    for (let count = 0; count < PACKETS; count++) {
      const packet = randomPacket(random, state)
      if (!canBe(packet, state)) continue
      const key = space.keyOf(packet)
      const said = `seed ${SEED}, cluster ${number}: ${JSON.stringify(packet)} of ${key}`
      assert.ok(fates.has(key), `not followed: ${said}`)
      assert.is(fateKey(follow(state, packet).fate), fates.get(key), said)
      followed++
    }
  }
  assert.ok(classes > 100 * CLUSTERS, `${classes} classes`)
  assert.ok(followed > (PACKETS * CLUSTERS) / 5, `${followed} packets`)
})

test.run()
