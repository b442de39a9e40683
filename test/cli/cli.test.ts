import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EXIT, EXIT_HELP } from '../../src/host/exit.ts'
import { ROOT } from '../support/shared.ts'

const CLI = `${ROOT}dist/cli.js`
const CASE = `${ROOT}golden/cluster-ip`
const INPUT = `${CASE}/input.yaml`

interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const ipvsc = (args: readonly string[], input = ''): Outcome =>
  spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', input, cwd: ROOT })

const test = suite<{ folder: string }>('cli')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

test('build writes a bundle whose checksums hold and whose fingerprint is that of plan.json', ({
  folder,
}) => {
  const target = join(folder, 'deep', 'bundle')
  const { status, stdout, stderr } = ipvsc(['build', INPUT, '--node', 'node-1', '-o', target])
  assert.is(status, 0, stderr)
  assert.is(stdout, '')
  assert.match(stderr, /1 service, 1 service port, 1 virtual server, 2 real servers/)
  const sha256 = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(target, name)))
      .digest('hex')
  const manifest = JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8'))
  assert.is(manifest.fingerprint, sha256('plan.json'))
  assert.is(manifest.node, 'node-1')
  for (const file of manifest.files) assert.is(file.sha256, sha256(file.name), file.name)
  assert.equal(
    [...manifest.files.map(({ name }: { name: string }) => name), 'manifest.json', 'SHA256SUMS'].sort(),
    readdirSync(target).sort(),
  )
})

test('--emit prints one payload and nothing else to standard output', () => {
  for (const [part, file] of [
    ['ipvs', 'ipvs.restore'],
    ['ipset', 'ipset.restore'],
    ['iptables', 'iptables.restore'],
    ['ip6tables', 'ip6tables.restore'],
    ['ip', 'ip.batch'],
    ['plan', 'plan.json'],
  ] as const) {
    const { status, stdout } = ipvsc(['build', INPUT, '--node', 'node-1', '--emit', part])
    assert.is(status, 0)
    assert.is(stdout, readFileSync(`${CASE}/expected/${file}`, 'utf8'), part)
  }
})

test('standard input is read as -', () => {
  const { status, stdout } = ipvsc(
    ['build', '-', '--node', 'node-1', '--emit', 'ipvs'],
    readFileSync(INPUT, 'utf8'),
  )
  assert.is(status, 0)
  assert.match(stdout, /^-A -t 172\.30\.0\.41:80 -s rr\n/)
})

test('a directory is read with all below it, and other files are passed over', ({ folder }) => {
  writeFileSync(join(folder, 'all.yml'), readFileSync(INPUT))
  writeFileSync(join(folder, 'notes.txt'), 'not for us')
  const { status, stderr } = ipvsc(['build', folder, '--node', 'node-1', '--emit', 'ipvs'])
  assert.is(status, 0)
  assert.match(stderr, /1 other file passed over/)
})

test('exit status 1: the input has errors, all are reported, nothing is written', ({ folder }) => {
  const target = join(folder, 'bundle')
  const { status, stdout, stderr } = ipvsc([
    'build',
    `${ROOT}golden/refused-addresses/input.yaml`,
    '--node',
    'node-1',
    '-o',
    target,
  ])
  assert.is(status, 1)
  assert.is(stdout, '')
  assert.is(stderr.match(/error ADDRESS_/g)?.length, 4)
  assert.match(stderr, /input\.yaml:13:17: error ADDRESS_INVALID/)
  assert.equal(readdirSync(folder), [])
})

test('exit status 2: wrong usage, named on standard error', ({ folder }) => {
  const file = join(folder, 'file')
  writeFileSync(file, 'x')
  const rows: [string[], RegExp][] = [
    [[], /Usage/],
    [['build'], /missing required argument/],
    [['build', INPUT], /--node NAME, or --all-nodes/],
    [['build', INPUT, '--node', 'node-1'], /--out-dir DIR, or --emit/],
    [['build', INPUT, '--node', 'a', '--emit', 'nothing'], /choices/],
    [['build', INPUT, '--node', 'a', '--all-nodes', '-o', folder], /exclude each other/],
    [['build', `${folder}/absent`, '--node', 'a', '--emit', 'ipvs'], /no such file/],
    [
      ['build', INPUT, '--node', 'node-1', '--emit', 'ipvs', '--node-ip', 'localhost'],
      /is not an IP address/,
    ],
    [['build', INPUT, '--node', 'node-1', '--emit', 'ipvs', '--node-addresses', INPUT], /ip -j addr/],
    [['build', INPUT, '--node', 'node-1', '--emit', 'ipvs', '--family', 'ipx'], /neither ipv4 nor ipv6/],
    [['build', '-', '-', '--node', 'node-1', '--emit', 'ipvs', '--config', '-'], /only once/],
    [['schema', 'nothing'], /choices/],
    [['nonsense'], /unknown command/],
  ]
  for (const [args, message] of rows) {
    const { status, stderr } = ipvsc(args)
    assert.is(status, 2, `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, message)
  }
})

test('--output json gives problems as data, on the stream that carries no payload', () => {
  const refused = ipvsc(['check', `${ROOT}golden/refused-conflict/input.yaml`, '--output', 'json'])
  assert.is(refused.status, 1)
  const report = JSON.parse(refused.stdout)
  const problem = report.diagnostics.find(({ severity }: { severity: string }) => severity === 'error')
  assert.is(report.ok, false)
  assert.is(problem.code, 'ADDRESS_DUPLICATE')
  assert.is(problem.path, 'spec.externalIPs[0]')
  assert.equal(problem.position, { line: 40, column: 17 })
  assert.equal(problem.related[0].position, { line: 13, column: 17 })
  const emitted = ipvsc(['build', INPUT, '--node', 'node-1', '--emit', 'ip', '--output', 'json'])
  assert.match(emitted.stdout, /^link add/)
  assert.is(JSON.parse(emitted.stderr).ok, true)
})

test('--quarantine leaves an object out alone, loudly, and names it in the manifest', ({ folder }) => {
  const target = join(folder, 'bundle')
  const { status, stderr } = ipvsc([
    'build',
    `${ROOT}golden/quarantine/input.yaml`,
    '--node',
    'node-1',
    '-o',
    target,
    '--quarantine',
  ])
  assert.is(status, 0)
  assert.match(stderr, /warning ADDRESS_INVALID: Service default\/web2: spec\.clusterIP: Left out/)
  const manifest = JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8'))
  assert.equal(manifest.quarantined, [
    { kind: 'Service', namespace: 'default', name: 'web2', codes: ['ADDRESS_INVALID'] },
  ])
  assert.is(manifest.counts.virtualServers, 1)
})

test('a text that cannot be parsed is no object and is never put in quarantine', () => {
  const { status } = ipvsc(
    ['build', '-', '--node', 'n', '--emit', 'ipvs', '--quarantine'],
    '{"kind": "List", "items": [',
  )
  assert.is(status, 1)
})

test('--all-nodes writes a bundle for each node', ({ folder }) => {
  const target = join(folder, 'bundles')
  const { status } = ipvsc([
    'build',
    `${ROOT}test/conformance/cases/small-node1/snapshot.json`,
    '--all-nodes',
    '-o',
    target,
  ])
  assert.is(status, 0)
  assert.equal(readdirSync(target).sort(), ['node1', 'node2'])
  const nodeOf = (name: string) => JSON.parse(readFileSync(join(target, name, 'manifest.json'), 'utf8')).node
  assert.equal(['node1', 'node2'].map(nodeOf), ['node1', 'node2'])
})

test('an older bundle is replaced, another folder is not', ({ folder }) => {
  const target = join(folder, 'bundle')
  const build = (...more: string[]) =>
    ipvsc(['build', INPUT, '--node', 'node-1', '-o', target, ...more]).status
  assert.is(build(), 0)
  assert.is(build('--family', 'ipv4'), 0)
  assert.not.ok(readdirSync(target).includes('ip6tables.restore'))
  writeFileSync(join(target, 'mine.txt'), 'precious')
  assert.is(build(), 4)
  assert.ok(readdirSync(target).includes('mine.txt'))
  assert.is(build('--force'), 0)
  assert.ok(readdirSync(target).includes('mine.txt'))
  assert.ok(readdirSync(target).includes('ip6tables.restore'))
})

test('a template laid over the shipped one is used, and one that changes the rules is refused', ({
  folder,
}) => {
  const build = () => ipvsc(['build', INPUT, '--node', 'node-1', '--emit', 'modules', '--templates', folder])
  writeFileSync(
    join(folder, 'modules.conf.hbs'),
    '# for node pool A\n{{#each modules}}\n{{name}}\n{{/each}}\n',
  )
  assert.is(build().stdout, '# for node pool A\nip_vs\nip_vs_rr\nnf_conntrack\n')
  assert.match(
    build().stderr,
    /^templates: modules\.conf\.hbs \(sha256 [0-9a-f]{12}\) instead of the shipped$/m,
  )
  writeFileSync(join(folder, 'modules.conf.hbs'), '{{#each modules}}\n{{name}}\n{{/each}}\nnfs\n')
  assert.match(build().stderr, /modules\.conf does not read back as the plan says/)
  assert.is(build().status, 1)
  writeFileSync(join(folder, 'modules.conf.hbs'), '{{#each modules}}{{nmae}}{{/each}}')
  assert.match(build().stderr, /modules\.conf\.hbs: .*nmae/)
  writeFileSync(join(folder, 'apply.sh.hbs'), '#!/bin/sh\n')
  assert.match(build().stderr, /template apply\.sh\.hbs: no payload is made from it/)
})

test('every command has help with examples and the exit status', () => {
  const commands = [...(ipvsc(['--help']).stdout.match(/^ {2}[a-z]+(?= )/gm) ?? [])].map((name) => [
    name.trim(),
  ])
  assert.ok(commands.length > 10)
  for (const command of [[], ...commands.filter(([name]) => name !== 'help')]) {
    const { status, stdout } = ipvsc([...command, '--help'])
    assert.is(status, 0)
    assert.ok(stdout.includes(EXIT_HELP), command.join())
    if (['build', 'check', 'snapshot', 'schema', 'delta', 'apply'].includes(command.join()))
      assert.match(stdout, /Examples:\n {2}\$ /)
  }
})

test('the table of exit statuses has a row for each, and help and README say the same', () => {
  const rows = readFileSync(`${ROOT}docs/exit-status.md`, 'utf8').match(/^\| \d/gm)
  const statuses = Object.values(EXIT).map(String)
  assert.equal(
    rows?.map((row) => row.slice(2)),
    statuses,
  )
  for (const text of [EXIT_HELP, readFileSync(`${ROOT}README.md`, 'utf8').split('Exit status, of')[1] ?? ''])
    for (const status of statuses)
      assert.match(text.slice(0, 600), new RegExp(`(\\*\\*|[ \\n])${status}(\\*\\*)? `))
})

test('--version is that of the package', () => {
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'))
  assert.is(ipvsc(['--version']).stdout, `${version}\n`)
})

test('schema prints the schema that is shipped', () => {
  const printed = JSON.parse(ipvsc(['schema', 'plan']).stdout)
  assert.equal(printed, JSON.parse(readFileSync(`${ROOT}schemas/plan.schema.json`, 'utf8')))
})

test('fields of the configuration without effect are listed, unknown ones are errors', ({ folder }) => {
  const config = join(folder, 'config.yaml')
  const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\n'
  writeFileSync(config, `${head}healthzBindAddress: 0.0.0.0:10256\niptables: {syncPeriod: 30s}\n`)
  const listed = ipvsc(['build', INPUT, '--node', 'node-1', '--emit', 'ip', '--config', config])
  assert.is(listed.status, 0)
  assert.match(listed.stderr, /without effect on these rules: healthzBindAddress, iptables\.syncPeriod/)
  writeFileSync(config, `${head}helthzBindAddress: x\n`)
  const refused = ipvsc(['build', INPUT, '--node', 'node-1', '--emit', 'ip', '--config', config])
  assert.is(refused.status, 1)
  assert.match(
    refused.stderr,
    /config\.yaml:4:\d+: error SCHEMA: .*helthzBindAddress: There is no such field/,
  )
})

test('a code frame is drawn on a terminal, without colour under NO_COLOR', () => {
  const shell = `${process.execPath} ${CLI} check ${ROOT}golden/refused-addresses/input.yaml`
  const onTerminal = (env: Record<string, string>): string =>
    spawnSync('script', ['-qec', shell, '/dev/null'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH ?? '', TERM: 'xterm', ...env },
    }).stdout
  const plain = onTerminal({ NO_COLOR: '1' })
  assert.match(plain, /> 13 \| {3}externalIPs: \["010\.0\.0\.1", "127\.0\.0\.1"\]\r?\n {9}\| {17}\^/)
  assert.not.match(plain, /\u001b\[3\dm/)
  assert.match(onTerminal({}), /\u001b\[31merror ADDRESS_INVALID/)
})

test('what a user typed does not steer the terminal', () => {
  const text = 'kind: Service\napiVersion: v1\nmetadata: {name: "a\\u001b[31mb"}\n'
  const { stderr } = ipvsc(['check', '-'], text)
  assert.not.match(stderr, /\u001b/)
  assert.match(stderr, /error SCHEMA/)
})

test('a closed pipe is no failure', () => {
  const command = `${process.execPath} ${CLI} build ${ROOT}test/conformance/cases/small-node1/snapshot.json --node node1 --emit plan -q | head -1`
  assert.is(execFileSync('sh', ['-c', command], { encoding: 'utf8' }), '{\n')
})

test.run()
