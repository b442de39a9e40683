import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compile, emit, type Plan } from '../../src/index.ts'
import { nodeClient, outsideClient, podClient } from '../../src/proof/clients.ts'
import { compiledOwners } from '../../src/proof/explain/owners.ts'
import { follow } from '../../src/proof/follow.ts'
import { networkOf } from '../../src/proof/network.ts'
import { notesOn } from '../../src/proof/notes.ts'
import { kernelState } from '../../src/proof/state.ts'
import { formatTrace, formatTraces, type NotedTrace, verdict } from '../../src/proof/traceText.ts'
import { loadCase } from '../golden/cases.ts'

const test = suite('proof: trace')

const compiled = async (name: string) => {
  const { cluster, options } = await loadCase(name)
  const { plan, owners } = compile(cluster, options)
  return { plan: plan as Plan, owners: compiledOwners(owners as NonNullable<typeof owners>) }
}
const planOf = async (name: string): Promise<Plan> => (await compiled(name)).plan
const NODE = networkOf({ name: 'node-1', addresses: ['192.168.0.1'], podCIDRs: [] }, ['10.0.0.11'])

test('a client outside is followed to the servers of a load balancer, line by line', async () => {
  const { plan, owners } = await compiled('load-balancer')
  const { source, arrival } = outsideClient('198.51.100.7')
  const packet = {
    protocol: 'tcp',
    source,
    arrival,
    destination: '203.0.113.1',
    destinationPort: 80,
  } as const
  const payloads = emit(plan)
  const text = formatTrace(follow(kernelState(plan, NODE), packet), notesOn(plan, payloads, owners))
  assert.match(text, /^answered: rr over 2 real servers; they see the node, not the client\n/)
  assert.match(text, /KUBE-SERVICES rule 2: 203\.0\.113\.1,tcp:80 in KUBE-LOAD-BALANCER → KUBE-LOAD-BALANCER/)
  assert.match(
    text,
    /KUBE-LOAD-BALANCER {2,}default\/web:http status\.loadBalancer\.ingress\[0\]\.ip +iptables\.restore:\d+\n/,
  )
  // Each place names the line that it speaks of.
  const rules = payloads.get('iptables.restore')?.split('\n') ?? []
  for (const [, chain, line] of text.matchAll(/: (KUBE-[A-Z-]+) rule .*iptables\.restore:(\d+)/g))
    assert.ok(rules[Number(line) - 1]?.startsWith(`-A ${chain} `), `${chain} at line ${line}`)
  assert.is(payloads.get('ipvs.restore')?.split('\n')[6], '-A -t 203.0.113.1:80 -s rr')
  assert.match(text, /tcp 203\.0\.113\.1:80, rr +default\/web:http \S+ +ipvs\.restore:7\n/)
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

test('before and after: both verdicts, what both meet once, and what only one meets', async () => {
  const { plan, owners } = await compiled('cluster-ip')
  const without = {
    ...plan,
    virtualServers: plan.virtualServers.map((server) => ({
      ...server,
      realServers: server.realServers.slice(1),
    })),
  }
  const { source, arrival } = podClient('10.0.0.99')
  const packet = {
    protocol: 'tcp',
    source,
    arrival,
    destination: '172.30.0.41',
    destinationPort: 80,
  } as const
  const [before, after] = [plan, without].map((one) => ({
    trace: follow(kernelState(one, NODE), packet),
    notes: notesOn(one, emit(one), owners),
  })) as [NotedTrace, NotedTrace]
  const text = formatTraces(before, after)
  assert.match(text, /^before: answered: rr over 2 real servers; .*\nafter: {2}not answered: .*\n\n {2}in /)
  const marked = text.split('\n').filter((line) => /^[-+]/.test(line))
  assert.equal(
    marked.map((line) => line.replace(/ +/g, ' ').replace(/ default.*/, '')),
    [
      '- → 10.0.0.11:8080 50 %, sees the client',
      '- → 10.0.1.21:8080 50 %: no answer, since what it says goes to the client past this node',
      '+ → 10.0.1.21:8080 100 %: no answer, since what it says goes to the client past this node',
    ],
  )
  assert.match(formatTraces(before, before), /^the same before and after: answered/)
})

test.run()
