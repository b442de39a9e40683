import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import {
  type DeltaPayloadName,
  delta,
  emitDelta,
  type Plan,
  stateLines,
  type VirtualServer,
} from '../../src/index.ts'
import { goldenPlans, loadCase, runCase } from '../golden/cases.ts'
import { crowdedWays, exemptingWays } from '../support/crowdedSets.ts'
import { migrate } from '../support/migration.ts'
import { sampled } from '../support/sample.ts'
import { runShell, withFunctions } from '../support/scriptFunctions.ts'

/** What the script of a bundle lays out to bring a node from one state to another, on a kernel in memory. */

const test = suite('work out')

/** The script's payloads, and what they are called in a delta. */
const PAYLOADS: readonly (readonly [file: string, name: DeltaPayloadName])[] = [
  ['sets.1', '03-ipset.restore'],
  ['rules.1.ipv4', '04-iptables.restore'],
  ['rules.1.ipv6', '05-ip6tables.restore'],
  ['ipvs.1', '06-ipvs.restore'],
  ['ip.1', '07-ip.batch'],
  ['ip.2', '08-ip.batch'],
  ['ipvs.2', '09-ipvs.restore'],
  ['rules.2.ipv4', '10-iptables.restore'],
  ['rules.2.ipv6', '11-ip6tables.restore'],
  ['sets.2', '12-ipset.restore'],
]

/** Writes the bundle of a plan, and in `state/` of its folder what the script reads from it. */
function writeState(folder: string, plan: Plan): void {
  mkdirSync(folder)
  for (const [file, bytes] of bundleOf('node-1', plan).files) writeFileSync(join(folder, file), bytes)
  runShell(withFunctions(folder, `work='${folder}'; state_of_bundle '${folder}/state'`))
}

/** A folder to lay out the way in from what one folder of states holds to what another one does. */
function writeWay(folder: string, from: string, to: string): void {
  mkdirSync(folder)
  symlinkSync(join(from, 'state'), join(folder, 'have'))
  symlinkSync(join(to, 'state'), join(folder, 'want'))
}

/** What was laid out in a folder, as the payloads of a delta. */
const laidOut = (folder: string): (readonly [DeltaPayloadName, string])[] =>
  PAYLOADS.filter(([name]) => existsSync(join(folder, name))).map(
    ([name, payload]) => [payload, readFileSync(join(folder, name), 'utf8')] as const,
  )

interface Way {
  /** The bundles of both ends, and what is laid out. */
  readonly start: string
  readonly target: string
  readonly way: string
}

/** Does something where the way from one plan to another can be laid out. */
function withWay<T>(from: Plan, to: Plan, use: (way: Way) => T): T {
  const root = mkdtempSync(join(tmpdir(), 'ipvsc-way-'))
  const way: Way = { start: join(root, 'from'), target: join(root, 'to'), way: join(root, 'way') }
  try {
    writeState(way.start, from)
    writeState(way.target, to)
    writeWay(way.way, way.start, way.target)
    return use(way)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** The payloads that the script lays out for the way from one plan to another. */
const workedOut = (from: Plan, to: Plan): (readonly [DeltaPayloadName, string])[] =>
  withWay(from, to, ({ target, way }) => {
    runShell(withFunctions(target, `work='${way}'; work_out exact`))
    return laidOut(way)
  })

/** The sets that a way makes with all their parameters in any order, whether they are made before servers change or after. */
const setsMade = (payloads: Iterable<readonly [DeltaPayloadName, string]>): string[] =>
  [...payloads]
    .flatMap(([, text]) => [...text.matchAll(/^create (.*)$/gm)])
    .map(([, words = '']) => words.split(' ').sort().join(' '))
    .sort()

/** The script comes to the same sets as the compiler, which counts with the same numbers. */
function assertSameSets(from: Plan, to: Plan, payloads: Iterable<readonly [DeltaPayloadName, string]>): void {
  assert.equal(setsMade(payloads), setsMade(emitDelta(delta(from, to))))
}

/** The part of the pairs that a run takes. */
const PAIRS = 1 / 12

test('pairs of golden plans, in both directions', async () => {
  const plans = await goldenPlans()
  const root = mkdtempSync(join(tmpdir(), 'ipvsc-work-out-'))
  try {
    for (const [name, plan] of plans) writeState(join(root, name), plan)
    for (const [target, to] of plans) {
      const folder = (start: string): string => join(root, target, `from-${start}`)
      const others = [...plans].filter(([start]) => start !== target)
      const ways = sampled(target, others, PAIRS)
      for (const [start] of ways) writeWay(folder(start), join(root, start), join(root, target))
      runShell(
        withFunctions(
          join(root, target),
          `for work in '${root}/${target}'/from-*; do work_out exact || exit 1; done`,
        ),
      )
      for (const [start, from] of ways) {
        const payloads = laidOut(folder(start))
        assertSameSets(from, to, payloads)
        assert.equal(migrate(from, to, payloads).lines(), stateLines(to), `${start} to ${target}`)
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})

/** What is loaded for a delta that starts where the node is: by payload, and what is said of it. */
function loadedFor(
  from: Plan,
  to: Plan,
  before = '',
): { readonly loaded: Map<string, string>; readonly said: string; readonly reviewed: Map<string, string> } {
  return withWay(from, to, ({ target, way }) => {
    const reviewed = new Map<string, string>()
    mkdirSync(join(target, 'delta'))
    for (const [name, bytes] of bundleOf('node-1', to, { from }).files) {
      const payload = /^delta\/(\d.*)$/.exec(name)?.[1]
      if (payload === undefined) continue
      writeFileSync(join(target, name), bytes)
      reviewed.set(payload, Buffer.from(bytes).toString())
    }
    runShell(
      withFunctions(
        target,
        `work='${way}'; mode=exact\n${before}\nwork_out "$mode" && reviewed=yes && take_reviewed`,
      ),
    )
    return { loaded: new Map(laidOut(way)), said: readFileSync(join(way, 'otherwise'), 'utf8'), reviewed }
  })
}

test('a delta that starts where the node is loads the payloads that were reviewed, byte for byte', async () => {
  const plans = [...(await goldenPlans())]
  for (const [index, [name, from]] of plans.entries()) {
    const [other, to] = plans[(index + 7) % plans.length] as [string, Plan]
    const { loaded, said, reviewed } = loadedFor(from, to)
    // Settings are the node's, and compared; with no address to bind in between, one process takes both payloads of IPVS.
    const wanted = (payload: string): string => {
      const own = reviewed.get(payload) ?? ''
      if (reviewed.has('07-ip.batch') || reviewed.has('08-ip.batch')) return own
      if (payload === '06-ipvs.restore') return own + (reviewed.get('09-ipvs.restore') ?? '')
      return payload === '09-ipvs.restore' ? '' : own
    }
    for (const [payload, text] of loaded)
      assert.is(text, wanted(payload), `${name} to ${other}: ${payload}: ${said}`)
    assert.is(said.replace(/^.* (= |net\.).*\n/gm, ''), '', `${name} to ${other}`)
  }
})

test('of a delta, only lines about real servers that have connections are loaded otherwise, and named', async () => {
  const plan = (await goldenPlans()).get('load-balancer') as Plan
  const [first, ...others] = plan.virtualServers as [VirtualServer, ...VirtualServer[]]
  const [gone, ...kept] = first.realServers
  const to = { ...plan, virtualServers: [{ ...first, realServers: kept }, ...others] }
  const [service, server] = [`${first.address}:${first.port}`, `${gone?.address}:${gone?.port}`]
  const listed = `TCP  ${service} rr\\n  -> ${server} Masq 1 1 0\\n`
  const { loaded, said, reviewed } = loadedFor(
    plan,
    to,
    `mode=retire last=/nowhere; call() { case $1 in 'ipvsadm -L') printf '${listed}' ;; *) shift; "$@" ;; esac; }`,
  )
  assert.is(reviewed.get('09-ipvs.restore'), `-d -t ${service} -r ${server}\n`)
  assert.is(loaded.get('06-ipvs.restore'), `-e -t ${service} -r ${server} -m -w 0\n`)
  assert.is(said, `instead of "-d -t ${service} -r ${server}": -e -t ${service} -r ${server} -m -w 0\n`)
})

test('of a delta to a node that lacks the interface, it comes before its addresses', async () => {
  const plans = await goldenPlans()
  const [from, to] = ['no-endpoints', 'dual-stack'].map((name) => plans.get(name) as Plan) as [Plan, Plan]
  const without = `cp -rL "$work/have" "$work/held"; rm "$work/have"; mv "$work/held" "$work/have"
grep -v '^link ' "$work/have/state" > "$work/state"; cat "$work/state" > "$work/have/state"`
  const { loaded, said, reviewed } = loadedFor(from, to, without)
  const made = 'link add name kube-ipvs0 type dummy\n'
  assert.is(loaded.get('07-ip.batch'), made + reviewed.get('07-ip.batch'))
  assert.match(said, `not in the reviewed payloads: ${made}`)
})

test('a set that has no room for what comes beside what leaves is larger until the end', async () => {
  const { plan } = await runCase(await loadCase('cluster-ip'))
  for (const { from, to, most } of crowdedWays(plan as Plan)) {
    const payloads = workedOut(from, to)
    const texts = payloads.map(([, text]) => text).join('')
    if (most === null) assert.not.match(texts, /ipvsc-tmp/)
    else assert.match(texts, new RegExp(`^create ipvsc-tmp .* maxelem ${most} `, 'm'))
    assertSameSets(from, to, payloads)
    assert.equal(migrate(from, to, payloads).lines(), stateLines(to))
  }
})

test('what exempts from masquerading keeps its turn in sets that are filled anew', async () => {
  const plans = await goldenPlans()
  const [cluster, local] = ['load-balancer', 'load-balancer-local'].map((name) => plans.get(name) as Plan)
  for (const { from, to } of exemptingWays(cluster as Plan, local as Plan)) {
    const payloads = workedOut(from, to)
    assert.match(payloads.map(([, text]) => text).join(''), /^swap ipvsc-tmp \S+-LOCAL/m)
    assertSameSets(from, to, payloads)
    assert.equal(migrate(from, to, payloads).lines(), stateLines(to))
  }
})

test('a set that refuses who is in it gains last and loses first, also where it is filled anew', async () => {
  const { plan } = await runCase(await loadCase('source-ranges'))
  const filtered = plan as Plan
  const resized = filtered.sets.map((set) =>
    set.type === 'bitmap:port' || !set.name.startsWith('KUBE-LOAD-BALANCER')
      ? set
      : { ...set, maxElements: 2 * set.maxElements },
  )
  const open = (await goldenPlans()).get('load-balancer') as Plan
  const strict = /(swap ipvsc-tmp|add|del) KUBE-LOAD-BALANCER-FW\b/
  const others = /(swap ipvsc-tmp|add|del) KUBE-LOAD-BALANCER-SOURCE-CIDR\b/
  const places = (payload: DeltaPayloadName, from: Plan, to: Plan): [strict: number[], others: number[]] => {
    const lines = (new Map(workedOut(from, to)).get(payload) ?? '').split('\n')
    const of = (pattern: RegExp): number[] =>
      lines.flatMap((line, index) => (pattern.test(line) ? index : []))
    return [of(strict), of(others)]
  }
  const gained = places('03-ipset.restore', open, { ...filtered, sets: resized })
  assert.ok(gained.every((list) => list.length > 0) && Math.min(...gained[0]) > Math.max(...gained[1]))
  const lost = places('12-ipset.restore', { ...filtered, sets: resized }, open)
  assert.ok(lost.every((list) => list.length > 0) && Math.max(...lost[0]) < Math.min(...lost[1]))
})

test('a virtual server says how long it drains: as it is wanted, or as it was where it goes', async () => {
  const plan = (await runCase(await loadCase('drain-timeout'))).plan as Plan
  const [like] = plan.virtualServers as [VirtualServer]
  assert.is(like.drainTimeout, 90)
  const at = (address: string, { drainTimeout, ...rest }: VirtualServer = like): VirtualServer => ({
    ...rest,
    address,
  })
  const empty = (server: VirtualServer): VirtualServer => ({ ...server, realServers: [] })
  const [own, none, fresh, gone] = ['172.30.0.1', '172.30.0.2', '172.30.0.3', '172.30.0.4'].map((address) =>
    at(address),
  ) as [VirtualServer, VirtualServer, VirtualServer, VirtualServer]
  const before: Plan = {
    ...plan,
    virtualServers: [
      { ...own, drainTimeout: 60 },
      { ...none, drainTimeout: 60 },
      fresh,
      { ...gone, drainTimeout: 0 },
    ],
  }
  const after: Plan = {
    ...plan,
    virtualServers: [{ ...empty(own), drainTimeout: 5400 }, empty(none), empty(fresh)],
  }
  withWay(before, after, ({ start, target, way }) => {
    const busy = before.virtualServers.flatMap((server) => [
      `TCP  ${server.address}:${server.port} rr`,
      ...server.realServers.map(({ address, port }) => `  -> ${address}:${port} Masq 1 1 0`),
    ])
    writeFileSync(join(way, 'listed'), `${busy.join('\n')}\n`)
    mkdirSync(join(way, 'last/after'), { recursive: true })
    runShell(withFunctions(start, `last='${way}/last'; flavour=nft; save_scope "$last/after/scope"`))
    const commands = `work='${way}'; last='${way}/last'
call() { cat '${way}/listed'; }
work_out retire; echo "$now" > '${way}/now'`
    runShell(withFunctions(target, commands))
    const now = Number(readFileSync(join(way, 'now'), 'utf8'))
    const deadlines = readFileSync(join(way, 'draining'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([, service, , deadline]) => `${service} ${Number(deadline) - now}`)
    assert.equal([...new Set(deadlines)].sort(), [
      '172.30.0.1:80 5400',
      '172.30.0.2:80 900',
      '172.30.0.3:80 900',
      '172.30.0.4:80 0',
    ])
  })
})

test.run()
