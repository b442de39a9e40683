import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hasSharedData, ROOT, SHARED_DATA } from '../support/shared.ts'

/** Real changes of real repositories: what a reviewer has to read of each, and that nothing else is claimed. */

const test = suite('review: real changes')
const FOLDER = `${SHARED_DATA}/review`

function textOf(pair: string): string {
  const folder = `${FOLDER}/${pair}`
  const { FORCE_COLOR: _color, ...env } = process.env
  const around = existsSync(`${folder}/snapshot.json`)
    ? [
        '--onto',
        'snapshot.json',
        '--all-nodes',
        ...(pair.startsWith('kubeprom') ? ['--namespace', 'monitoring'] : []),
      ]
    : ['--node', 'n1', '--node-ip', '192.0.2.1']
  return spawnSync(process.execPath, [`${ROOT}dist/cli.js`, 'diff', 'base', 'head', ...around], {
    encoding: 'utf8',
    cwd: folder,
    env,
  }).stdout
}

/** The Services that the text names, with their signs, in order. */
const named = (text: string): string[] => text.match(/^[-+~!] \S+/gm) ?? []

/** Of each change: its Services, and what else stands there. */
const EXPECTED: Readonly<Record<string, readonly [readonly string[], ...RegExp[]]>> = {
  'sockshop-affinity-off': [
    ['~ sock-shop/front-end'],
    /^1 Service changes on all 3 nodes\. Nothing becomes unreachable\.\n/,
    /~ sock-shop\/front-end +head\/front-end-svc\.yaml:2\n +sessionAffinity +ClientIP, 10800 s → None +no longer: base\/front-end-svc\.yaml:17\n/,
    / 3 Services unchanged /,
  ],
  'sockshop-cart-db-rename': [
    ['- sock-shop/cart-db', '+ sock-shop/carts-db'],
    /^2 Services change on all 3 nodes: .*sock-shop\/cart-db goes away\.\n/,
    /10\.\S+ \(assumed\) · ports 27017\/TCP/,
    /waits +It selects Deployment sock-shop\/carts-db, 1 replica: 1 real server to come\./,
  ],
  'sockshop-grafana-nodeport': [
    ['~ monitoring/grafana'],
    /type +LoadBalancer → NodePort +head\S+22-grafana-svc\.yaml:\d+\n/,
    /node port of 80\/TCP +\d+ → 31300 +head\S+22-grafana-svc\.yaml:\d+\n/,
    /load balancer address +203\.0\.113\.20 → not set\n/,
    /monitoring\/grafana is no longer at tcp 203\.0\.113\.20:80, tcp node port \d+\.\n/,
  ],
  'spark-namespace': [
    [
      ...['- default/spark-master', '+ spark-cluster/spark-master', '+ spark-cluster/spark-ui-proxy'],
      ...['- spark-cluster/spark-webui', '~ spark-cluster/zeppelin'],
    ],
    /ports 7077\/TCP, 8080\/TCP/,
    /type +ClusterIP → LoadBalancer/,
    /port 8080\/TCP +to 8080 → not set/,
    /port 80\/TCP +not set → to 8080/,
    /waits +The load balancer has no address yet/,
  ],
  'kubeprom-ksm-headless-https': [
    ['! monitoring/kube-state-metrics', '~ monitoring/node-exporter'],
    /has to be deleted and created again/,
    /cluster IP +\S+ → None/,
    /port 8443\/TCP +not set → https-main to https-main/,
    /port 9443\/TCP +not set → https-self to https-self/,
    /port 9100\/TCP +http-metrics to 9100 → https to 9100 .*\n +no node does anything differently/,
  ],
  'zalando-nodelocal-dns-type': [
    ['~ kube-system/kube-dns-local'],
    /type +NodePort → ClusterIP/,
    /externalTrafficPolicy +Local → not set/,
    /kube-system\/kube-dns-local is no longer at tcp node port \d+\.\n/,
  ],
  'homelab-mcrouter-lbip-typo': [
    ['~ default/mc-router'],
    /loadBalancerIP +not set → 10\.0\.6\.105 +head\S+mc-router\.yaml:35\n/,
    /waits +It asks for the load-balancer address 10\.0\.6\.105/,
    /load balancer address +203\.0\.113\.31 → 10\.0\.6\.105 \(assumed\)/,
  ],
  'guestbook-go-json-selectors': [
    ['~ default/guestbook', '~ default/redis-master', '~ default/redis-slave'],
    /selector +name=guestbook → app=guestbook +head\S+\.json:\d+\n/,
    /selector +name=redis, role=master → app=redis, role=master/,
  ],
  'boutique-labels-noise': [[], /^nothing changes on node n1/],
  'ingressnginx-dualstack': [[], /^nothing changes on node n1/],
}

for (const [pair, [services, ...patterns]] of hasSharedData ? Object.entries(EXPECTED) : [])
  test(pair, () => {
    const text = textOf(pair)
    assert.equal(named(text), services, text)
    for (const pattern of patterns) assert.match(text, pattern)
  })

test.run()
