import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compile, emit, type Plan } from '../../src/index.ts'
import { nodeClient, outsideClient, podClient } from '../../src/proof/clients.ts'
import { follow } from '../../src/proof/follow.ts'
import { networkOf } from '../../src/proof/network.ts'
import { kernelState } from '../../src/proof/state.ts'
import { formatTrace, payloadPlaces, verdict } from '../../src/proof/traceText.ts'
import { loadCase } from '../golden/cases.ts'

const test = suite('proof: trace')

const planOf = async (name: string): Promise<Plan> => {
  const { cluster, options } = await loadCase(name)
  return compile(cluster, options).plan as Plan
}
const NODE = networkOf({ name: 'node-1', addresses: ['192.168.0.1'], podCIDRs: [] }, ['10.0.0.11'])

test('a client outside is followed to the servers of a load balancer, line by line', async () => {
  const plan = await planOf('load-balancer')
  const { source, arrival } = outsideClient('198.51.100.7')
  const packet = {
    protocol: 'tcp',
    source,
    arrival,
    destination: '203.0.113.1',
    destinationPort: 80,
  } as const
  const payloads = emit(plan)
  const text = formatTrace(follow(kernelState(plan, NODE), packet), payloadPlaces(payloads))
  assert.match(text, /^answered: rr over 2 real servers; they see the node, not the client\n/)
  assert.match(text, /KUBE-SERVICES rule 2: 203\.0\.113\.1,tcp:80 in KUBE-LOAD-BALANCER → KUBE-LOAD-BALANCER/)
  // Each place names the line that it speaks of.
  const rules = payloads.get('iptables.restore')?.split('\n') ?? []
  for (const [, chain, line] of text.matchAll(/: (KUBE-[A-Z-]+) rule .*iptables\.restore:(\d+)/g))
    assert.ok(rules[Number(line) - 1]?.startsWith(`-A ${chain} `), `${chain} at line ${line}`)
  assert.is(payloads.get('ipvs.restore')?.split('\n')[6], '-A -t 203.0.113.1:80 -s rr')
  assert.match(text, /tcp 203\.0\.113\.1:80, rr +ipvs\.restore:7\n/)
})

test('who is seen depends on who asks', async () => {
  const state = kernelState(await planOf('cluster-ip'), NODE)
  const ask = (client: { source: string; arrival: ReturnType<typeof nodeClient>['arrival'] }, port: number) =>
    verdict(
      follow(state, {
        protocol: 'tcp',
        source: client.source,
        arrival: client.arrival,
        destination: '172.30.0.41',
        destinationPort: port,
      }).fate,
    )
  assert.is(
    ask(nodeClient('172.30.0.41'), 80),
    'answered: rr over 2 real servers; they see the node, not the client',
  )
  assert.is(
    ask(podClient('10.0.0.99'), 80),
    'answered: rr over 2 real servers; 1 of them give no answer that arrives; they see the client',
  )
  assert.is(
    ask(podClient('10.0.0.11'), 80),
    'answered: rr over 2 real servers; some see the node, some the client',
  )
  assert.is(ask(podClient('10.0.0.11'), 81), 'refused: a rule rejects it')
})

test.run()
