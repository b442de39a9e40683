import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import { CONFIGURATION_FORMAT } from '../../src/bundle/configuration.ts'
import { formatService } from '../../src/formats/ipvs.ts'
import { wantedRules } from '../../src/formats/wanted.ts'
import {
  emit,
  formatPlan,
  type Plan,
  stateFingerprint,
  stateLines,
  type VirtualServer,
} from '../../src/index.ts'
import { DUMMY_INTERFACE } from '../../src/kernel/interfaces.ts'
import { SCHEDULERS } from '../../src/kernel/schedulers.ts'
import { goldenNames, loadCase, runCase } from '../golden/cases.ts'
import { ROOT } from '../support/shared.ts'
import { needs } from '../support/tools.ts'

/** The script of a bundle, as far as it can be tried without a kernel that has IPVS. */

const test = suite('script')

async function planOf(name: string): Promise<Plan> {
  const { plan } = await runCase(await loadCase(name))
  return plan as Plan
}

/** Runs a use of a bundle that is written into a folder. */
async function withBundle<T>(
  plan: Plan,
  use: (folder: string) => T | Promise<T>,
  { node = 'node-1', from = null as Plan | null } = {},
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-script-'))
  try {
    for (const [name, bytes] of bundleOf(node, plan, { from }).files)
      if (!name.includes('/')) writeFileSync(join(folder, name), bytes)
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

needs('shellcheck')(test, 'shellcheck has nothing to say, of the parts and of the whole', () => {
  // "a && b || c" is meant as it is, what a subshell sets is its own on purpose, and programs of awk are words.
  const whole = ['-s', 'sh', '-e', 'SC2015,SC2016,SC2030,SC2031', `${ROOT}dist/apply.sh`]
  for (const words of [['-x', `${ROOT}templates/node/apply.sh`], whole]) {
    const { status, stdout } = spawnSync('shellcheck', words, { encoding: 'utf8' })
    assert.is(stdout, '')
    assert.is(status, 0)
  }
})

for (const shell of ['dash', 'busybox ash', 'bash --posix'])
  needs(shell)(test, `${shell} reads it, and it explains itself`, async () => {
    await withBundle(await planOf('dual-stack'), (folder) => {
      const run = (words: string) =>
        spawnSync('sh', ['-c', `${shell} '${folder}/apply.sh' ${words}`], { encoding: 'utf8' })
      const help = run('help')
      assert.is(help.status, 0)
      assert.match(help.stdout, /Exit status: 0 done/)
      for (const words of ['--nonsense', 'apply extra', '--wait', '--wait soon', '--iptables both']) {
        const wrong = run(words)
        assert.is(wrong.status, 2, words)
        assert.match(wrong.stderr, /^apply\.sh: /, words)
      }
    })
  })

test('with its input and its errors closed, the script reads the node all the same', async () => {
  await withBundle(await planOf('cluster-ip'), (folder) => {
    const facts = (closed: string) =>
      spawnSync('sh', ['-c', `sh '${folder}/apply.sh' facts ${closed}`], { encoding: 'utf8' })
    const { stdout, status } = facts('<&- 2>&-')
    assert.is(status, 0)
    assert.equal(JSON.parse(stdout), JSON.parse(facts('').stdout))
    assert.match(stdout, /"interface": "lo"/)
  })
})

test('whatever a node is called, the script takes it as a word', async () => {
  const node = `it's "$(touch /tmp/ipvsc-must-not-exist)" \`id\` \\`
  await withBundle(
    await planOf('cluster-ip'),
    (folder) => {
      const script = `${functionsOf(folder)}; printf '%s' "$NODE"`
      const { stdout, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
      assert.equal({ stdout, stderr }, { stdout: node, stderr: '' })
    },
    { node },
  )
})

for (const shell of ['dash', 'busybox ash', 'bash --posix'])
  needs(shell)(test, `a status with which ${shell} gives up is never one of the script`, async () => {
    const plan = await planOf('cluster-ip')
    await withBundle(plan, (folder) => {
      for (const [touched, expected, word] of [
        ['no', 4, /gave up \(\d+\); nothing was touched/],
        ['yes', 6, /gave up \(\d+\), and the state before is not back/],
      ] as const)
        for (const end of [': "$there_is_no_such_name"', '. /nowhere/at/all', 'exit 2']) {
          const script = `${functionsOf(folder)}; trap on_exit EXIT; touched=${touched}; ${end}`
          writeFileSync(join(folder, 'ending'), script)
          const { status, stderr } = spawnSync('sh', ['-c', `${shell} '${folder}/ending'`], {
            encoding: 'utf8',
          })
          assert.is(status, expected, `${end}: ${stderr}`)
          assert.match(stderr, word)
        }
    })
  })

/** The functions of the script, without its command line. */
const functionsOf = (folder: string): string =>
  `sed '/^# --- the command line/,$d' '${folder}/apply.sh' > '${folder}/functions.'$$
. '${folder}/functions.'$$; trap - EXIT; set_defaults; bundle='${folder}'; copy=$bundle; read_configuration "$bundle/bundle.conf"
use_work '${folder}'; mkdir -p "$work/calls"`

test('what the script wants of a node is the state that the plan says, and the rules in the order of the payloads', async () => {
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
    for (const kind of ['chain', 'rule', 'jump'])
      assert.equal(
        wantedRules(plan).filter((line) => line.startsWith(`${kind} `)),
        rulesOfPayloads(plan).filter((line) => line.startsWith(`${kind} `)),
        name,
      )
  }
})

/** What the payloads of rules say, line by line, in the notation of state. */
function rulesOfPayloads(plan: Plan): string[] {
  const texts = emit(plan)
  return plan.families.flatMap((family) => {
    let table = ''
    const count = new Map<string, number>()
    const text = texts.get(family === 'ipv4' ? 'iptables.restore' : 'ip6tables.restore') as string
    return text.split('\n').flatMap((line) => {
      const [verb = '', chain = ''] = line.split(' ')
      if (verb.startsWith('*')) table = verb.slice(1)
      const at = `${family} ${table} ${chain}`
      if (verb.startsWith(':')) return [`chain ${family} ${table} ${verb.slice(1)}`]
      if (verb === '-I') return [`jump ${family} ${table} ${line.slice(3)}`]
      if (verb !== '-A') return []
      count.set(at, (count.get(at) ?? 0) + 1)
      return [`rule ${at} ${String(count.get(at)).padStart(4, '0')} ${line.slice(4 + chain.length)}`]
    })
  })
}

test('the names of SHA256SUMS are those of a bundle, and none leads out of it', async () => {
  await withBundle(await planOf('cluster-ip'), (folder) => {
    const sum = '0'.repeat(64)
    const sums = readFileSync(join(folder, 'SHA256SUMS'), 'utf8')
    const read = (text: string): number | null => {
      writeFileSync(join(folder, 'SHA256SUMS'), text)
      return spawnSync('sh', ['-c', `${functionsOf(folder)}; read_checksums`], { encoding: 'utf8' }).status
    }
    assert.is(read(sums), 0)
    assert.is(read(`${sums}${sum}  delta/03-ipset.restore\n`), 0)
    for (const name of [
      '../x',
      '/etc/passwd',
      'delta/../x',
      'delta/a/b',
      'other/x',
      '.x',
      '',
      'a b',
      'a;b',
      'plan.json',
    ])
      assert.is(read(`${sums}${sum}  ${name}\n`), 4, name)
    assert.is(read(`${sums}nonsense  x\n`), 4)
    assert.is(read(sums.replace(/.* wanted\.state\n/, '')), 4)
    assert.is(read(''), 4)
  })
})

test('what is acted on is copied once and verified in the copy: a change in between is not loaded', async () => {
  await withBundle(await planOf('cluster-ip'), (folder) => {
    /** Somebody replaces a file of the bundle right before or after it is copied. */
    const run = (before: string, after: string) => {
      const script = `${functionsOf(folder)}
errors='${folder}/errors' work='${folder}/work'; rm -rf "$work"; mkdir -p "$work/calls"; cp '${folder}/kept' '${folder}/wanted.state'
call() { shift; ${before}; "$@"; ${after}; }
copy_bundle; read_configuration "$copy/bundle.conf"; check_files; cat "$copy/wanted.state"`
      return spawnSync('sh', ['-c', script], { encoding: 'utf8' })
    }
    const wanted = readFileSync(join(folder, 'wanted.state'), 'utf8')
    writeFileSync(join(folder, 'kept'), wanted)
    const replace = `echo evil > "$bundle/wanted.state"`
    assert.is(run(':', ':').stdout, wanted)
    assert.is(run(':', replace).status, 4, 'replaced before it was copied')
    const late = run(':', `case $* in *wanted.state*) ${replace} ;; esac`)
    assert.equal({ status: late.status, stdout: late.stdout }, { status: 0, stdout: wanted }, late.stderr)
    const early = run(`case $* in *wanted.state*) ${replace} ;; esac`, ':')
    assert.is(early.status, 4)
    assert.match(early.stderr, /damaged or incomplete: wanted\.state: FAILED/)
  })
})

test('virtual servers of a node inside excludeCIDRs are not seen, in either family, unless the bundle wants them', async () => {
  const plan = await planOf('dual-stack')
  const addresses = plan.virtualServers.map(({ address }) => address)
  const [ipv4 = '', ipv6 = ''] = [
    addresses.find((address) => address.includes('.')),
    addresses.find((address) => address.includes(':')),
  ]
  const listing = emit(plan).get('ipvs.restore') as string
  const seen = (excludeCIDRs: readonly string[], wanted: readonly VirtualServer[] = []): Promise<string> =>
    withBundle({ ...plan, virtualServers: wanted, excludeCIDRs }, (folder) => {
      writeFileSync(join(folder, 'listing'), listing)
      const script = `${functionsOf(folder)}
normalise '${folder}/rules' part=ipvs '${folder}/listing'`
      return spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout
    })
  const lines = stateLines(plan).filter((line) => /^(virtual|real) /.test(line))
  const all = await seen([])
  assert.equal(all.trim().split('\n').sort(), lines)
  assert.not.ok((await seen([`${ipv4}/32`])).includes(ipv4))
  assert.ok((await seen([`${ipv4}/32`])).includes(ipv6))
  assert.not.ok((await seen(['fd00::/8'])).includes(ipv6))
  assert.is(await seen(['192.0.2.0/24', '2001:db8::/32']), all)
  assert.is(await seen(['0.0.0.0/0', '::/0']), '')
  assert.is(await seen(['0.0.0.0/0', '::/0'], plan.virtualServers), all)
  const [one] = plan.virtualServers as [VirtualServer]
  assert.equal(
    (await seen(['0.0.0.0/0', '::/0'], [one])).split('\n').filter((line) => line.startsWith('virtual')),
    lines.filter((line) => line.startsWith(`virtual ${formatService(one)} `)),
  )
})

/** More often than a script asks. */
const TIMES = 20

test('a list of virtual servers that repeats or lacks some is asked for again until it stays the same', async () => {
  const plan = await planOf('dual-stack')
  const whole = emit(plan).get('ipvs.restore') as string
  const [first = '', ...others] = whole.split(/^(?=-A )/m)
  assert.ok(others.length > 0)
  const length = whole.trim().split('\n').length
  await withBundle(plan, (folder) => {
    /** What a node seems to hold whose ipvsadm gives one listing after the other, and the last one again and again. */
    const read = (
      ...listings: readonly string[]
    ): { readonly status: number | null; readonly stdout: string } => {
      for (let time = 0; time < TIMES; time++)
        writeFileSync(join(folder, `listing-${time}`), listings[time] ?? (listings.at(-1) as string))
      const script = `${functionsOf(folder)}
asked=0
read_part() { asked=$((asked + 1)); cat "${folder}/listing-$asked" > "$into/$1"; }
sleep() { :; }
call() { shift; "$@"; }
rm -rf '${folder}/have'; mkdir '${folder}/have'; cd '${folder}/have'
touch timeouts thresholds ipset bound sysctls ipv4 ipv6; cp ../listing-0 ipvs; echo ${length + 3} > lines
state_of '${folder}/have' || { echo "$problem"; exit 1; }
grep -E '^(virtual|real) ' state`
      return spawnSync('sh', ['-c', script], { encoding: 'utf8' })
    }
    const lines = stateLines(plan).filter((line) => /^(virtual|real) /.test(line))
    const state = `${lines.join('\n')}\n`
    assert.is(read(whole).stdout, state)
    assert.is(read(whole + first, whole).stdout, state)
    assert.is(read(others.join(''), whole + first, whole).stdout, state)
    assert.is(read(others.join(''), whole, others.join(''), first, whole).stdout, state)
    const [, service = ''] = /^-A (\S+ \S+)/.exec(first) ?? []
    const without = lines.filter(
      (line) => !line.startsWith(`virtual ${service} `) && !line.startsWith(`real ${service} `),
    )
    assert.is(
      read(whole + first, others.join('')).stdout,
      `${without.join('\n')}\n`,
      'one was removed meanwhile',
    )
    const restless = read(
      ...Array.from({ length: TIMES }, (_, time) => (whole + first).replaceAll('-w 1', `-w ${time}`)),
    )
    assert.is(restless.status, 1)
    assert.match(restless.stdout, /keeps changing/)
  })
})

/** What iptables-save of either flavour holds, and what the script takes: a flavour, or the words of its refusal. */
const [OURS, OTHER, NOTHING] = [':KUBE-SERVICES - [0:0]', '-A INPUT -j DROP', '']
const CHOICES: readonly (readonly [nft: string, legacy: string, version: string, expected: RegExp])[] = [
  [OURS, NOTHING, '', /^nft$/],
  [NOTHING, OURS, '', /^legacy$/],
  [OURS, OTHER, '', /^nft$/],
  [OTHER, OURS, '', /^legacy$/],
  [OTHER, NOTHING, '', /^nft$/],
  [NOTHING, OTHER, '', /^legacy$/],
  [NOTHING, NOTHING, 'iptables v1.8.9 (nf_tables)', /^nft$/],
  [NOTHING, NOTHING, 'iptables v1.8.9 (legacy)', /^legacy$/],
  [NOTHING, NOTHING, 'iptables v1.6.2', /cannot tell the flavour/],
  [OURS, OURS, '', /both flavours of iptables hold rules/],
  [OTHER, OTHER, '', /both flavours of iptables hold rules/],
]

test('the flavour of iptables is the one that holds rules, those of Kubernetes first', async () => {
  await withBundle(await planOf('dual-stack'), (folder) => {
    for (const [nft, legacy, version, expected] of CHOICES) {
      const script = `${functionsOf(folder)}
flavour='' json=no command=apply quiet=no dry_run=no undone=''
has() { :; }
read() { command read "$@" < /dev/null; names=filter; }
iptables() { echo '${version}'; }
call() { case $1 in *nft*) printf '%s\\n' '${nft}' ;; *) printf '%s\\n' '${legacy}' ;; esac; }
choose_flavour && echo "$flavour"`
      const { status, stdout, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
      assert.match(
        status === 0 ? stdout.trim() : stderr,
        expected,
        `${nft} / ${legacy} / ${version}: ${stderr}`,
      )
    }
  })
})

test('iptables that lacks a family of the bundle is refused', async () => {
  await withBundle(await planOf('dual-stack'), (folder) => {
    const script = `${functionsOf(folder)}
flavour=nft json=no command=apply quiet=no dry_run=no undone=''
has() { case $1 in ip6tables*) return 1 ;; esac; }
use_flavour`
    const { status, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
    assert.is(status, 4)
    assert.match(
      stderr,
      /ip6tables-nft-restore and ip6tables-nft-save are not both installed: install iptables/,
    )
  })
})

test('without flock, or where the lock is a link, a run is refused, and nothing is written through it', async () => {
  await withBundle(await planOf('cluster-ip'), (folder) => {
    mkdirSync(join(folder, 'state'))
    const take = (prepare: string) =>
      spawnSync(
        'sh',
        [
          '-c',
          `${functionsOf(folder)}\nerrors='${folder}/errors' state='${folder}/state' wait=0\n${prepare}\ntake_lock`,
        ],
        {
          encoding: 'utf8',
        },
      )
    assert.is(take('').status, 0)
    const without = take('has() { [ "$1" != flock ]; }')
    assert.is(without.status, 4)
    assert.match(without.stderr, /flock is not installed: install util-linux, or a busybox that has it/)
    writeFileSync(join(folder, 'precious'), 'kept')
    const linked = take('rm "$state/lock"; ln -s ../precious "$state/lock"')
    assert.is(linked.status, 4)
    assert.match(linked.stderr, /lock is no file of its own/)
    assert.is(readFileSync(join(folder, 'precious'), 'utf8'), 'kept')
  })
})

test('a delta bundle names the state that it starts from, and carries its payloads', async () => {
  const [from, to] = [await planOf('cluster-ip'), await planOf('session-affinity')]
  const { manifest, files } = bundleOf('node-1', to, { from })
  assert.is(manifest.delta?.from, stateFingerprint(from))
  assert.ok((manifest.delta?.operations ?? 0) > 0)
  const configuration = Buffer.from(files.get('bundle.conf') as Uint8Array).toString()
  assert.match(configuration, new RegExp(`^from ${stateFingerprint(from)}$`, 'm'))
  assert.ok([...files.keys()].some((name) => name.startsWith('delta/')))
  assert.is(Buffer.from(files.get('plan.json') as Uint8Array).toString(), formatPlan(to))
  assert.equal(
    [...emit(to).keys()].filter((name) => !files.has(name)),
    [],
  )
})

test('a script that was cut off at any of its lines does nothing, says so, and does not end with 0', () => {
  const lines = readFileSync(`${ROOT}dist/apply.sh`, 'utf8').split('\n').slice(0, -1)
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-cut-'))
  try {
    const script = `cd '${folder}'
number=0
while IFS= read -r line; do
  number=$((number + 1))
  printf '%s\\n' "$line" >> cut.sh
  [ "$number" -lt ${lines.length} ] || break
  said=$(sh ./cut.sh facts 2>&1); status=$?
  case $status/$said in 4/*'cut off or damaged, and did nothing'*) ;; *) echo "$number: $status $said" ;; esac
done < '${ROOT}dist/apply.sh'
sh ./cut.sh facts > /dev/null || echo 'the whole of it fails'`
    const { stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8', maxBuffer: 2 ** 26 })
    assert.is(stdout, '')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the script is the same in every bundle, and the one in dist', async () => {
  const shipped = readFileSync(`${ROOT}dist/apply.sh`, 'utf8')
  const plans = await Promise.all(['cluster-ip', 'node-settings', 'family-ipv4-only'].map(planOf))
  for (const plan of plans)
    for (const from of [null, plans[0] as Plan]) {
      const { files } = bundleOf('node-1', plan, { from })
      assert.is(Buffer.from(files.get('apply.sh') as Uint8Array).toString(), shipped)
    }
})

test('values of bundle.conf are parsed and never executed, and what no bundle has is refused', async () => {
  await withBundle(await planOf('cluster-ip'), (folder) => {
    const file = join(folder, 'bundle.conf')
    const text = readFileSync(file, 'utf8')
    const read = (changed: string) => {
      writeFileSync(file, changed)
      const { status, stderr } = spawnSync('sh', ['-c', functionsOf(folder)], {
        encoding: 'utf8',
        cwd: folder,
      })
      return { status, stderr }
    }
    assert.equal(read(text), { status: 0, stderr: '' })
    const value = (key: string, words: string): string =>
      text.replace(new RegExp(`^${key} .*`, 'm'), `${key} ${words}`)
    for (const [changed, message] of [
      [value('modules', 'ip_vs; touch hit'), /value of modules/],
      [value('modules', '-C /tmp/evil ip_vs'), /value of modules/],
      [value('sysctls', 'net.ipv4.ip_forward ../../../etc/passwd'), /value of sysctls/],
      [value('families', '`touch hit`'), /value of families/],
      [value('families', '$(touch hit)'), /value of families/],
      [value('chains', 'ipv4/nat/*'), /value of chains/],
      [`${text}assumed shop/web=$(reboot)\n`, /value of assumed/],
      [`${text}conntrack 7\n`, /not known, "conntrack"/],
      [`${text}drain-timeout -t 10.96.0.1:80 soon\n`, /drain-timeout/],
      [`${text}include -t 10.96.0.1:80;reboot\n`, /include/],
      [text.replace(/^format .*\n/m, ''), /does not begin with its format/],
      [value('format', '1x'), /format "1x"/],
      [value('format', '3'), /format 3, and this script \(ipvsc .*\) knows format 1 and the one before/],
      ['', /does not say its format/],
    ] as const) {
      const { status, stderr } = read(changed)
      assert.is(status, 4, stderr)
      assert.match(stderr, message)
    }
    assert.not.ok(readdirSync(folder).includes('hit'))
  })
})

test('what is assumed stands in bundle.conf, and the script says it before it goes on', async () => {
  const plan = await planOf('cluster-ip')
  const values = [{ field: 'spec.clusterIPs[0]', value: '10.96.0.7' }]
  const { files } = bundleOf('node-1', plan, {
    assumed: [{ kind: 'Service', namespace: 'shop', name: 'web', values }],
  })
  assert.match(new TextDecoder().decode(files.get('bundle.conf')), /^assumed shop\/web=10\.96\.0\.7$/m)
  const script = new TextDecoder().decode(files.get('apply.sh'))
  const body = script.slice(script.indexOf('apply_bundle() {'))
  const told = body.indexOf('the cluster may have chosen otherwise')
  assert.ok(told > 0 && told < body.indexOf('preflight_bundle'))
})

test('the script takes its own format of bundle.conf and the one before, and no other', async () => {
  await withBundle(await planOf('cluster-ip'), (folder) => {
    const taken = [1, 2, 3, 4, 5].filter((format) => {
      const script = `${functionsOf(folder)}; FORMAT=4; check_format ${format}`
      return spawnSync('sh', ['-c', script], { encoding: 'utf8' }).status === 0
    })
    assert.equal(taken, [3, 4])
  })
})

test('what the script states of its own accord is what the compiler states', () => {
  const script = readFileSync(`${ROOT}templates/node/apply.sh`, 'utf8')
  assert.match(script, new RegExp(`^SCHEDULERS='${SCHEDULERS.join(' ')}'$`, 'm'))
  assert.match(script, new RegExp(`^DUMMY=${DUMMY_INTERFACE}$`, 'm'))
  assert.match(script, new RegExp(`^FORMAT=${CONFIGURATION_FORMAT}$`, 'm'))
})

test.run()
