import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'
import { SHARE } from './harness/machine.ts'
import { RUN_UNIT, restartable } from './harness/restarts.ts'

/** The commands of docs/air-gapped.md, as they stand there, on one machine that is both the desk and the node. */

const test = suite('air-gapped')

/** Lines of the page that are commands, in parts between restarts. */
function partsOfPage(): string[][] {
  const page = readFileSync(`${ROOT}docs/air-gapped.md`, 'utf8')
  const parts: string[][] = [[]]
  for (const [, command = ''] of page.matchAll(/^ {4}(\S.*)$/gm))
    if (command === 'reboot') parts.push([])
    else parts.at(-1)?.push(command)
  return parts
}

const meta = (name: string, more: object = {}) => ({ name, namespace: 'shop', uid: name, ...more })

/** One Service with pods elsewhere; what the page calls the cluster. */
const cluster = (pods: readonly string[]) => ({
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'worker-1' },
      spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] },
      status: { addresses: [{ type: 'InternalIP', address: '192.168.7.10' }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta('cart'),
      spec: {
        type: 'ClusterIP',
        clusterIP: '172.30.0.41',
        clusterIPs: ['172.30.0.41'],
        ipFamilies: ['IPv4'],
        ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: meta('cart-1', { labels: { 'kubernetes.io/service-name': 'cart' } }),
      addressType: 'IPv4',
      ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
      endpoints: pods.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    },
  ],
})

/** `ipvsc snapshot` asks no cluster here: each call writes the next state. All else is the built command. */
const IPVSC = `#!/bin/sh
[ "$1" != snapshot ] || { mv "$(ls ${SHARE}/cluster-*.json | head -n 1)" "$3"; exit; }
exec '${process.execPath}' '${ROOT}dist/cli.js' "$@"
`

/** Each command says that it begins; one that fails ends all. */
const script = (commands: readonly string[]) =>
  ['set -e; cd /root', ...commands.flatMap((command) => [`echo '$ '${quoted(command)}`, command])].join('\n')

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

test('the commands of the page lead from a key to a node that came back from the second bundle', async () => {
  const machine = restartable()
  try {
    writeFileSync(join(machine.share, 'cluster-1.json'), JSON.stringify(cluster(['10.0.1.21'])))
    writeFileSync(join(machine.share, 'cluster-2.json'), JSON.stringify(cluster(['10.0.1.21', '10.0.1.22'])))
    writeFileSync(join(machine.share, 'ipvsc'), IPVSC, { mode: 0o755 })
    const parts = partsOfPage()
    assert.is(parts.length, 3)
    const said: string[] = []
    for (const [index, part] of parts.entries()) {
      const before = index === 0 ? `cp ${SHARE}/ipvsc /usr/local/sbin/ipvsc` : RUN_UNIT
      const { status, output } = await machine.start(
        `ip link add eth0 type dummy; ip addr add 192.168.7.10/24 dev eth0
${before}; (${script(part)}); end=$?; echo --; ipvsadm-save -n; exit $end`,
      )
      assert.is(status, 0, output)
      if (index > 0) assert.match(output, /^unit: 0$/m)
      said.push(output)
    }
    const [first = '', second = '', third = ''] = said
    assert.match(first, /apply: applied[\s\S]*confirm: confirmed[\s\S]*-r 10\.0\.1\.21:8080/)
    // What the second bundle brings is there, then taken back, and stays away after the restart.
    assert.match(second, /apply: applied[\s\S]*rollback: rolled back/)
    assert.match(third, /check: no difference/)
    assert.match(third, /^[-+] real .*10\.0\.1\.22:8080/m)
    assert.not.match(third.split('--\n').at(-1) as string, /10\.0\.1\.22/)
    assert.match(first, /signed by ops@example\.com/)
  } finally {
    machine.remove()
  }
})

test.run()
