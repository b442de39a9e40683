import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, desired, type Service, type Sourced } from '../../src/index.ts'
import { randomNumbers, shuffled } from '../support/shuffle.ts'

/** Manifests as people write them, and clusters that hold what earlier ones made. */

const origin = { source: 'generated', document: 0, path: [] }
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const NAMES = ['web', 'db', 'dns', 'mail', 'cache', 'queue']

const port = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  port: fc.constantFrom(80, 81, 443),
  protocol: fc.constantFrom('TCP', 'UDP'),
  targetPort: maybe(fc.constantFrom<number | string>(8080, 'http')),
})
const manifest = fc
  .record({
    name: fc.constantFrom(...NAMES),
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', undefined),
    clusterIP: fc.oneof(
      { weight: 6, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constant('None') },
    ),
    policy: fc.constantFrom('SingleStack', 'PreferDualStack', undefined),
    external: fc.constantFrom('Local', 'Cluster', undefined),
    affinity: fc.constantFrom('ClientIP', 'None', undefined),
    app: fc.constantFrom('x', 'y'),
    ports: fc.uniqueArray(port, {
      minLength: 1,
      maxLength: 3,
      selector: ({ name, port: number, protocol }) => `${name} ${number} ${protocol}`,
    }),
  })
  .map(({ name, type, clusterIP, policy, external, affinity, app, ports }): Sourced<Service> => {
    const isOpen = clusterIP === undefined && (type === 'NodePort' || type === 'LoadBalancer')
    const spec = {
      ...(type !== undefined && clusterIP === undefined ? { type } : {}),
      ...(clusterIP === undefined ? {} : { clusterIP }),
      ...(policy === undefined ? {} : { ipFamilyPolicy: policy }),
      ...(isOpen && external !== undefined ? { externalTrafficPolicy: external } : {}),
      ...(affinity === undefined ? {} : { sessionAffinity: affinity }),
      selector: { app },
      ports: [...new Map(ports.map((entry) => [entry.name, entry])).values()].filter(
        (entry, index, all) =>
          all.findIndex(
            ({ port: other, protocol }) => other === entry.port && protocol === entry.protocol,
          ) === index,
      ),
    }
    return { object: { kind: 'Service', metadata: { name, namespace: 'shop' }, spec } as Service, origin }
  })

const clusterOf = (services: readonly Sourced<Service>[]): Cluster => ({
  services: [...new Map(services.map((service) => [service.object.metadata.name, service])).values()],
  endpointSlices: [],
  endpoints: [],
  nodes: [],
  configurations: [],
})
const manifests = fc.array(manifest, { maxLength: 6 }).map(clusterOf)
/** Small ranges, so that they crowd. */
const options = fc.constantFrom(
  { serviceCIDRs: ['10.9.0.0/27', 'fd00:9::/123'], nodePortRange: '30000-30031' },
  { serviceCIDRs: ['10.9.0.0/27'], nodePortRange: '30000-30031' },
  {},
)
const RUNS = { numRuns: 150 }

const byName = ({ services }: Cluster) =>
  new Map(services.map((service) => [service.object.metadata.name, service]))
const sorted = ({ services, endpointSlices }: Cluster) => ({
  services: [...services].sort((a, b) => (a.object.metadata.name < b.object.metadata.name ? -1 : 1)),
  endpointSlices: [...endpointSlices].sort((a, b) =>
    a.object.metadata.name < b.object.metadata.name ? -1 : 1,
  ),
})

test("laying a cluster's own Services over it changes nothing", () => {
  fc.assert(
    fc.property(manifests, options, (made, chosen) => {
      const { cluster } = desired(clusterOf([]), made, chosen)
      const own = cluster.services.map(({ object }) => ({ object, origin }))
      const stated = { ...cluster, services: own }
      const again = desired(stated, clusterOf(own), chosen)
      assert.equal(again.cluster.services, stated.services)
      assert.equal(again.cluster.endpointSlices, stated.endpointSlices)
      assert.equal(
        again.diagnostics.filter(({ severity }) => severity === 'error'),
        [],
      )
    }),
    RUNS,
  )
})

test('a second laying changes nothing', () => {
  fc.assert(
    fc.property(manifests, manifests, options, (before, after, chosen) => {
      const { cluster: snapshot } = desired(clusterOf([]), before, chosen)
      const once = desired(snapshot, after, chosen)
      const twice = desired(once.cluster, after, chosen)
      assert.equal(sorted(twice.cluster), sorted(once.cluster))
      assert.equal(twice.assumed, once.assumed)
    }),
    RUNS,
  )
})

test('the order of inputs does not matter', () => {
  fc.assert(
    fc.property(manifests, manifests, options, fc.nat(), (before, after, chosen, seed) => {
      const { cluster: snapshot } = desired(clusterOf([]), before, chosen)
      const random = randomNumbers(seed)
      const turn = (cluster: Cluster): Cluster => ({
        ...cluster,
        services: shuffled(
          cluster.services.map((_, index) => index),
          random,
        ).map((index) => cluster.services[index] as Sourced<Service>),
      })
      const straight = desired(snapshot, after, { ...chosen, was: before })
      const other = desired(turn(snapshot), turn(after), { ...chosen, was: turn(before) })
      assert.equal(sorted(other.cluster), sorted(straight.cluster))
      assert.equal(other.assumed, straight.assumed)
    }),
    RUNS,
  )
})

test('assumed addresses never collide, and lie inside of their ranges', () => {
  fc.assert(
    fc.property(manifests, manifests, options, (before, after, chosen) => {
      const from = desired(clusterOf([]), before, chosen)
      const to = desired(from.cluster, after, { ...chosen, was: before })
      for (const { cluster } of [from, to]) {
        const addresses = cluster.services
          .flatMap(({ object }) => object.spec?.clusterIPs ?? [])
          .filter((text) => text !== 'None')
        assert.is(new Set(addresses).size, addresses.length)
        if ('serviceCIDRs' in chosen)
          for (const address of addresses)
            assert.match(address, /^(10\.9\.0\.([1-9]|[12]\d|30)|fd00:9::[0-9a-f]+)$/)
        const owners = cluster.services.flatMap(({ object }) => [
          ...new Set((object.spec?.ports ?? []).flatMap(({ nodePort }) => nodePort ?? [])),
        ])
        assert.is(new Set(owners).size, owners.length)
      }
    }),
    RUNS,
  )
})

test('assumed addresses of the side FROM never move', () => {
  fc.assert(
    fc.property(manifests, manifests, options, (before, after, chosen) => {
      const from = byName(desired(clusterOf([]), before, chosen).cluster)
      const result = desired(clusterOf([...from.values()]), after, { ...chosen, was: before })
      const recreated = new Set(
        result.diagnostics
          .filter(({ code }) => code === 'RECREATE_NEEDED')
          .map(({ subject }) => subject?.name),
      )
      for (const [name, service] of byName(result.cluster)) {
        const old = from.get(name)
        const [was, now] = [old?.object.spec?.clusterIPs?.[0], service.object.spec?.clusterIPs?.[0]]
        if (was !== undefined && now !== undefined && !recreated.has(name)) assert.is(now, was, name)
      }
    }),
    RUNS,
  )
})

test('nothing that is handed in is changed', () => {
  fc.assert(
    fc.property(manifests, manifests, (before, after) => {
      const text = JSON.stringify([before, after])
      desired(desired(clusterOf([]), before).cluster, after, { was: before })
      assert.is(JSON.stringify([before, after]), text)
    }),
    RUNS,
  )
})

test.run()
