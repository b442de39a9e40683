import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { read } from '../../src/index.ts'

const readFiles = (files: Record<string, string>, namespace?: string) =>
  read(
    Object.entries(files).map(([name, text]) => ({ name, text })),
    namespace === undefined ? {} : { namespace },
  )
const worth = (diagnostics: readonly { code: string; severity: string }[]) =>
  diagnostics.filter(({ severity }) => severity !== 'info').map(({ severity, code }) => `${severity} ${code}`)

const service = (name: string, more = 'ports: [{port: 80}], selector: {app: web}') =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\nspec: {${more}}\n`

test('a Pod that runs is a Pod, one of a manifest is a workload', async () => {
  const { cluster } = await readFiles({
    'a.yaml': `
apiVersion: v1
kind: Pod
metadata: {name: runs, namespace: shop, labels: {app: web}}
spec: {nodeName: n1, containers: [{name: c}]}
status: {phase: Running, podIPs: [{ip: 10.0.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: to-come, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}
`,
  })
  assert.equal(
    cluster.pods?.map(({ object }) => object.metadata.name),
    ['runs'],
  )
  const [workload] = cluster.workloads ?? []
  assert.is(workload?.object.metadata.name, 'to-come')
  assert.is(workload?.object.replicas, 1)
  assert.equal(workload?.object.template.containers, [{ ports: [{ containerPort: 8080, name: 'http' }] }])
})

test('without Pods among the inputs the list is absent, not empty', async () => {
  const { cluster } = await readFiles({ 'a.yaml': service('web') })
  assert.is(cluster.pods, undefined)
})

test('workloads of old API versions count, with the labels of their template', async () => {
  const { cluster } = await readFiles({
    'a.yaml': `
apiVersion: extensions/v1beta1
kind: Deployment
metadata: {name: old}
spec: {replicas: 3, template: {metadata: {labels: {app: web}}, spec: {containers: []}}}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: bare}
spec: {selector: {app: db}, template: {spec: {containers: []}}}
---
apiVersion: batch.example.org/v1
kind: Job
metadata: {name: foreign}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: []}}}
`,
  })
  assert.equal(
    cluster.workloads?.map(({ object }) => [object.kind, object.replicas, object.labels]),
    [
      ['Deployment', 3, { app: 'web' }],
      ['ReplicationController', 1, { app: 'db' }],
    ],
  )
})

test('service networks: ServiceCIDR objects and the ClusterConfiguration of kubeadm', async () => {
  const { cluster } = await readFiles({
    'a.yaml': `
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: {name: kubernetes}
spec: {cidrs: [10.96.0.0/16, "fd00:1::/112"]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kubeadm-config, namespace: kube-system}
data:
  ClusterConfiguration: |
    apiServer:
      extraArgs:
        service-node-port-range: 31000-31999
    networking:
      serviceSubnet: 10.3.0.0/16
`,
  })
  assert.equal(cluster.serviceCIDRs?.[0]?.object.spec?.cidrs, ['10.96.0.0/16', 'fd00:1::/112'])
  assert.equal(cluster.apiServers?.[0]?.object, {
    serviceSubnet: '10.3.0.0/16',
    nodePortRange: '31000-31999',
  })
})

test('a Pod that cannot be read is a warning, and left out', async () => {
  const { cluster, diagnostics } = await readFiles({
    'a.yaml': 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus: {podIP: 12}\n',
  })
  assert.is(cluster.pods, undefined)
  assert.equal(worth(diagnostics), ['warning SCHEMA'])
})

test('a template is named and passed over; whole documents beside it count', async () => {
  const { cluster, diagnostics } = await readFiles({
    'charts/shop/templates/web.yaml': `{{ if .Values.on }}\n${service('hidden')}{{ end }}\n`,
    'b.yaml': service('web'),
  })
  assert.equal(worth(diagnostics), ['warning TEMPLATE_NOT_RENDERED'])
  assert.match(diagnostics[0]?.message ?? '', /Service hidden.*helm template charts\/shop/)
  assert.equal(cluster.unrendered, [
    { kind: 'template', source: 'charts/shop/templates/web.yaml', services: ['hidden'] },
  ])
  assert.is(cluster.services.length, 1)
})

test('braces in a string of another kind are nothing', async () => {
  const { diagnostics } = await readFiles({
    'a.yaml':
      'apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a}\nspec: {text: "{{ $value }}"}\n',
  })
  assert.equal(diagnostics, [])
})

test('a variable in a field that matters is an error of its own', async () => {
  const { diagnostics } = await readFiles({
    'a.yaml': service('web', `ports: [{port: 80}], externalIPs: ["\${ADDRESS}"]`),
    'b.yaml': service('{{ name }}').replace('name: {{ name }}', 'name: "{{ name }}"'),
  })
  assert.equal(worth(diagnostics), ['error VARIABLE_NOT_SUBSTITUTED', 'error TEMPLATE_NOT_RENDERED'])
})

test('copies that mean the same count once', async () => {
  const { cluster, copies, diagnostics } = await readFiles({
    'a.yaml': service('web'),
    'b.yaml': service(
      'web',
      'type: ClusterIP, ports: [{port: 80, protocol: TCP, targetPort: 80}], selector: {app: web}',
    ).replace('spec:', '  labels: {chart: "2"}\nspec:'),
  })
  assert.equal(diagnostics, [])
  assert.is(copies, 1)
  assert.is(cluster.services.length, 1)
})

test('alternatives are one error that names every place', async () => {
  const { cluster, diagnostics } = await readFiles({
    'a.yaml': service('web'),
    'b.yaml': service('web', 'ports: [{port: 81}]'),
    'c.yaml': service('web', 'ports: [{port: 82}]'),
  })
  assert.equal(worth(diagnostics), ['error DUPLICATE_OBJECT'])
  assert.match(diagnostics[0]?.message ?? '', /defined 3 times.*name fewer inputs/)
  assert.is(diagnostics[0]?.related.length, 2)
  assert.is(cluster.services.length, 0)
})

const KUSTOMIZATION = 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n'

test('a Kustomization that only lists files leaves them as they are, and is named', async () => {
  const { cluster, diagnostics } = await readFiles({
    'app/kustomization.yaml': `${KUSTOMIZATION}resources: [web.yaml]\nlabels: [{pairs: {a: b}}]\n`,
    'app/web.yaml': service('web'),
  })
  assert.equal(
    diagnostics.map(({ severity, code }) => `${severity} ${code}`),
    ['info KUSTOMIZATION'],
  )
  assert.match(diagnostics[0]?.message ?? '', /kustomize build app \|/)
  assert.is(cluster.services.length, 1)
})

for (const [change, text] of [
  ['a namespace', 'namespace: prod'],
  ['a name', 'namePrefix: prod-'],
  ['selectors', 'commonLabels: {tier: web}'],
  ['selectors by labels', 'labels: [{pairs: {tier: web}, includeSelectors: true}]'],
  ['a component', 'components: [../parts]'],
  ['a patch of Services', 'patches: [{target: {kind: Service}, patch: "[]"}]'],
]) {
  test(`a Service that a Kustomization gives ${change} is unknown`, async () => {
    const { cluster, diagnostics } = await readFiles({
      'app/kustomization.yaml': `${KUSTOMIZATION}resources: [./web.yaml]\n${text}\n`,
      'app/web.yaml': service('web'),
    })
    assert.equal(worth(diagnostics), ['warning KUSTOMIZATION'])
    assert.is(cluster.services.length, 0)
    assert.match(cluster.unrendered?.[0]?.services[0] ?? '', /web$/)
  })
}

test('a patch is no Service, and what an overlay patches is unknown', async () => {
  const { cluster, diagnostics } = await readFiles({
    'base/kustomization.yaml': 'resources: [web.yaml]\n',
    'base/web.yaml': service('web'),
    'aws/kustomization.yaml': `${KUSTOMIZATION}bases: [../base]\npatchesStrategicMerge: [patch.yaml]\n`,
    'aws/patch.yaml': service('web', 'externalTrafficPolicy: Local'),
  })
  assert.equal(worth(diagnostics), ['warning KUSTOMIZATION'])
  assert.is(cluster.services.length, 0)
})

test('half a Service beside a whole one of its name is a patch', async () => {
  const { cluster, diagnostics } = await readFiles({
    'a.yaml': service('web'),
    'b.yaml': service('web', 'externalTrafficPolicy: Local'),
  })
  assert.equal(worth(diagnostics), [])
  assert.is(cluster.services.length, 1)
})

test('objects without a namespace go where they are told', async () => {
  const { cluster } = await readFiles({ 'a.yaml': service('web') }, 'shop')
  assert.is(cluster.services[0]?.object.metadata.namespace, 'shop')
})

test.run()
