import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Plan } from '../../src/index.ts'
import { inScope } from '../../src/plan/scope.ts'
import { ROOT } from '../support/shared.ts'

/** Commands about what a node holds, with listings that were carried off one. */

const CLI = `${ROOT}dist/cli.js`
const input = (name: string): string => `${ROOT}golden/${name}/input.yaml`

interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const ipvsc = (...args: readonly string[]): Outcome =>
  spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', cwd: ROOT })

const test = suite<{ folder: string }>('cli: node')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const RECORDED = `${ROOT}test/conformance/cases/dual-stack`

/** Listings of a node, in the order in which its tools print them. */
function dumpsIn(folder: string): string {
  const dumps = join(folder, 'dumps')
  for (const name of ['ipvsadm-save', 'iptables-save', 'ip6tables-save', 'ip-addr.json'])
    cpSync(join(RECORDED, name), join(dumps, name))
  const sets = readFileSync(join(RECORDED, 'ipset-save'), 'utf8').split('\n')
  const ordered = ['create', 'add'].flatMap((verb) => sets.filter((line) => line.startsWith(`${verb} `)))
  writeFileSync(join(dumps, 'ipset-save'), `${ordered.join('\n')}\n`)
  return dumps
}

const compileRecorded = (): string[] => [
  '--node',
  JSON.parse(readFileSync(join(RECORDED, 'case.json'), 'utf8')).node,
  '--config',
  join(RECORDED, 'config.yaml'),
  '--node-addresses',
  join(RECORDED, 'node-addresses.json'),
]

test('a captured node and the plan of its input: no drift, an empty delta', ({ folder }) => {
  const dumps = dumpsIn(folder)
  const plan = join(folder, 'captured.json')
  assert.is(ipvsc('capture', '--from-dumps', dumps, '-o', plan).status, 0)
  const bundle = join(folder, 'bundle')
  assert.is(ipvsc('build', join(RECORDED, 'snapshot.json'), ...compileRecorded(), '-o', bundle).status, 0)
  const drift = ipvsc('drift', bundle, '--from-dumps', dumps)
  assert.is(drift.stdout, '')
  assert.is(drift.status, 0, drift.stderr)
  const operations = JSON.parse(ipvsc('delta', plan, bundle, '--output', 'json').stdout).operations
  // What a listing does not say: settings and modules.
  const kinds = new Set(operations.map(({ kind }: { kind: string }) => kind))
  assert.equal(
    [...kinds].filter((kind) => kind !== 'setSysctl' && kind !== 'loadModule'),
    [],
  )
})

test('listings may have other names, for drift and for delta, too', ({ folder }) => {
  const dumps = dumpsIn(folder)
  for (const name of ['ipvsadm-save', 'ipset-save', 'iptables-save', 'ip6tables-save'])
    renameSync(join(dumps, name), join(dumps, `${name}.txt`))
  const plan = join(folder, 'captured.json')
  assert.is(ipvsc('capture', '--from-dumps', dumps, '-o', plan).status, 0)
  const drift = ipvsc('drift', plan, '--from-dumps', dumps)
  assert.is(drift.status, 0, drift.stdout + drift.stderr)
  assert.equal(JSON.parse(ipvsc('delta', dumps, plan, '--output', 'json').stdout).operations, [])
})

test('apply of inputs with errors is status 1, and no script runs', () => {
  const { status, stderr } = ipvsc('apply', input('refused-addresses'), '--node', 'node-1')
  assert.is(status, 1)
  assert.match(stderr, /error/)
})

/** A bundle, and a shell that takes the place of the node's. */
function withShell(
  folder: string,
  script: string,
): { readonly bundle: string; readonly env: NodeJS.ProcessEnv } {
  const [bundle, programs] = [join(folder, 'bundle'), join(folder, 'programs')]
  assert.is(ipvsc('build', input('cluster-ip'), '--node', 'node-1', '-o', bundle).status, 0)
  mkdirSync(programs)
  writeFileSync(join(programs, 'sh'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return { bundle, env: { ...process.env, PATH: `${programs}:${process.env.PATH}` } }
}

test('apply --verbose shows every step as the script takes it, on standard error', ({ folder }) => {
  const { bundle, env } = withShell(
    folder,
    `case " $* " in *" --verbose "*) echo '{"event":"step","text":"fill sets"}' ;; esac
echo '{"event":"note","text":"a note"}'
echo '{"event":"report","result":"applied","changes":{"setsAdded":2}}'`,
  )
  const said = (...words: string[]) => {
    const run = spawnSync(process.execPath, [CLI, 'apply', bundle, ...words], { encoding: 'utf8', env })
    return { stdout: run.stdout, stderr: run.stderr }
  }
  const stdout = 'applied: 2 sets added\n'
  assert.equal(said('--verbose'), { stdout, stderr: '  fill sets\na note\n' })
  // Where nobody looks, steps are not told.
  assert.equal(said(), { stdout, stderr: 'a note\n' })
  assert.equal(said('--quiet'), { stdout: '', stderr: '' })
})

test('a signal is handed on to the script, and its way back is waited for', async ({ folder }) => {
  const { bundle, env } = withShell(
    folder,
    `trap 'sleep 1; echo "{\\"event\\":\\"report\\",\\"result\\":\\"restored\\"}"; exit 1' TERM
true > '${folder}/started'
while :; do sleep 0.1; done`,
  )
  const child = spawn(process.execPath, [CLI, 'apply', bundle], { stdio: ['ignore', 'pipe', 'inherit'], env })
  let said = ''
  child.stdout.on('data', (data) => {
    said += data
  })
  const closed = once(child, 'close')
  while (!existsSync(join(folder, 'started'))) await new Promise((resolve) => setTimeout(resolve, 50))
  child.kill('SIGTERM')
  const [status, signal] = await closed
  assert.equal({ status, signal, said }, { status: 1, signal: null, said: 'restored: nothing\n' })
})

test('a script that lies in a bundle is never run, and a bundle that was changed is refused', ({
  folder,
}) => {
  const { bundle, env } = withShell(
    folder,
    `printf '%s\\n' "$@" > '${folder}/ran'; cp "$1" '${folder}/script'`,
  )
  const apply = (...words: string[]): Outcome =>
    spawnSync(process.execPath, [CLI, ...words], { encoding: 'utf8', env })
  const shipped = readFileSync(`${ROOT}dist/apply.sh`, 'utf8')
  const sums = readFileSync(join(bundle, 'SHA256SUMS'), 'utf8')
  const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex')
  const evil = `true > '${folder}/hit'\n`

  // Even one that its own checksums vouch for.
  writeFileSync(join(bundle, 'apply.sh'), evil)
  writeFileSync(join(bundle, 'SHA256SUMS'), sums.replace(sumOf(shipped), sumOf(evil)))
  for (const command of ['apply', 'rollback', 'drain', 'cleanup', 'confirm']) {
    assert.is(apply(command, bundle).status, 0)
    assert.is(readFileSync(join(folder, 'script'), 'utf8'), shipped, command)
    const [, said, ...words] = readFileSync(join(folder, 'ran'), 'utf8').trim().split('\n')
    assert.is(said, command)
    assert.not.ok(words.includes(bundle), 'a copy of what was verified')
    rmSync(join(folder, 'ran'))
  }

  const refusals: readonly (readonly [what: string, change: () => void, message: RegExp])[] = [
    [
      'another payload',
      () => writeFileSync(join(bundle, 'ipvs.restore'), '-C\n'),
      /ipvs\.restore is not what SHA256SUMS says/,
    ],
    ['no payload', () => rmSync(join(bundle, 'ipvs.restore')), /ipvs\.restore is missing/],
    ['a FIFO', () => spawnSync('mkfifo', [join(bundle, 'ipvs.restore')]), /is no file of a bundle/],
    [
      'a name that leads out',
      () => writeFileSync(join(bundle, 'SHA256SUMS'), `${sums}${sumOf('')}  ../x\n`),
      /is not that of a bundle/,
    ],
    [
      'too few',
      () => writeFileSync(join(bundle, 'SHA256SUMS'), `${sumOf('')}  plan.json\n`),
      /is not that of a bundle/,
    ],
    ['no checksums', () => rmSync(join(bundle, 'SHA256SUMS')), /is no bundle: it holds no SHA256SUMS/],
  ]
  for (const [what, change, message] of refusals) {
    change()
    for (const command of ['apply', 'rollback', 'drain', 'cleanup', 'confirm']) {
      const { status, stderr } = apply(command, bundle)
      assert.is(status, 4, `${what}: ${stderr}`)
      assert.match(stderr, message)
    }
  }
  assert.not.ok(existsSync(join(folder, 'ran')) || existsSync(join(folder, 'hit')))
})

test('drift names each line that differs, and exits with 3', ({ folder }) => {
  const dumps = dumpsIn(folder)
  const file = join(dumps, 'ipvsadm-save')
  const lines = readFileSync(file, 'utf8').split('\n')
  const victim = lines.find((line) => line.startsWith('-a ')) ?? ''
  writeFileSync(file, lines.filter((line) => line !== victim).join('\n'))
  const { status, stdout } = ipvsc(
    ...['drift', join(RECORDED, 'snapshot.json'), ...compileRecorded(), '--from-dumps', dumps],
    ...['--output', 'json', '--quiet'],
  )
  assert.is(status, 3)
  const words = victim.split(' ')
  const line = `real ${words[1]} ${words[2]} ${words.slice(4).join(' ')}`
  assert.equal(JSON.parse(stdout), {
    version: 1,
    changes: [{ kind: 'realServer', before: [], after: [line] }],
    missing: [line],
    surplus: [],
    foreign: [],
    quarantined: [],
  })
})

test('a foreign rule in a chain of ours is told by drift, capture and delta, and no delta bundle is made of it', ({
  folder,
}) => {
  const dumps = dumpsIn(folder)
  const bundle = join(folder, 'bundle')
  ipvsc('build', join(RECORDED, 'snapshot.json'), ...compileRecorded(), '-o', bundle)
  const file = join(dumps, 'iptables-save')
  const rule = '-d 10.96.0.5/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 6.6.6.6:80'
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(/^-A KUBE-SERVICES /m, `-A KUBE-SERVICES ${rule}\n$&`),
  )
  const line = `rule ipv4 nat KUBE-SERVICES 0001 ${rule}`
  const drift = ipvsc('drift', bundle, '--from-dumps', dumps)
  assert.is(drift.status, 3)
  assert.is(drift.stdout, `! ${line}\n`)
  assert.is(
    drift.stderr,
    '1 that no plan can say (!)\nthe listings do not tell thresholds of real servers and of which kind kube-ipvs0 is\n',
  )
  const json = ipvsc('drift', bundle, '--from-dumps', dumps, '--output', 'json', '--quiet')
  assert.is(json.status, 3)
  assert.equal(JSON.parse(json.stdout), {
    version: 1,
    changes: [],
    missing: [],
    surplus: [],
    foreign: [line],
    quarantined: [],
  })
  const capture = ipvsc('capture', '--from-dumps', dumps, '--quiet', '-o', join(folder, 'captured.json'))
  assert.is(capture.status, 3)
  assert.ok(capture.stderr.includes(line), capture.stderr)
  const delta = ipvsc('delta', dumps, bundle)
  assert.is(delta.status, 3)
  assert.ok(delta.stderr.includes(line), delta.stderr)
  const target = join(folder, 'delta')
  const refused = ipvsc('delta', dumps, bundle, '-o', target)
  assert.is(refused.status, 4)
  assert.not.ok(existsSync(target))
})

test('one inserted rule is one line of drift, behind foreign ones at its own place', ({ folder }) => {
  const dumps = dumpsIn(folder)
  const bundle = join(folder, 'bundle')
  ipvsc('build', join(RECORDED, 'snapshot.json'), ...compileRecorded(), '-o', bundle)
  const file = join(dumps, 'iptables-save')
  const listing = readFileSync(file, 'utf8')
  const inserted = (rules: string): string => {
    writeFileSync(file, listing.replace(/^-A KUBE-SERVICES /m, `${rules}$&`))
    return ipvsc('drift', bundle, '--from-dumps', dumps, '--quiet').stdout
  }
  const known = '-s 192.0.2.0/24 -j RETURN'
  assert.is(inserted(`-A KUBE-SERVICES ${known}\n`), `- rule ipv4 nat KUBE-SERVICES 0001 ${known}\n`)
  assert.is(
    inserted(`-A KUBE-SERVICES -m socket -j ACCEPT\n-A KUBE-SERVICES ${known}\n`),
    `! rule ipv4 nat KUBE-SERVICES 0001 -m socket -j ACCEPT\n- rule ipv4 nat KUBE-SERVICES 0002 ${known}\n`,
  )
})

test('a node without a dummy interface lacks it', ({ folder }) => {
  const dumps = dumpsIn(folder)
  writeFileSync(join(dumps, 'ip-addr.json'), '[]')
  const { status, stdout } = ipvsc('drift', dumpsIn(join(folder, 'whole')), '--from-dumps', dumps, '--quiet')
  assert.is(status, 3)
  assert.match(stdout, /^\+ link kube-ipvs0$/m)
})

test('what a listing holds reaches a terminal without its control characters', ({ folder }) => {
  const dumps = dumpsIn(folder)
  const file = join(dumps, 'iptables-save')
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(
      /^-A KUBE-SERVICES /m,
      '-A KUBE-SERVICES -m socket -m comment --comment "\u001b[2J\u202e\u009b" -j ACCEPT\n$&',
    ),
  )
  const { stdout, stderr } = ipvsc('drift', dumps, '--from-dumps', dumps)
  const capture = ipvsc('capture', '--from-dumps', dumps, '-o', join(folder, 'plan.json'))
  assert.not.match(stdout + stderr + capture.stderr, /[\u001b\u202e\u009b]/)
  assert.match(stdout, /\\u001b\[2J\\u202e\\u009b/)
})

test('drift does not speak of what is not the bundle’s: excluded virtual servers, another family', ({
  folder,
}) => {
  const dumps = dumpsIn(folder)
  const bundle = join(folder, 'bundle')
  ipvsc('build', join(RECORDED, 'snapshot.json'), ...compileRecorded(), '-o', bundle)
  const whole = JSON.parse(readFileSync(join(bundle, 'plan.json'), 'utf8')) as Plan
  const plan = join(folder, 'plan.json')
  const surplus = (wanted: Plan): string[] => {
    writeFileSync(plan, JSON.stringify(wanted))
    const { stdout } = ipvsc('drift', plan, '--from-dumps', dumps, '--output', 'json', '--quiet')
    return JSON.parse(stdout).surplus
  }
  const file = join(dumps, 'ipvsadm-save')
  writeFileSync(file, `${readFileSync(file, 'utf8')}-A -t 192.0.2.7:80 -s wlc\n`)
  assert.equal(surplus(whole), ['virtual -t 192.0.2.7:80 -s wlc'])
  assert.equal(surplus({ ...whole, excludeCIDRs: ['192.0.2.0/24'] }), [])
  assert.equal(surplus({ ...inScope(whole, { ...whole, families: ['ipv6'] }), families: ['ipv6'] }), [])
})

test('a live capture asks ipvsadm again until its longest list comes again', ({ folder }) => {
  const dumps = dumpsIn(folder)
  const whole = readFileSync(join(dumps, 'ipvsadm-save'), 'utf8')
  const [first = '', ...others] = whole.split(/^(?=-A )/m)
  const programs = join(folder, 'programs')
  mkdirSync(programs)
  const program = (name: string, script: string): void =>
    writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  for (const name of ['iptables-save', 'ip6tables-save']) program(name, `cat '${dumps}/${name}'`)
  program('ipset', `cat '${dumps}/ipset-save'`)
  program('ip', `cat '${dumps}/ip-addr.json'`)
  program(
    'ipvsadm',
    `case " $* " in *" -L "*) exit 0 ;; esac
count=$(cat '${folder}/count' 2> /dev/null || echo 0); echo $((count + 1)) > '${folder}/count'
if [ -e '${folder}/list-'$count ]; then cat '${folder}/list-'$count; else cat '${dumps}/ipvsadm-save'; fi`,
  )
  for (const [index, listing] of [others.join(''), whole + first, others.join('')].entries())
    writeFileSync(join(folder, `list-${index}`), listing)
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'capture'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${programs}:${process.env.PATH}` },
  })
  assert.is(status, 0, stderr)
  assert.is(stdout, ipvsc('capture', '--from-dumps', dumps).stdout)
  assert.is(readFileSync(join(folder, 'count'), 'utf8'), '4\n')
})

test('delta prints payloads, and makes a bundle that names its start', ({ folder }) => {
  const first = join(folder, 'first')
  assert.is(ipvsc('build', input('cluster-ip'), '--node', 'node-1', '-o', first).status, 0)
  const printed = ipvsc('delta', first, input('session-affinity'), '--node', 'node-1')
  assert.is(printed.status, 0, printed.stderr)
  assert.match(printed.stdout, /^# 03-ipset\.restore\nadd KUBE-CLUSTER-IP /)
  assert.match(printed.stderr, /\d+ operations: /)
  const target = join(folder, 'delta')
  assert.is(ipvsc('delta', first, input('session-affinity'), '--node', 'node-1', '-o', target).status, 0)
  const manifest = JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8'))
  assert.is(manifest.node, 'node-1')
  assert.match(manifest.delta.from, /^[0-9a-f]{64}$/)
  assert.ok(existsSync(join(target, 'delta', '06-ipvs.restore')))
  const same = ipvsc('delta', first, first)
  assert.is(same.stdout, '')
  assert.match(same.stderr, /the two states are equal/)
})

test('a state that cannot be read is told in one line; status 1 where it was read and has errors', ({
  folder,
}) => {
  const plan = join(folder, 'plan.json')
  writeFileSync(plan, '{"version":1,"families":["ipv4"],"virtualServers":7}')
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['delta', plan, plan], /is not a plan: /],
    [['delta', input('cluster-ip'), plan], /say for which node: --node NAME/],
    [['capture', '--from-dumps', folder], /holds neither iptables-save nor ip6tables-save|holds no /],
    [['capture', '--from-dumps', join(folder, 'absent')], /cannot read /],
    [
      ['build', input('cluster-ip'), '--node', 'node-1', '--emit', 'ipvs', '--node-facts', plan],
      /--node-facts .*apply\.sh facts/,
    ],
  ]
  for (const [words, message] of cases) {
    const { status, stderr } = ipvsc(...words)
    assert.is(status, words[1] === plan ? 1 : 2, words.join(' '))
    assert.match(stderr, message)
    assert.is(stderr.trim().split('\n').length, 1, stderr)
  }
})

const FACTS = {
  version: 1,
  hostname: 'node-1',
  kernel: '4.19.0',
  cores: 2,
  interfaces: [{ interface: 'eth0', address: '192.168.0.77/24' }],
  tools: { ipvsadm: 'v1.31', ipset: null, iptables: 'v1.8', ip: 'x', sysctl: 'x', modprobe: 'x' },
  iptables: 'nft',
  modules: ['ip_vs', 'nf_conntrack'],
  schedulers: ['rr'],
  settings: { 'net.ipv6.conf.all.forwarding': 0 },
}

test('facts of a node decide its settings, and what it cannot do is told at compile time', ({ folder }) => {
  const facts = join(folder, 'facts.json')
  const build = (content: object, name = 'cluster-ip'): Outcome => {
    writeFileSync(facts, JSON.stringify(content))
    return ipvsc(...['build', input(name), '--node', 'node-1', '--emit', 'sysctl', '--node-facts', facts])
  }
  const old = build(FACTS)
  assert.is(old.status, 0, old.stderr)
  assert.match(old.stdout, /^net\.ipv4\.vs\.conn_reuse_mode = 0$/m)
  assert.match(old.stdout, /^net\.netfilter\.nf_conntrack_max = 131072$/m)
  assert.match(old.stderr, /FACTS_TOOL_MISSING: The node lacks ipset/)
  assert.match(old.stderr, /FACTS_SETTING: net\.ipv6\.conf\.all\.forwarding/)
  assert.match(build({ ...FACTS, cores: 8 }).stdout, /^net\.netfilter\.nf_conntrack_max = 262144$/m)
  const without = build({ ...FACTS, schedulers: ['wrr'] })
  assert.is(without.status, 1)
  assert.match(without.stderr, /FACTS_MODULE_MISSING/)
  const taken = build({ ...FACTS, interfaces: [{ interface: 'eth1', address: '172.30.0.41/16' }] })
  assert.is(taken.status, 1)
  assert.match(taken.stderr, /FACTS_ADDRESS_TAKEN[\s\S]*172\.30\.0\.41\/16 on eth1/)
})

test('facts prints one document that build takes', ({ folder }) => {
  const facts = join(folder, 'facts.json')
  const { status, stderr } = ipvsc('facts', '-o', facts)
  assert.is(status, 0, stderr)
  const built = ipvsc(
    'build',
    input('cluster-ip'),
    '--node',
    'node-1',
    '--emit',
    'ipvs',
    '--node-facts',
    facts,
  )
  assert.not.match(built.stderr, /--node-facts/)
})

test.run()
