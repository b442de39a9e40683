import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatEntry, parseIpsetRestore } from '../../src/index.ts'
import { kernelSetName, SET_DEFINITIONS } from '../../src/kernel/sets.ts'
import { buildSet } from '../../src/plan/sets.ts'
import { where } from '../support/tools.ts'

const entries = (count: number) =>
  Array.from({ length: count }, (_, number) => ({
    address: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`,
    protocol: 'tcp' as const,
    port: 80,
  }))

const sizes = (count: number) => {
  const set = buildSet('S', 'ipv4', 'hash:ip,port', entries(count))
  return set.type === 'bitmap:port' ? [] : [set.hashSize, set.maxElements]
}

test('the size of a set follows its content, in powers of two, 65,536 at least', () => {
  assert.equal(sizes(0), [1024, 65536])
  assert.equal(sizes(2048), [1024, 65536])
  assert.equal(sizes(8192), [4096, 65536])
  assert.equal(sizes(61680), [32768, 65536])
  assert.equal(sizes(65537), [65536, 131072])
  assert.equal(sizes(200000), [131072, 262144])
})

test('a set holds each entry once, in order of number', () => {
  const set = buildSet('S', 'ipv4', 'hash:ip,port', [...entries(300)].reverse().concat(entries(10)))
  assert.is(set.entries.length, 300)
  assert.equal(set.entries[256], entries(300)[256])
})

test('names in the kernel are at most 31 characters, and stay distinct', () => {
  const names = (['ipv4', 'ipv6'] as const).flatMap((family) =>
    SET_DEFINITIONS.map(({ name }) => kernelSetName(name, family)),
  )
  assert.is(new Set(names).size, 34)
  assert.ok(names.every((name) => name.length <= 31))
  assert.is(kernelSetName('KUBE-LOAD-BALANCER-SOURCE-CIDR', 'ipv6'), 'KUBE-6-LOAD-BALANCER-SOURCE-CID')
})

const canLoad = process.getuid?.() === 0 && spawnSync('unshare', ['-n', 'ipset', 'list', '-n']).status === 0

where(canLoad, 'root, unshare and ipset are needed')(
  test,
  'a set of 70,000 entries, which kube-proxy cannot make, loads into a real kernel',
  () => {
    const set = buildSet('S', 'ipv4', 'hash:ip,port', entries(70000))
    assert.is(set.type, 'hash:ip,port')
    if (set.type !== 'hash:ip,port') return
    const create = `create S hash:ip,port family inet hashsize ${set.hashSize} maxelem ${set.maxElements}\n`
    const input = create + set.entries.map((entry) => `add S ${formatEntry(set.type, entry)}\n`).join('')
    const { status, stdout, stderr } = spawnSync(
      'unshare',
      ['-n', 'sh', '-c', 'ipset restore && ipset save'],
      {
        input,
        encoding: 'utf8',
        maxBuffer: 2 ** 26,
      },
    )
    assert.is(status, 0, stderr)
    assert.equal(parseIpsetRestore(stdout).sets[0]?.entries, set.entries)
  },
)

test.run()
