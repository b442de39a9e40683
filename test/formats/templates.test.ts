import { readdirSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import { TEMPLATE_NAMES, type TemplateName, templateOf } from '../../src/formats/names.ts'
import {
  emit,
  PAYLOAD_NAMES,
  PayloadMismatch,
  type PayloadName,
  type Plan,
  rendererWith,
  TemplateError,
} from '../../src/index.ts'
import { goldenNames, loadCase, runCase } from '../golden/cases.ts'
import { ROOT } from '../support/shared.ts'

/** A template lays rows out: whatever else it does is found before a payload is given out. */

const test = suite('templates')

const goldenPlan = async (name: string): Promise<Plan> => (await runCase(await loadCase(name))).plan as Plan

const shipped = (name: TemplateName): string => readFileSync(`${ROOT}templates/${name}.hbs`, 'utf8')

const emitWith = async (plan: Plan, payload: PayloadName, source: string): Promise<string> => {
  const renderer = await rendererWith(new Map([[`${templateOf(payload)}.hbs`, source]]))
  return emit(plan, { renderer, only: [payload] }).get(payload) ?? ''
}

const mismatch = async (plan: Plan, payload: PayloadName, source: string, what: string): Promise<void> => {
  const error = await emitWith(plan, payload, source).then(
    () => null,
    (thrown: Error) => thrown,
  )
  assert.instance(error, PayloadMismatch, what)
}

test('whatever line of a payload a template loses or adds, reading it back finds it', async () => {
  const plan = await goldenPlan('source-ranges')
  for (const name of PAYLOAD_NAMES) {
    const text = emit(plan).get(name) as string
    const lines = text.split('\n').filter((line) => line !== '' && !/^# (Settings|check)/.test(line))
    for (const [index, line] of lines.entries()) {
      const without = lines.filter((_, other) => other !== index).join('\n')
      await mismatch(plan, name, `${without.replaceAll('{{', '')}\n`, `${name} without ${line}`)
      const twice = lines.flatMap((each, other) => (other === index ? [each, each] : [each])).join('\n')
      await mismatch(plan, name, `${twice.replaceAll('{{', '')}\n`, `${name} with ${line} twice`)
    }
  }
})

/** Lines that a template may not put before, after, or behind another line. */
const SURPLUS: readonly (readonly [PayloadName, string])[] = [
  ['iptables.restore', '*filter\n:INPUT DROP [0:0]\nCOMMIT'],
  ['iptables.restore', '*filter\n:CNI-FORWARD - [0:0]\nCOMMIT'],
  ['iptables.restore', '*filter\n-F FORWARD\nCOMMIT'],
  ['iptables.restore', '*mangle\n-A PREROUTING -j DROP\nCOMMIT'],
  ['iptables.restore', '*raw\nCOMMIT'],
  ['ip6tables.restore', '*nat\n-X KUBE-MARK-MASQ\nCOMMIT'],
  // A comment that iptables-restore would cut after 10239 bytes, to take the rest for a command.
  ['iptables.restore', `# ${'x'.repeat(10_237)}-A INPUT -j ACCEPT`],
  ['iptables.restore', '# a\r-A INPUT -j ACCEPT'],
  ['ipset.restore', 'create mine hash:ip family inet hashsize 1024 maxelem 65536'],
  ['ipset.restore', 'create mine hash:mac'],
  ['ipset.restore', 'add KUBE-CLUSTER-IP 10.0.0.1,tcp:1 nomatch'],
  ['ipset.restore', 'flush KUBE-CLUSTER-IP'],
  ['ipvs.restore', '-A -t 192.0.2.1:80 -s rr'],
  ['ipvs.restore', '-C'],
  ['ip.batch', 'link set eth0 down'],
  ['ip.batch', 'addr add 192.0.2.1/32 dev eth0'],
  ['sysctl.conf', 'kernel.core_pattern = 1'],
  ['sysctl.conf', 'net.netfilter.nf_conntrack_max = 1'],
  ['modules.conf', 'nfs'],
]

test('a template adds nothing: no policy, chain, table, set, option, address, setting or module', async () => {
  const plan = await goldenPlan('source-ranges')
  for (const base of [plan, { ...plan, conntrack: { maxPerCore: 0, min: 0, max: 0 } }])
    for (const [payload, lines] of SURPLUS) {
      const source = shipped(templateOf(payload))
      await mismatch(base, payload, `${source}${lines}\n`, `${payload} with ${lines.slice(0, 60)} at its end`)
      await mismatch(
        base,
        payload,
        `${lines}\n${source}`,
        `${payload} with ${lines.slice(0, 60)} at its head`,
      )
    }
})

/** Words inside of lines that the readers of listings pass over. */
const WORDS: readonly (readonly [PayloadName, string, string])[] = [
  ['iptables.restore', ':{{name}} - [0:0]', ':{{name}} ACCEPT [0:0]'],
  ['iptables.restore', '-A {{rule}}', '-A {{rule}} -m socket'],
  ['iptables.restore', '-A {{rule}}', '-I {{rule}}'],
  ['iptables.restore', '-I {{rule}}', '-A {{rule}}'],
  ['ipset.restore', '{{parameters}}', '{{parameters}} timeout 5'],
  ['ipset.restore', '{{parameters}}', '{{parameters}} forceadd'],
  ['ipset.restore', 'add {{name}} {{entry}}', 'add {{name}} {{entry}} timeout 5'],
  ['ipvs.restore', '-w {{weight}}', '-w {{weight}} -x 5'],
]

test('a template changes no word that a reader of listings would pass over', async () => {
  const plan = await goldenPlan('source-ranges')
  for (const [payload, before, after] of WORDS) {
    const source = shipped(templateOf(payload))
    assert.ok(source.includes(before), before)
    await mismatch(plan, payload, source.replace(before, after), after)
  }
})

test('a template may say who made a payload, and the manifest says which template it was', async () => {
  const plan = await goldenPlan('source-ranges')
  const source = `# Pool A\n${shipped('iptables.restore')}`
  for (const payload of ['iptables.restore', 'ip6tables.restore'] as const)
    assert.is(await emitWith(plan, payload, source), `# Pool A\n${emit(plan).get(payload)}`)
  const renderer = await rendererWith(new Map([['iptables.restore.hbs', source]]))
  const { manifest } = bundleOf('node-1', plan, { renderer })
  assert.equal(
    manifest.templates.map(({ name }) => name),
    ['iptables.restore.hbs'],
  )
  assert.match(manifest.templates[0]?.sha256 ?? '', /^[0-9a-f]{64}$/)
  assert.equal(bundleOf('node-1', plan).manifest.templates, [])
})

test('what a node runs, and what a delta loads, is made from no template', async () => {
  const names = ['apply.sh', 'apply/lock', 'node/lock', 'ipvsc-drain.service', 'ipvsc-drain.timer', 'delta']
  for (const name of names) {
    const error = await rendererWith(new Map([[`${name}.hbs`, 'rm -rf /']])).then(
      () => null,
      (thrown: Error) => thrown,
    )
    assert.instance(error, TemplateError, name)
  }
})

test('shipped templates compile strictly: none uses a field that no row has', async () => {
  const sources = TEMPLATE_NAMES.map((name): [string, string] => [`${name}.hbs`, shipped(name)])
  const renderer = await rendererWith(new Map(sources))
  for (const name of goldenNames()) {
    const { plan } = await runCase(await loadCase(name))
    if (plan !== null) assert.equal([...emit(plan, { renderer })], [...emit(plan)])
  }
})

test('every template that is shipped lays out a payload', () => {
  const files = readdirSync(`${ROOT}templates`).filter((name) => name.endsWith('.hbs'))
  const payloads: readonly string[] = TEMPLATE_NAMES.map((name) => `${name}.hbs`)
  const others = files.filter((name) => !payloads.includes(name))
  assert.equal(others, [])
})

test.run()
