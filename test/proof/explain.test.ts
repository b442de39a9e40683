import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DEFAULT_CONFIG } from '../../src/config/types.ts'
import { compile, emit, type Plan } from '../../src/index.ts'
import { fullName } from '../../src/kube/names.ts'
import { FAMILIES } from '../../src/net/family.ts'
import { nodePortAddressesOf } from '../../src/node/nodePorts.ts'
import { virtualServerKey } from '../../src/plan/keys.ts'
import { explainItem, explainItems } from '../../src/proof/explain/explain.ts'
import { readQuestion } from '../../src/proof/explain/find.ts'
import { itemKey, itemsOf } from '../../src/proof/explain/items.ts'
import { lineKeys, placesOf } from '../../src/proof/explain/lines.ts'
import { compiledOwners, recordedOwners } from '../../src/proof/explain/owners.ts'
import { explainService, type ServiceExplanation } from '../../src/proof/explain/service.ts'
import { formatExplanations, formatService } from '../../src/proof/explain/text.ts'
import { type GoldenCase, goldenNames, loadCase } from '../golden/cases.ts'

const test = suite('proof: explain')

type Compiled = ReturnType<typeof compile>

type Case = GoldenCase & { readonly compiled: Compiled; readonly plan: Plan }

const cases: Case[] = []

/** Golden cases that have a plan, read once. */
async function plans(): Promise<readonly Case[]> {
  if (cases.length > 0) return cases
  for (const name of goldenNames()) {
    const golden = await loadCase(name)
    const compiled = compile(golden.cluster, golden.options)
    if (compiled.plan !== null) cases.push({ ...golden, compiled, plan: compiled.plan })
  }
  return cases
}

const servicesOf = ({ cluster, options, compiled, plan }: Case) => {
  const config = options.config ?? DEFAULT_CONFIG
  const owners = compiledOwners(compiled.owners as NonNullable<Compiled['owners']>)
  const facts = compiled.facts as NonNullable<Compiled['facts']>
  return cluster.services.map(({ object }) =>
    explainService(
      { service: fullName(object), port: null },
      {
        plan,
        cluster,
        node: options.node,
        nodeAddresses: facts.addresses,
        nodePortAddresses: FAMILIES.flatMap((family) => nodePortAddressesOf(family, config, facts)),
        ownerOf: (server) =>
          owners({ kind: 'virtualServer', server }).services[0]?.servicePort.replace(/:[^:]*$/, '') ?? null,
      },
    ),
  ) as ServiceExplanation[]
}

test('every item of every golden case is explained: why it is there, who asked for it, and where it stands', async () => {
  let items = 0
  for (const { name, compiled, plan } of await plans()) {
    const owners = compiledOwners(compiled.owners as NonNullable<Compiled['owners']>)
    const recorded = recordedOwners(compiled.provenance as NonNullable<Compiled['provenance']>)
    const places = placesOf(emit(plan))
    for (const item of itemsOf(plan)) {
      const key = `${name}: ${itemKey(item)}`
      const answer = explainItem(item, { plan, owners, places })
      assert.ok(answer.reason !== null, `${key}: IPVS mode has a reason for it`)
      assert.ok((answer.services?.length ?? 0) + answer.fields.length > 0, `${key}: somebody asks for it`)
      assert.ok(answer.place !== null || item.kind === 'conntrack', `${key}: it stands somewhere`)
      // A bundle knows the same Services.
      const serviceNames = ({ services }: ReturnType<typeof owners>) =>
        [...new Set(services.map(({ servicePort }) => servicePort.replace(/:[^:]*$/, '')))].sort().join()
      if (item.kind !== 'rule' && item.kind !== 'set')
        assert.is(serviceNames(recorded(item)), serviceNames(owners(item)), key)
      items++
    }
  }
  assert.ok(items > 5000, `only ${items} items`)
})

test('every line of every payload is an item, or holds the payload together', async () => {
  for (const { name, plan } of await plans()) {
    const keys = new Set([...itemsOf(plan)].map(itemKey))
    for (const [payload, text] of emit(plan))
      for (const [index, key] of lineKeys(payload, text).entries()) {
        const line = `${name}: ${payload}:${index + 1}: ${text.split('\n')[index]}`
        if (key === null) assert.match(line, /: (|\*(nat|filter)|COMMIT|# Settings of IPVS mode.*)$/, line)
        else assert.ok(keys.has(key), `${line} is ${key}`)
      }
  }
})

test('what serves of a Service, by its endpoints and the API alone, is what its virtual servers have', async () => {
  let [serving, leftOut] = [0, 0]
  for (const golden of await plans()) {
    const servers = new Map(golden.plan.virtualServers.map((server) => [virtualServerKey(server), server]))
    const explained = new Set<string>()
    for (const { service, addresses, endpoints } of servicesOf(golden)) {
      for (const { key, realServers, portName, by, address } of addresses) {
        if (key === null || realServers === null) continue
        explained.add(key)
        const own = endpoints.filter(
          ({ servicePort, family }) =>
            servicePort === `${service}:${portName}` && (family === 'ipv6') === address.includes(':'),
        )
        const fates = own.map(({ endpoint, internal, external }) => ({
          endpoint,
          fate: (by === 'clusterIP' ? internal : (external ?? internal)).kind,
        }))
        assert.not.ok(
          fates.some(({ fate }) => fate === 'missing' || fate === 'surplus'),
          `${golden.name}: ${key}: ${JSON.stringify(fates)}`,
        )
        const expected = fates.filter(({ fate }) => fate === 'serves' || fate === 'stands in')
        const had = servers
          .get(key)
          ?.realServers.map((real) =>
            real.address.includes(':') ? `[${real.address}]:${real.port}` : `${real.address}:${real.port}`,
          )
        assert.equal([...new Set(expected.map(({ endpoint }) => endpoint))].sort(), had?.sort(), key)
        serving += expected.length
        leftOut += fates.length - expected.length
      }
    }
    assert.equal(
      [...servers.keys()].filter((key) => !explained.has(key)),
      [],
      golden.name,
    )
  }
  assert.ok(serving > 250 && leftOut > 15, `${serving} serve and ${leftOut} are left out`)
})

const textOf = async (name: string, service: string): Promise<string> => {
  for (const golden of await plans())
    if (golden.name === name) {
      const found = servicesOf(golden).find((one) => one.service === service)
      return formatService(found as ServiceExplanation, 'node-1', ({ source }) => source)
    }
  throw new Error(`no case ${name}`)
}

test('each condition that keeps an endpoint out is named', async () => {
  const cases = [
    [
      'internal-local',
      'default/web',
      /left out .*it runs on node-2 \(internalTrafficPolicy: Local, input.yaml\)/,
    ],
    ['zone-hints', 'default/web', /left out .*topology hints keep it for other zones/],
    ['node-hints', 'default/web', /left out .*topology hints keep it for other nodes/],
    ['terminating-not-needed', 'default/web', /left out .*it is ending, and others are ready/],
    ['node-port-local-without-local', 'default/web', /stands in .*IPVS mode takes others/],
    [
      'other-family-address',
      'default/web',
      /left out +its address is not of the family that the slice announces/,
    ],
    ['conflict-first', 'default/web', /default\/web2 has this address and port/],
    ['no-endpoints', 'default/web', /no real server on node-1/],
  ] as const
  for (const [name, service, expected] of cases) assert.match(await textOf(name, service), expected, name)
})

test('a question means what it names, and nothing else', async () => {
  for (const { name, plan } of await plans()) {
    if (name !== 'load-balancer') continue
    const state = { plan, owners: null, places: new Map<string, string>() }
    const named = (what: string): string[] => {
      const question = readQuestion(what)
      assert.is(question?.kind, 'items', what)
      return explainItems(state, (question as { isMeant: (key: string) => boolean }).isMeant).map(
        ({ item }) => item,
      )
    }
    assert.equal(named('KUBE-MARK-MASQ 1'), [
      'rule ipv4 nat KUBE-MARK-MASQ 1',
      'rule ipv6 nat KUBE-MARK-MASQ 1',
    ])
    assert.equal(named('ipv4 nat KUBE-MARK-MASQ 1'), ['rule ipv4 nat KUBE-MARK-MASQ 1'])
    assert.equal(named('KUBE-CLUSTER-IP'), ['set KUBE-CLUSTER-IP'])
    assert.equal(named('203.0.113.1:80/udp'), ['address 203.0.113.1'])
    assert.equal(named('net.ipv4.vs.conntrack'), ['setting net.ipv4.vs.conntrack'])
    assert.ok(named('203.0.113.1:80').includes('entry KUBE-LOAD-BALANCER 203.0.113.1,tcp:80'))
    assert.ok(named('10.0.0.11').includes('real tcp 203.0.113.1:80 10.0.0.11:8080'))
    for (const item of itemsOf(plan)) assert.ok(named(itemKey(item)).includes(itemKey(item)), itemKey(item))
    const [item] = explainItems(state, (key) => key === 'address 203.0.113.1')
    assert.match(
      formatExplanations([item as never], () => ''),
      /this state does not say who asked for it/,
    )
  }
  assert.equal(readQuestion('svc:shop/cart:http'), { kind: 'service', service: 'shop/cart', port: 'http' })
  assert.is(readQuestion('svc:cart'), null)
  assert.is(readQuestion('bundle/ipvs.restore:17')?.kind, 'line')
})

test.run()
