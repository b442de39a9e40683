import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseDuration } from '../../src/config/duration.ts'
import {
  DEFAULT_CONFIG,
  type Diagnostic,
  type KubeProxyConfiguration,
  type ProxyConfig,
  read,
  resolveConfig,
} from '../../src/index.ts'

const HEAD = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' } as const
const origin = { source: 'config.yaml', document: 0, path: [] }

function resolve(fields: Partial<KubeProxyConfiguration>): { config: ProxyConfig; problems: Diagnostic[] } {
  const problems: Diagnostic[] = []
  const config = resolveConfig({ object: { ...HEAD, ...fields }, origin }, (problem) =>
    problems.push(problem),
  )
  return { config, problems }
}

test('an empty configuration is what kube-proxy does without one', () => {
  assert.equal(resolve({}), { config: DEFAULT_CONFIG, problems: [] })
})

/** What `kubeadm init` writes for fields that nobody set. */
const KUBEADM = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection: {acceptContentTypes: "", burst: 0, contentType: "", kubeconfig: /var/lib/kube-proxy/kubeconfig.conf, qps: 0}
clusterCIDR: 10.244.0.0/16
configSyncPeriod: 0s
conntrack: {maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null, udpStreamTimeout: 0s, udpTimeout: 0s}
detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s, tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s}
kind: KubeProxyConfiguration
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}, verbosity: 0}
metricsBindAddress: ""
mode: ipvs
nftables: {masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel: {enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "", sourceVip: ""}
`

test("kubeadm's configuration is read as it is", async () => {
  const { cluster, diagnostics } = await read([{ name: 'config.yaml', text: KUBEADM }])
  assert.equal(
    diagnostics.filter(({ severity }) => severity !== 'info'),
    [],
  )
  const problems: Diagnostic[] = []
  const [source] = cluster.configurations
  assert.ok(source)
  const { clusterCIDRs, ...rest } = resolveConfig(source, (problem) => problems.push(problem))
  const { clusterCIDRs: _none, ...defaults } = DEFAULT_CONFIG
  assert.equal(rest, defaults)
  assert.is(clusterCIDRs.length, 1)
  assert.equal(problems, [])
})

test('an unknown field is an error at every level, as in strict decoding', async () => {
  for (const [from, to, path] of [
    ['mode: ipvs', 'modus: ipvs', 'modus'],
    ['scheduler: ""', 'schedular: rr', 'ipvs.schedular'],
    ['infoBufferSize: "0"}}', 'infoSize: "0"}}', 'logging.options.text.infoSize'],
  ] as const) {
    const { diagnostics } = await read([{ name: 'config.yaml', text: KUBEADM.replace(from, to) }])
    assert.equal(
      diagnostics.filter(({ severity }) => severity === 'error').map((problem) => problem.path.join('.')),
      [path],
    )
  }
})

test('values that cannot be used are errors, each with its field', () => {
  const rows: [Partial<KubeProxyConfiguration>, string, string][] = [
    [{ ipvs: { scheduler: 'fastest' } }, 'SCHEDULER_UNKNOWN', 'ipvs.scheduler'],
    [{ ipvs: { excludeCIDRs: ['10.0.0.0/8', 'x'] } }, 'CONFIG_VALUE', 'ipvs.excludeCIDRs.1'],
    [{ ipvs: { tcpTimeout: '-5s' } }, 'CONFIG_VALUE', 'ipvs.tcpTimeout'],
    [{ clusterCIDR: '10.0.0.0/8,fd00::/129' }, 'CONFIG_VALUE', 'clusterCIDR'],
    [{ nodePortAddresses: ['primary', '10.0.0.0/8'] }, 'CONFIG_VALUE', 'nodePortAddresses.0'],
    [{ bindAddress: 'localhost' }, 'CONFIG_VALUE', 'bindAddress'],
    [
      { detectLocalMode: 'BridgeInterface', detectLocal: { bridgeInterface: 'br0\n-j ACCEPT' } },
      'CONFIG_VALUE',
      'detectLocal.bridgeInterface',
    ],
    [
      { detectLocalMode: 'InterfaceNamePrefix', detectLocal: { interfaceNamePrefix: 'fifteen-letters' } },
      'CONFIG_VALUE',
      'detectLocal.interfaceNamePrefix',
    ],
  ]
  for (const [fields, code, path] of rows) {
    const { problems } = resolve(fields)
    assert.equal(
      problems.map((problem) => [problem.code, problem.severity, problem.path.join('.')]),
      [[code, 'error', path]],
    )
  }
})

test('durations are those of Go', () => {
  const rows: [string, number | null][] = [
    ['0', 0],
    ['0s', 0],
    ['15m', 900],
    ['1h30m0s', 5400],
    ['1.5s', 1.5],
    ['500ms', 0.5],
    ['24h0m0s', 86400],
    ['-1s', -1],
    ['15', null],
    ['', null],
    ['1d', null],
    ['1s ', null],
  ]
  for (const [text, seconds] of rows) assert.is(parseDuration(text), seconds, text)
})

test.run()
