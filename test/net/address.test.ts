import { isIP } from 'node:net'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  canonicalAddress,
  compareAddresses,
  formatNetwork,
  halves,
  type Network,
  networkContains,
  parseIPv4,
  parseNetwork,
  specialUse,
} from '../../src/net/address.ts'

test('IPv6 addresses become the text that the kernel tools print', () => {
  const rows: [string, string][] = [
    ['FD00:10:96::1', 'fd00:10:96::1'],
    ['fd00:0:0:0:0:0:0:1', 'fd00::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::', '::'],
    ['1::', '1::'],
  ]
  for (const [text, expected] of rows) assert.is(canonicalAddress(text), expected, text)
})

test('texts that programs read differently are refused', () => {
  for (const text of [
    '010.0.0.1',
    '10.0.0.256',
    '10.0.0',
    '10.0.0.0.1',
    '10.0.0.1 ',
    '0x7f.0.0.1',
    '1',
    '',
    '.',
    '10..0.1',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
    '::a00:1',
    '1::2::3',
    ':::',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '10.0.0.1\n',
    'localhost',
    '[::1]',
  ]) {
    assert.is(canonicalAddress(text), null, JSON.stringify(text))
  }
})

test('whatever is accepted, Node.js calls an address too, and canonical text stays as it is', () => {
  const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.stringMatching(/^[0-9a-f:.]{0,40}$/))
  fc.assert(
    fc.property(text, (address) => {
      const canonical = canonicalAddress(address)
      if (canonical === null) return
      assert.ok(isIP(address) > 0)
      assert.is(canonicalAddress(canonical), canonical)
    }),
  )
})

test('addresses order by number, IPv4 first', () => {
  const sorted = ['9.255.255.255', '10.0.0.2', '10.0.0.10', '192.168.0.1', 'fd00::2', 'fd00::10']
  assert.equal([...sorted].reverse().sort(compareAddresses), sorted)
  assert.is(parseIPv4('255.255.255.255'), 2 ** 32 - 1)
})

test('networks lose their host bits and know what they contain', () => {
  const network = parseNetwork('10.1.2.3/16')
  assert.is(network && formatNetwork(network), '10.1.0.0/16')
  assert.ok(network && networkContains(network, '10.1.255.1'))
  assert.not.ok(network && networkContains(network, '10.2.0.1'))
  assert.not.ok(network && networkContains(network, '::1'))
  for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/08', '::/129', '10.0.0.0/8/8', '10.0.0.0/-1']) {
    assert.is(parseNetwork(text), null, text)
  }
})

test('everything is two halves', () => {
  const text = (all: string) => halves(parseNetwork(all) as Network).map(formatNetwork)
  assert.equal(text('0.0.0.0/0'), ['0.0.0.0/1', '128.0.0.0/1'])
  assert.equal(text('::/0'), ['::/1', '8000::/1'])
})

test('addresses that name no single host have a name of their own', () => {
  assert.is(specialUse('127.9.9.9'), 'loopback')
  assert.is(specialUse('::1'), 'loopback')
  assert.is(specialUse('fe80::1'), 'link-local')
  assert.is(specialUse('224.0.0.1'), 'multicast')
  assert.is(specialUse('0.0.0.0'), 'unspecified')
  assert.is(specialUse('10.0.0.1'), null)
})

test.run()
