import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT, SHARED_DATA } from '../support/shared.ts'

const test = suite('cli: real changes of real repositories')

const REVIEW = `${SHARED_DATA}/review`

interface Report {
  readonly services: readonly {
    service: string
    change: string
    fields: readonly { field: string; before: string | null; after: string | null }[]
  }[]
  readonly operations: readonly unknown[]
  readonly diagnostics: readonly {
    code: string
    severity: string
    message: string
    subject: { name: string } | null
  }[]
}

function delta(
  name: string,
  ...options: string[]
): { status: number | null; report: Report; stderr: string } {
  const folder = `${REVIEW}/${name}`
  const onto = existsSync(`${folder}/snapshot.json`)
    ? ['--onto', `${folder}/snapshot.json`, '--node', 'worker-1']
    : ['--node', 'n1', '--node-ip', '192.0.2.1']
  const words = ['delta', `${folder}/base`, `${folder}/head`, ...onto, '--output', 'json', ...options]
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...words], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  return { status, report: stdout === '' ? ({} as Report) : JSON.parse(stdout), stderr }
}

/** `~ sock-shop/front-end`, in order. */
const changes = ({ services }: Report): string[] =>
  services.map(
    ({ service, change }) =>
      `${{ added: '+', removed: '-', changed: '~', recreated: '!' }[change]} ${service}`,
  )
const fieldOf = ({ services }: Report, name: string, wanted: string): string => {
  const found = services.find(({ service }) => service === name)?.fields.find(({ field }) => field === wanted)
  return `${found?.before ?? 'none'} → ${found?.after ?? 'none'}`
}
const codes = ({ diagnostics }: Report): string[] => diagnostics.map(({ code }) => code)

const cases: Readonly<Record<string, (result: ReturnType<typeof delta>) => void>> = {
  'sockshop-affinity-off': ({ report }) => {
    assert.equal(changes(report), ['~ sock-shop/front-end'])
    assert.is(fieldOf(report, 'sock-shop/front-end', 'sessionAffinity'), 'ClientIP, 10800 s → None')
    assert.is(report.services[0]?.fields.length, 1)
  },
  'sockshop-cart-db-rename': ({ report }) => {
    assert.equal(changes(report), ['- sock-shop/cart-db', '+ sock-shop/carts-db'])
    assert.match(fieldOf(report, 'sock-shop/carts-db', 'cluster IP'), /^none → 10\..* \(assumed\)$/)
  },
  'sockshop-grafana-nodeport': ({ report }) => {
    assert.equal(changes(report), ['~ monitoring/grafana'])
    assert.is(fieldOf(report, 'monitoring/grafana', 'type'), 'LoadBalancer → NodePort')
    assert.is(fieldOf(report, 'monitoring/grafana', 'node port of 80/TCP'), '31715 → 31300')
    assert.is(fieldOf(report, 'monitoring/grafana', 'load balancer address'), '203.0.113.20 → none')
  },
  'guestbook-go-json-selectors': ({ report }) => {
    assert.equal(changes(report), ['~ default/guestbook', '~ default/redis-master', '~ default/redis-slave'])
    assert.equal(
      report.services.map(({ fields }) => fields.map(({ field }) => field)),
      [['selector'], ['selector'], ['selector']],
    )
  },
  'spark-namespace': ({ report }) => {
    assert.equal(changes(report), [
      '- default/spark-master',
      '+ spark-cluster/spark-master',
      '+ spark-cluster/spark-ui-proxy',
      '- spark-cluster/spark-webui',
      '~ spark-cluster/zeppelin',
    ])
    assert.is(fieldOf(report, 'spark-cluster/zeppelin', 'type'), 'ClusterIP → LoadBalancer')
    assert.is(fieldOf(report, 'spark-cluster/zeppelin', 'cluster IP'), 'none → none')
    assert.ok(codes(report).includes('LOAD_BALANCER_PENDING'))
  },
  'boutique-labels-noise': ({ report }) => {
    assert.equal(report.operations, [])
    assert.equal(report.services, [])
    assert.is(codes(report).filter((code) => code === 'ASSUMED_VALUE').length, 12)
  },
  'kubeprom-ksm-headless-https': ({ report }) => {
    assert.equal(changes(report), ['! monitoring/kube-state-metrics', '~ monitoring/node-exporter'])
    assert.ok(
      report.diagnostics.some(
        ({ code, message }) => code === 'RECREATE_NEEDED' && message.includes('deleted and created again'),
      ),
    )
  },
  'ingressnginx-dualstack': ({ report }) => {
    assert.equal(report.operations, [])
    assert.equal(report.services, [])
  },
  'zalando-nodelocal-dns-type': ({ report }) => {
    assert.equal(changes(report), ['~ kube-system/kube-dns-local'])
    assert.is(fieldOf(report, 'kube-system/kube-dns-local', 'type'), 'NodePort → ClusterIP')
    assert.is(fieldOf(report, 'kube-system/kube-dns-local', 'node port of 9054/TCP'), '31583 → none')
  },
  'zalando-scrape-services-removed': ({ report }) => {
    assert.is(changes(report).filter((line) => line.startsWith('- kube-system/')).length, 7)
    assert.is(report.services.length, 7)
    assert.ok(
      report.diagnostics.some(
        ({ code, message }) => code === 'TEMPLATE_NOT_RENDERED' && message.includes('audittrail-adapter'),
      ),
    )
  },
  'homelab-mcrouter-lbip-typo': ({ report }) => {
    assert.equal(changes(report), ['~ default/mc-router'])
    assert.is(
      fieldOf(report, 'default/mc-router', 'load balancer address'),
      '203.0.113.31 → 10.0.6.105 (assumed)',
    )
    assert.ok(codes(report).includes('FIELD_UNKNOWN'))
  },
}

/** Refused, and what names why. */
const refused: Readonly<Record<string, RegExp>> = {
  'homeops-externalip-var': /VARIABLE_NOT_SUBSTITUTED[\s\S]*SVC_POSTGRES_ADDR/,
  'ingressnginx-kustomize-split': /DUPLICATE_OBJECT[\s\S]*defined 4 times[\s\S]*name fewer inputs/,
}

if (existsSync(REVIEW)) {
  for (const [name, check] of Object.entries(cases))
    test(name, () => {
      const result = delta(name, ...(name.startsWith('kubeprom') ? ['--namespace', 'monitoring'] : []))
      assert.is(result.status, 0, result.stderr)
      check(result)
    })
  for (const [name, reason] of Object.entries(refused))
    test(`${name}: refused, by name`, () => {
      const { status, stderr } = delta(name)
      assert.is(status, 1)
      assert.match(stderr, reason)
    })
  test('a Kustomization that changes Services leaves them unknown, and names the command', () => {
    const words = ['check', `${REVIEW}/ingressnginx-kustomize-split/head`]
    const { status, stderr } = spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...words], {
      encoding: 'utf8',
    })
    assert.is(status, 0)
    assert.match(stderr, /warning KUSTOMIZATION: 9 Kustomizations .*ingress-nginx.*kustomize build/)
  })
  test('manifests alone compile, with assumed addresses', () => {
    const words = ['build', `${SHARED_DATA}/manifests/sock-shop`, '--node', 'n1', '--emit', 'ipvs']
    const { status, stdout } = spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...words], {
      encoding: 'utf8',
    })
    assert.is(status, 0)
    assert.is(stdout.split('\n').filter((line) => line.startsWith('-A ')).length, 7)
  })
}

test.run()
