import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { VERSION } from '../../src/version.ts'
import { ROOT } from '../support/shared.ts'

/** What npm would publish, installed into an empty folder, as its users have it. */
const test = suite<{ folder: string; files: string[] }>('package')

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

test.before((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-package-'))
  const [packed] = JSON.parse(
    run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', context.folder], ROOT),
  )
  context.files = packed.files.map(({ path }: { path: string }) => path)
  writeFileSync(join(context.folder, 'package.json'), '{"private": true, "type": "module"}\n')
  run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--prefer-offline', join(context.folder, packed.filename)],
    context.folder,
  )
})
test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }))

test('holds what its users need and nothing else', ({ files }) => {
  const rooms = new Set(files.map((file) => file.split('/')[0]))
  assert.equal([...rooms].sort(), [
    'LICENSE',
    'README.md',
    'dist',
    'integrations',
    'package.json',
    'schemas',
    'templates',
  ])
  for (const file of ['dist/cli.js', 'dist/index.js', 'dist/types/index.d.ts'])
    assert.ok(files.includes(file), file)
})

test('its command runs', ({ folder }) => {
  const input = `${ROOT}examples/walk-through/cluster.yaml`
  const output = run(
    join(folder, 'node_modules/.bin/ipvsc'),
    ['build', input, '--node', 'node-1', '--emit', 'ipvs'],
    folder,
  )
  assert.match(output, /^-A -t 10\.100\.100\.100:8080 -s rr\n/)
  assert.is(run(join(folder, 'node_modules/.bin/kubectl-ipvsc'), ['--version'], folder), `${VERSION}\n`)
})

test('its library is typed and compiles without the file system', ({ folder }) => {
  writeFileSync(
    join(folder, 'use.ts'),
    `import { type CompileResult, compile, emit, read } from 'ipvsc'

const { cluster } = await read([{ name: 'cluster.yaml', text: process.argv[2] as string }])
const { plan }: CompileResult = compile(cluster, { node: 'node-1' })
if (plan !== null) process.stdout.write(emit(plan).get('ip.batch') ?? '')
// @ts-expect-error a node's name is needed
compile(cluster, {})
`,
  )
  const bin = (name: string) => `${ROOT}node_modules/.bin/${name}`
  const types = ['--typeRoots', `${ROOT}node_modules/@types`, '--types', 'node']
  const options = [
    '--strict',
    '--skipLibCheck',
    'false',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--outDir',
    folder,
  ]
  run(bin('tsc'), ['use.ts', ...options, ...types], folder)
  const text = readFileSync(`${ROOT}examples/walk-through/cluster.yaml`, 'utf8')
  assert.is(
    run(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        readFileSync(join(folder, 'use.js'), 'utf8')
          .replace('process.argv[2]', JSON.stringify(text))
          .replace('compile(cluster, {});', ''),
      ],
      folder,
    ),
    'link add name kube-ipvs0 type dummy\naddr add 10.100.100.100/32 dev kube-ipvs0\n',
  )
})

test('its schemas can be imported by name', ({ folder }) => {
  const code = "import s from 'ipvsc/schemas/plan.schema.json' with { type: 'json' }; console.log(s.title)"
  assert.is(
    run(process.execPath, ['--no-warnings', '--input-type=module', '-e', code], folder),
    'ipvsc plan\n',
  )
})

test.run()
