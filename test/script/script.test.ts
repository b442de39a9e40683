import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import { quoteWord } from '../../src/emit/script.ts'
import { emit, formatPlan, type Plan, stateFingerprint, stateLines } from '../../src/index.ts'
import { goldenNames, loadCase, runCase } from '../golden/cases.ts'

/** The script of a bundle, as far as it can be tried without a kernel that has IPVS. */

const test = suite('script')

const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0

async function planOf(name: string): Promise<Plan> {
  const { plan } = await runCase(await loadCase(name))
  return plan as Plan
}

/** Runs a use of a bundle that is written into a folder. */
async function withBundle<T>(
  plan: Plan,
  use: (folder: string) => T,
  { node = 'node-1', from = null as Plan | null } = {},
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-script-'))
  try {
    for (const [name, bytes] of bundleOf(node, plan, { from }).files)
      if (!name.includes('/')) writeFileSync(join(folder, name), bytes)
    return use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (has('shellcheck'))
  test('shellcheck has nothing to say', async () => {
    for (const name of ['cluster-small-node1', 'node-settings', 'family-ipv4-only'])
      await withBundle(await planOf(name), (folder) => {
        const { status, stdout } = spawnSync('shellcheck', ['-s', 'sh', join(folder, 'apply.sh')], {
          encoding: 'utf8',
        })
        assert.is(stdout, '')
        assert.is(status, 0)
      })
  })
else test.skip('shellcheck is not installed')

for (const shell of ['dash', 'busybox ash', 'bash --posix'])
  if (has(shell.split(' ')[0] as string))
    test(`${shell} reads it, and it explains itself`, async () => {
      await withBundle(await planOf('dual-stack'), (folder) => {
        const run = (words: string) =>
          spawnSync('sh', ['-c', `${shell} '${folder}/apply.sh' ${words}`], { encoding: 'utf8' })
        const help = run('help')
        assert.is(help.status, 0)
        assert.match(help.stdout, /Exit status: 0 done/)
        for (const words of ['--nonsense', 'apply extra', '--wait', '--wait soon', '--iptables both']) {
          const wrong = run(words)
          assert.is(wrong.status, 64, words)
          assert.match(wrong.stderr, /^apply\.sh: /, words)
        }
      })
    })
  else test.skip(`${shell} is not installed`)

test('whatever a node is called, the script takes it as a word', async () => {
  const node = `it's "$(touch /tmp/ipvsc-must-not-exist)" \`id\` \\`
  await withBundle(
    await planOf('cluster-ip'),
    (folder) => {
      const { stdout } = spawnSync('sh', [join(folder, 'apply.sh'), 'help'], { encoding: 'utf8' })
      assert.ok(stdout.includes(node), stdout.slice(0, 200))
    },
    { node },
  )
  assert.is(quoteWord("a'b"), `'a'\\''b'`)
})

/** The functions of the script, without its command line. */
const functionsOf = (folder: string): string =>
  `sed '/^# --- the command line/,$d' '${folder}/apply.sh' > '${folder}/functions'
. '${folder}/functions'; bundle='${folder}' skipped='' work='${folder}'`

test('the script reads from the payloads the state that the plan says', async () => {
  for (const name of goldenNames()) {
    const { plan } = await runCase(await loadCase(name))
    if (plan === null) continue
    await withBundle(plan, (folder) => {
      const script = `${functionsOf(folder)}
state_of_bundle '${folder}/want' && awk '$1 != "sysctl" && $1 != "timeout"' '${folder}/want/state'`
      const { stdout, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
      assert.is(stderr, '', name)
      assert.is(stdout, `${stateLines(plan).join('\n')}\n`, name)
    })
  }
})

test('virtual servers inside excludeCIDRs are not seen, in either family', async () => {
  const plan = await planOf('dual-stack')
  const addresses = plan.virtualServers.map(({ address }) => address)
  const [ipv4 = '', ipv6 = ''] = [
    addresses.find((address) => address.includes('.')),
    addresses.find((address) => address.includes(':')),
  ]
  const seen = (excludeCIDRs: readonly string[]): Promise<string> =>
    withBundle({ ...plan, excludeCIDRs }, (folder) => {
      const script = `${functionsOf(folder)}
state_of_bundle '${folder}/want' && awk '$1 == "virtual"' '${folder}/want/state'`
      return spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout
    })
  const all = await seen([])
  assert.ok(all.includes(ipv4) && all.includes(ipv6))
  assert.not.ok((await seen([`${ipv4}/32`])).includes(ipv4))
  assert.ok((await seen([`${ipv4}/32`])).includes(ipv6))
  assert.not.ok((await seen(['fd00::/8'])).includes(ipv6))
  assert.is(await seen(['192.0.2.0/24', '2001:db8::/32']), all)
  assert.is(await seen(['0.0.0.0/0', '::/0']), '')
})

test('a delta bundle names the state that it starts from, and carries its payloads', async () => {
  const [from, to] = [await planOf('cluster-ip'), await planOf('session-affinity')]
  const { manifest, files } = bundleOf('node-1', to, { from })
  assert.is(manifest.delta?.from, stateFingerprint(from))
  assert.ok((manifest.delta?.operations ?? 0) > 0)
  const script = Buffer.from(files.get('apply.sh') as Uint8Array).toString()
  assert.match(script, new RegExp(`^FROM='${stateFingerprint(from)}'$`, 'm'))
  assert.ok([...files.keys()].some((name) => name.startsWith('delta/')))
  assert.is(Buffer.from(files.get('plan.json') as Uint8Array).toString(), formatPlan(to))
  assert.equal(
    [...emit(to).keys()].filter((name) => !files.has(name)),
    [],
  )
})

test.run()
