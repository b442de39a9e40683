import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import { formatSigned, isSignedFor, parseSigned, type Signed } from '../../src/bundle/signed.ts'
import { makeArchive } from '../../src/host/archive.ts'
import type { Plan } from '../../src/index.ts'
import { loadCase, runCase } from '../golden/cases.ts'
import { sampled } from '../support/sample.ts'
import { ROOT } from '../support/shared.ts'
import { has, needs, where } from '../support/tools.ts'

/** Bundles that a node takes or refuses by their signatures, and archives, as far as that needs no IPVS. */

interface Context {
  folder: string
  plan: Plan
  other: Plan
}

const test = suite<Context>('signed')

test.before(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-signed-'))
  const planOf = async (name: string) => (await runCase(await loadCase(name))).plan as Plan
  context.plan = await planOf('cluster-ip')
  context.other = await planOf('load-balancer')
  if (!has('ssh-keygen')) return
  mkdirSync(join(context.folder, 'config'), { mode: 0o755 })
  for (const name of ['alice', 'mallory'])
    run(`ssh-keygen -q -t ed25519 -N '' -C ${name} -f '${context.folder}/${name}'`)
  run(
    `printf 'alice@example.com,alice %s\\n' "$(cat '${context.folder}/alice.pub')" > '${context.folder}/config/allowed_signers'`,
  )
})
test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const run = (script: string) =>
  spawnSync('sh', ['-c', script], { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } })
const ipvsc = (...words: string[]) =>
  spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...words], {
    encoding: 'utf8',
    env: { ...process.env, FORCE_COLOR: '' },
  })

let count = 0
function writeBundle({ folder, plan }: Context, { node = 'node-1', of = plan } = {}): string {
  const path = join(folder, `bundle-${count++}`)
  for (const [name, bytes] of bundleOf(node, of).files) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), bytes)
  }
  return path
}

function sign(context: Context, bundle: string, ...words: string[]): string {
  const { status, stderr } = ipvsc('sign', bundle, '--key', join(context.folder, 'alice'), ...words)
  assert.is(status, 0, stderr)
  return bundle
}

/** What the functions of the script say that a node reads first of a bundle: whether it takes it. */
function take(context: Context, bundle: string, settings = ''): { status: number | null; said: string } {
  const script = `sed '/^# --- the command line/,$d' '${ROOT}dist/apply.sh' > '${context.folder}/functions'
. '${context.folder}/functions'; set_defaults; trap on_exit EXIT; exec 2>&1
state='${context.folder}/state' config='${context.folder}/config' bundle='${bundle}' dry_run=yes
# Of a folder that is not root's, this would be the first thing to say.
check_folder() { :; }
# A test need not be root.
log_run() { :; }
${settings}
make_work; watch_calls
[ ! -f "$bundle" ] || unpack_archive
copy_bundle; read_configuration "$copy/bundle.conf"; check_signed_node; check_files
echo "taken: $NODE, signed by \${signed_by:-nobody}"; finish 0`
  const { status, stdout } = run(script)
  return { status, said: stdout }
}

const accepted = ({ folder }: Context, text: string): void => {
  mkdirSync(join(folder, 'state'), { recursive: true })
  writeFileSync(join(folder, 'state/accepted'), text)
}

function refused(context: Context, bundle: string, words: RegExp, settings = ''): void {
  const { status, said } = take(context, bundle, settings)
  assert.is(status, 4, said)
  assert.match(said, words)
  assert.not.match(said, /taken:/)
}

function isTaken(context: Context, bundle: string, words: RegExp, settings = ''): void {
  const { status, said } = take(context, bundle, settings)
  assert.is(status, 0, said)
  assert.match(said, words)
}

test('signed.conf is read as it was written, and nothing else is', () => {
  const signed: Signed = {
    sha256sums: 'a'.repeat(64),
    nodes: ['worker-1', 'edge-*'],
    signedAt: '2030-01-31T23:59:59Z',
    expires: '2031-01-01T00:00:00Z',
    serial: 7,
  }
  const text = formatSigned(signed)
  assert.equal(parseSigned(text), signed)
  for (const [from, to] of [
    ['serial 7', 'serial -7'],
    ['serial 7', 'serial 1e3'],
    ['nodes worker-1 edge-*', 'nodes $(id)'],
    ['format 1', 'format 2'],
    ['expires 2031-01-01T00:00:00Z', 'expires tomorrow'],
    ['sha256sums a', 'sha256sums A'],
    ['serial 7\n', 'serial 7\nserial 8\n'],
    ['serial 7\n', 'serial 7\ncolour red\n'],
  ] as const)
    assert.type(parseSigned(text.replace(from, to)), 'string', to)
  assert.equal(
    ['worker-1', 'worker-10', 'edge-', 'edge-7.example', 'xedge-7'].map((node) => isSignedFor(signed, node)),
    [true, false, true, true, false],
  )
})

needs('ssh-keygen')(
  test,
  'a bundle that an allowed signer signed is taken; without a list of signers, anything is, and it is said',
  (context) => {
    const bundle = writeBundle(context)
    refused(context, bundle, /the bundle is not signed/)
    isTaken(
      context,
      bundle,
      /nobody vouches for this bundle[\s\S]*taken: node-1, signed by nobody/,
      'config=/nonexistent',
    )
    sign(context, bundle)
    isTaken(context, bundle, /taken: node-1, signed by alice/)
    const checked = ipvsc(
      'check-signature',
      bundle,
      '--allowed-signers',
      join(context.folder, 'config/allowed_signers'),
    )
    assert.is(checked.status, 0, checked.stderr)
    assert.match(checked.stdout, /signed by alice@example\.com/)
  },
)

needs('ssh-keygen')(test, 'one byte of any file, and the node refuses the bundle', (context) => {
  const bundle = sign(context, writeBundle(context))
  const names = readdirSync(bundle)
  const covered = new Set(
    readFileSync(join(bundle, 'SHA256SUMS'), 'utf8')
      .split('\n')
      .map((line) => line.slice(66)),
  )
  for (const name of names) {
    const path = join(bundle, name)
    const whole = readFileSync(path)
    for (const at of sampled(name, [0, Math.floor(whole.length / 2), whole.length - 1], 1 / 3)) {
      const hurt = Buffer.from(whole)
      hurt[at] = (whole[at] as number) ^ 1
      // White space in the armour of a signature is not part of it.
      if (
        name === 'signed.conf.sig' &&
        /\s/.test(String.fromCharCode(whole[at] as number, hurt[at] as number))
      )
        continue
      writeFileSync(path, hurt)
      const { status, said } = take(context, bundle)
      assert.is(status, 4, `${name} at ${at}: ${said}`)
      // Nothing of a bundle is read before its signature is good.
      assert.match(
        said,
        covered.has(name) ? /damaged or incomplete/ : /signature|signed|SHA256SUMS/,
        `${name} at ${at}`,
      )
    }
    writeFileSync(path, whole)
    if (covered.has(name)) {
      rmSync(path)
      refused(context, bundle, /damaged or incomplete/)
      writeFileSync(path, whole)
    }
  }
  isTaken(context, bundle, /taken/)
})

needs('ssh-keygen')(
  test,
  'files of another bundle, its signature, or one for another purpose are refused',
  (context) => {
    const one = sign(context, writeBundle(context))
    const two = sign(context, writeBundle(context, { of: context.other }))
    const copy = (from: string, to: string, ...names: string[]) => {
      for (const name of names) writeFileSync(join(to, name), readFileSync(join(from, name)))
    }
    const mixed = sign(context, writeBundle(context))
    copy(two, mixed, 'wanted.state')
    refused(context, mixed, /damaged or incomplete: wanted\.state/)
    copy(one, mixed, 'wanted.state')
    copy(two, mixed, 'signed.conf', 'signed.conf.sig')
    refused(context, mixed, /the signature is that of another bundle/)
    copy(one, mixed, 'signed.conf')
    refused(context, mixed, /the signature is not good/)
    for (const [key, namespace, words] of [
      ['alice', 'git', /the signature is not good/],
      ['mallory', 'ipvsc-bundle', /of nobody whom/],
    ] as const) {
      run(
        `cd '${mixed}' && ssh-keygen -q -Y sign -n ${namespace} -f '${context.folder}/${key}' < signed.conf > signed.conf.sig`,
      )
      refused(context, mixed, words)
      const { status } = ipvsc(
        'check-signature',
        mixed,
        '--allowed-signers',
        join(context.folder, 'config/allowed_signers'),
      )
      assert.is(status, 4)
    }
  },
)

needs('ssh-keygen')(
  test,
  'a key that was revoked signs nothing any more, and a list that is named has to be there',
  (context) => {
    const bundle = sign(context, writeBundle(context))
    const config = join(context.folder, 'config')
    writeFileSync(join(config, 'revoked_keys'), readFileSync(join(context.folder, 'alice.pub')))
    refused(context, bundle, /the signature is not good/)
    const { status } = ipvsc(
      'check-signature',
      bundle,
      '--allowed-signers',
      `${config}/allowed_signers`,
      '--revoked-keys',
      `${config}/revoked_keys`,
    )
    assert.is(status, 4)
    writeFileSync(join(config, 'revoked_keys'), '')
    isTaken(context, bundle, /signed by alice/)
    rmSync(join(config, 'revoked_keys'))
    writeFileSync(join(config, 'apply.conf'), '# who no longer may\nrevoked-keys revoked_keys\n')
    refused(context, bundle, /revoked_keys, which is not there/)
    rmSync(join(config, 'apply.conf'))
  },
)

needs('ssh-keygen')(
  test,
  'expired, older than the last, or for another node: refused, and what is said to be meant is taken',
  (context) => {
    const serial = (number: number, ...words: string[]) =>
      sign(context, writeBundle(context), '--serial', String(number), ...words)
    const last = (text = '') => accepted(context, `serial 7\nbundle ${'0'.repeat(64)}\nnode node-1\n${text}`)
    last()
    refused(context, serial(6), /not newer than the last one \(serial 6, the last was 7\): --allow-older/)
    refused(context, serial(7), /not newer/)
    isTaken(context, serial(7), /is taken all the same[\s\S]*taken/, 'allow_older=yes')
    isTaken(context, serial(8), /taken/)
    // The clock was set back: what the node has seen counts.
    const expiring = serial(9, '--expires', '30d')
    isTaken(context, expiring, /taken/)
    last('clock 2999-01-01T00:00:00Z\n')
    refused(context, expiring, /clock of this node says[\s\S]*the bundle has expired/)
    isTaken(context, serial(9), /the later time counts[\s\S]*taken/)
    isTaken(context, expiring, /taken/, 'allow_older=yes')
    last()
    const text = readFileSync(join(expiring, 'signed.conf'), 'utf8')
    writeFileSync(join(expiring, 'signed.conf'), text.replace(/expires .*/, 'expires 2020-01-01T00:00:00Z'))
    run(
      `cd '${expiring}' && ssh-keygen -q -Y sign -n ipvsc-bundle -f '${context.folder}/alice' < signed.conf > signed.conf.sig`,
    )
    refused(context, expiring, /the bundle has expired at 2020-01-01/)
    // A clock that is far behind does not refuse what was signed since.
    isTaken(context, serial(10), /it is behind[\s\S]*taken/, 'date() { echo 2001-01-01T00:00:00Z; }')
    const foreign = sign(context, writeBundle(context, { node: 'node-2' }), '--serial', '11')
    refused(context, foreign, /signed for node-2, not for the node node-1/)
    isTaken(context, foreign, /taken: node-2/, 'other_node=yes')
    isTaken(
      context,
      sign(context, writeBundle(context, { node: 'node-2' }), '--serial', '11', '--nodes', 'node-*'),
      /taken: node-2/,
    )
    assert.is(ipvsc('sign', foreign, '--key', join(context.folder, 'alice'), '--nodes', 'edge-*').status, 2)
    rmSync(join(context.folder, 'state'), { recursive: true })
  },
)

needs('ssh-keygen')(
  test,
  'without ssh-keygen on the node, signed bundles are refused, and it is said',
  (context) => {
    const bundle = sign(context, writeBundle(context))
    refused(
      context,
      bundle,
      /ssh-keygen is not installed/,
      'has() { [ "$1" != ssh-keygen ] && command -v "$1" > /dev/null; }',
    )
  },
)

test('an archive is the same each time, and its node takes its own bundle out of it', (context) => {
  const one = writeBundle(context)
  const two = writeBundle(context, { node: 'node-2', of: context.other })
  const [first, second] = ['a.tar.gz', 'b.tar.gz'].map((name) => join(context.folder, name)) as [
    string,
    string,
  ]
  assert.is(ipvsc('pack', one, two, '-o', first).status, 0)
  assert.is(ipvsc('pack', two, one, '-o', second).status, 0)
  assert.ok(readFileSync(first).equals(readFileSync(second)))
  isTaken(context, first, /taken: node-2/, 'config=/nonexistent wanted_node=node-2')
  refused(context, first, /has bundles for node-1; node-2.*--node says which/, 'config=/nonexistent')
  refused(context, first, /no bundle for node-3/, 'config=/nonexistent wanted_node=node-3')
  assert.is(ipvsc('pack', one, one, '-o', first).status, 2)
})

/** An archive by a small program of Python's tarfile, gzipped: what no ipvsc would make. */
const attacks: Readonly<Record<string, [program: string, words: RegExp]>> = {
  'a link': [
    "i = tarfile.TarInfo('node-1/bundle.conf'); i.type = tarfile.SYMTYPE; i.linkname = '/etc/shadow'; t.addfile(i)",
    /link, a folder or a device/,
  ],
  'a hard link': [
    "add('node-1/a'); i = tarfile.TarInfo('node-1/bundle.conf'); i.type = tarfile.LNKTYPE; i.linkname = 'node-1/a'; t.addfile(i)",
    /link, a folder or a device/,
  ],
  'a device': [
    "i = tarfile.TarInfo('node-1/bundle.conf'); i.type = tarfile.CHRTYPE; i.devmajor = 1; i.devminor = 5; t.addfile(i)",
    /link, a folder or a device/,
  ],
  'a name that leads out': ["add('node-1/../../../etc/passwd')", /name that no bundle has/],
  'a whole path': ["add('/etc/passwd')", /name that no bundle has/],
  'a name with a line break': ["add('node-1/a\\nnode-1/b')", /name that no bundle has/],
  'a name with an option': ["add('--checkpoint-action=exec=id/x')", /name that no bundle has/],
  'a file twice': ["add('node-1/a'); add('node-1/a')", /a file twice/],
  'nothing of a bundle': ["add('node-1/a')", /has no SHA256SUMS|is no bundle/],
}
for (const [what, [program, words]] of Object.entries(attacks))
  needs('python3')(
    test,
    `an archive that holds ${what} is refused, and nothing is written outside of its folder`,
    (context) => {
      const file = join(context.folder, 'attack.tar.gz')
      const script = `import io, tarfile
t = tarfile.open('${file}', 'w:gz')
def add(name):
  i = tarfile.TarInfo(name); i.size = 3; t.addfile(i, io.BytesIO(b'abc'))
${program}
t.close()`
      const made = spawnSync('python3', ['-c', script], { encoding: 'utf8' })
      assert.is(made.status, 0, made.stderr)
      refused(context, file, words, 'config=/nonexistent')
      assert.equal(
        readdirSync(context.folder).filter((name) => name.startsWith('unpacked')),
        [],
      )
    },
  )

test('an archive that is cut off, no archive, too large or without room is refused', async (context) => {
  const file = join(context.folder, 'cut.tar.gz')
  const whole = await makeArchive(new Map([['node-1', bundleOf('node-1', context.plan).files]]))
  const unsigned = 'config=/nonexistent'
  for (const length of [0, 10, Math.floor(whole.length / 2), whole.length - 1]) {
    writeFileSync(file, whole.subarray(0, length))
    refused(context, file, /is cut off or damaged/, unsigned)
  }
  writeFileSync(file, 'no archive at all')
  refused(context, file, /is cut off or damaged/, unsigned)
  writeFileSync(file, whole)
  refused(context, file, /unpacks to more than 4096 bytes/, `${unsigned} MOST_OF_ARCHIVE=4096`)
  refused(context, file, /a file of more than 100 bytes/, `${unsigned} MOST_OF_FILE=100`)
  refused(context, file, /not enough room/, `${unsigned}; df() { printf 'a\\nb 1 1 10 1\\n'; }`)
  isTaken(context, file, /taken: node-1/, unsigned)
})

where(has('systemd-analyze'), 'missing: systemd-analyze')(
  test,
  'systemd has nothing to say against the units',
  ({ folder }) => {
    const units = join(folder, 'units')
    mkdirSync(units)
    const names = readdirSync(`${ROOT}templates/node`).filter((name) => /\.(service|timer)$/.test(name))
    assert.is(names.length, 5)
    // It looks whether what a unit starts is there.
    for (const name of names)
      writeFileSync(
        join(units, name),
        readFileSync(`${ROOT}templates/node/${name}`, 'utf8').replace(
          '/usr/local/sbin/ipvsc-apply',
          '/bin/true',
        ),
      )
    const { status, stderr, stdout } = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', ...names.map((name) => join(units, name))],
      { encoding: 'utf8' },
    )
    assert.is(stderr + stdout, '')
    assert.is(status, 0)
  },
)

test.run()
