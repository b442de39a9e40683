import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DEFAULT_CONFIG, read } from '../../src/index.ts'
import type { Findings } from '../../src/review/finding.ts'
import { lintCluster } from '../../src/review/lint/lint.ts'
import {
  defaultSettings,
  isDay,
  type LintBlock,
  lintSettings,
  unusableValues,
} from '../../src/review/lint/settings.ts'
import { clusterSubject } from '../../src/review/lint/subject.ts'

const test = suite('lint: settings')

const ORIGIN = { source: 'ipvsc.yaml', document: 0, path: ['lint'] } as const

const service = (metadata: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop', labels: { team: 'a' }, ...metadata },
  spec: { clusterIP: '10.96.0.10', externalIPs: ['198.51.100.7'], ports: [{ port: 80 }] },
})

/** What rules say of a Service with an external IP and no endpoint. */
async function lintOf(block: LintBlock, metadata: object = {}, today = '2026-11-24'): Promise<Findings> {
  const text = JSON.stringify(service(metadata))
  const { cluster } = await read([{ name: 'web.json', text }])
  const { subject } = clusterSubject(cluster, { config: DEFAULT_CONFIG })
  return lintCluster(subject, lintSettings(block, ORIGIN, today))
}

const told = ({ findings }: Findings): string[] =>
  findings.map(
    ({ code, severity, silenced }) => `${severity} ${code}${silenced === null ? '' : ` (${silenced.by})`}`,
  )

const PLAIN = ['warning EXTERNAL_IP_NOT_ALLOWED', 'warning NO_READY_ENDPOINT']
const SILENCED = ['warning EXTERNAL_IP_NOT_ALLOWED (allowance)', 'warning NO_READY_ENDPOINT']

test('a file can raise, lower and switch off rules, and nothing else changes', async () => {
  assert.equal(told(await lintOf({})), PLAIN)
  assert.equal(told(await lintOf({ rules: { NO_READY_ENDPOINT: 'error' } })), [
    'error NO_READY_ENDPOINT',
    'warning EXTERNAL_IP_NOT_ALLOWED',
  ])
  assert.equal(told(await lintOf({ rules: { NO_READY_ENDPOINT: 'off' } })), PLAIN.slice(0, 1))
})

test('an allowance holds where all that it names does', async () => {
  const rules = ['EXTERNAL_IP_NOT_ALLOWED']
  const allowed = async (given: object): Promise<string[]> =>
    told(await lintOf({ allow: [{ rules, reason: 'a gateway is to come', ...given }] }))
  for (const given of [
    {},
    { namespace: 'shop' },
    { namespace: 's*p', name: '*' },
    { name: 'w*b' },
    { labels: { team: 'a' } },
    { until: '2026-11-24' },
  ])
    assert.equal(await allowed(given), SILENCED, JSON.stringify(given))
  for (const given of [
    { namespace: 'sho' },
    { namespace: 'shop', name: 'api' },
    { name: 'we*eb' },
    { labels: { team: 'a', tier: 'front' } },
  ])
    assert.equal(await allowed(given), PLAIN, JSON.stringify(given))
})

test('the day after its last one an allowance silences nothing, and is a finding', async () => {
  const allow = [{ rules: ['EXTERNAL_IP_NOT_ALLOWED'], reason: 'for a while', until: '2026-12-31' }]
  assert.equal(told(await lintOf({ allow }, {}, '2026-12-31')), SILENCED)
  assert.equal(told(await lintOf({ allow }, {}, '2027-01-01')), [...PLAIN, 'warning ALLOWANCE_EXPIRED'])
})

test('an annotation silences the rules that it names for its object, with a reason', async () => {
  const annotations = {
    'ipvsc.dev/lint-ignore': 'NO_READY_ENDPOINT EXTERNAL_IP_NOT_ALLOWED: by hand: at night',
  }
  const { findings } = await lintOf({}, { annotations })
  assert.equal(
    findings.map(({ silenced }) => silenced),
    Array(2).fill({ by: 'annotation', reason: 'by hand: at night', until: null }),
  )
  const unknown = { 'ipvsc.dev/lint-ignore': 'all' }
  assert.equal(told(await lintOf({}, { annotations: unknown })), [
    'warning EXTERNAL_IP_NOT_ALLOWED',
    'warning IGNORE_UNKNOWN',
    'warning NO_READY_ENDPOINT',
  ])
})

test('values that no schema can refuse are named with their places', () => {
  const block: LintBlock = {
    networks: { externalIPs: ['192.0.2.0/24', '192.0.2.1', '192.0.2.0/33'], apiServers: ['010.0.0.1'] },
    allow: [
      { rules: [], reason: '', until: '2027-02-29' },
      { rules: [], reason: '', until: '2028-02-29' },
    ],
  }
  assert.equal(
    unusableValues(block).map(({ path }) => path.join('.')),
    ['networks.externalIPs.2', 'networks.apiServers.0', 'allow.0.until'],
  )
})

test('a day is one of the calendar', () => {
  for (const day of ['2026-11-24', '2000-02-29', '2027-12-31']) assert.ok(isDay(day), day)
  for (const day of ['2026-11-31', '1900-02-29', '2027-13-01', '2027-00-10', '2027-01-00', '27-1-1', ''])
    assert.not.ok(isDay(day), day)
})

test('without a file, the usual thresholds hold', () => {
  const { thresholds, networks } = defaultSettings('2026-11-24')
  assert.equal(thresholds, { endpointsLostPercent: 50, nodesTouched: null, servicesTouchedPercent: null })
  assert.equal(networks, { externalIPs: [], loadBalancers: null, sourceRanges: null, apiServers: [] })
})

test.run()
