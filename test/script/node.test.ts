import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import type { NodeBinding } from '../../src/node/binding.ts'
import type { Plan } from '../../src/plan/types.ts'
import { loadCase, runCase } from '../golden/cases.ts'
import { withFunctions } from '../support/scriptFunctions.ts'

/** What the script asks of a node before it touches it, as far as that shows without a kernel that has IPVS. */

const test = suite('script on a node')

const succeeds = (command: string): boolean => spawnSync('sh', ['-c', command]).status === 0
const isRoot = process.getuid?.() === 0
const hasNamespaces =
  isRoot && succeeds('unshare -n ipset list -n && unshare -n iptables-nft-save && command -v nft')

async function planOf(name: string): Promise<Plan> {
  const { plan } = await runCase(await loadCase(name))
  return plan as Plan
}

interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs functions of the script of a bundle, with $folder for files of the test and $work for its own. */
async function runFunctions(
  commands: string,
  {
    plan = 'cluster-ip',
    binding = null as NodeBinding | null,
    prepare = (_: string) => {},
    namespace = false,
  } = {},
): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-node-'))
  try {
    for (const [name, bytes] of bundleOf('worker-1', await planOf(plan), { binding }).files)
      if (!name.includes('/')) writeFileSync(join(folder, name), bytes)
    prepare(folder)
    const script = withFunctions(
      folder,
      `folder='${folder}' work='${folder}/work' errors='${folder}/errors' state='${folder}/state' locked_state=yes
mkdir -p "$work/calls" "$work/have" "$work/want" "$work/now"
${commands}`,
    )
    const words = namespace ? ['unshare', '-n', 'sh', '-c', script] : ['sh', '-c', script]
    const { status, stdout, stderr } = spawnSync(words[0] as string, words.slice(1), { encoding: 'utf8' })
    return { status, stdout, stderr }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const SCOPE = `FAMILIES='ipv4 ipv6'
SETS='KUBE-CLUSTER-IP'
CHAINS='ipv4/nat/KUBE-SERVICES'
SYSCTLS='net.ipv4.ip_forward'
TIMEOUTS='tcp'
EXCLUDE='10.0.0.0/8'
INCLUDE='-t [fd00::1]:80'
DRAIN_TIMEOUTS=''
skipped=''
flavour='nft'
`

test('what a run recorded is parsed as a whole or not at all, and never executed', async () => {
  const read = async (text: string): Promise<string> => {
    const prepare = (folder: string) => writeFileSync(join(folder, 'scope'), text)
    const commands = `FAMILIES=untouched; read_scope "$folder/scope" && echo "$FAMILIES $INCLUDE $flavour" || echo damaged`
    return (await runFunctions(commands, { prepare })).stdout
  }
  assert.is(await read(SCOPE), 'ipv4 ipv6 -t [fd00::1]:80 nft\n')
  for (const text of [
    SCOPE.replaceAll('\n', '\r\n'),
    SCOPE.slice(0, 120),
    SCOPE.replace('nft', 'nft$(id)'),
    SCOPE.replace("flavour='nft'", "flavour='nft'; id"),
    SCOPE.replace("'nft'", "'both'"),
    '',
  ])
    assert.is(await read(text), 'damaged\n', JSON.stringify(text))
})

test('a mark that is no number of a run does not count', async () => {
  const prepare = (folder: string) => {
    for (const [run, text] of [
      ['run.a', '7\r\n'],
      ['run.b', '3\n'],
    ] as const) {
      mkdirSync(join(folder, 'state', run), { recursive: true })
      writeFileSync(join(folder, 'state', run, 'done'), text)
    }
  }
  const { stdout, stderr, status } = await runFunctions(
    `find_runs; echo "\${last##*/} \${journal##*/} $runs"`,
    { prepare },
  )
  assert.equal({ stdout, stderr, status }, { stdout: 'run.b run.a 3\n', stderr: '', status: 0 })
})

if (isRoot)
  test('a state directory that somebody else can write to is not used', async () => {
    const trust = async (prepare: (state: string) => void): Promise<Outcome> =>
      runFunctions('check_trust; echo trusted', {
        prepare: (folder) => {
          const state = join(folder, 'state')
          mkdirSync(join(state, 'run.a', 'after'), { recursive: true, mode: 0o700 })
          writeFileSync(join(state, 'run.a', 'after', 'scope'), SCOPE, { mode: 0o600 })
          prepare(state)
        },
      })
    assert.is((await trust(() => {})).stdout, 'trusted\n')
    assert.is((await trust((state) => rmSync(state, { recursive: true }))).stdout, 'trusted\n')
    for (const [expected, prepare] of [
      [/state belongs to user 1234/, (state: string) => chownSync(state, 1234, 0)],
      [/state can be written to by others/, (state: string) => chmodSync(state, 0o1777)],
      [/scope belongs to user 1234/, (state: string) => chownSync(join(state, 'run.a/after/scope'), 1234, 0)],
      [/after can be written to by others/, (state: string) => chmodSync(join(state, 'run.a/after'), 0o775)],
      [/lock.* is a link/, (state: string) => symlinkSync('/etc/passwd', join(state, 'lock'))],
      [/ipvsc-node-\w+ can be written to by others/, (state: string) => chmodSync(join(state, '..'), 0o777)],
    ] as const) {
      const { status, stderr } = await trust(prepare)
      assert.is(status, 4, stderr)
      assert.match(stderr, expected)
    }
  })
else test.skip('whose a state directory is shows only to root')

for (const [what, text, expected] of [
  ['is whole', null, 'whole\n'],
  ['has no scope', 'rm "$journal/scope"', 'scope\n'],
  ['is cut off', 'echo virtual > "$journal/before/state"', 'before/state\n'],
  [
    'has lost its checksums',
    'head -n 1 "$journal/sums" > "$folder/x"; cp "$folder/x" "$journal/sums"',
    'sums\n',
  ],
] as const)
  test(`a journal that ${what} is known as such`, async () => {
    const commands = `journal=$state/run.a; mkdir -p "$journal/before"
flavour=nft; save_scope "$journal/scope"; echo 'virtual -t 1.2.3.4:80 -s rr' > "$journal/before/state"; true > "$journal/before/rules"
sum_journal > "$journal/sums"
${text ?? ':'}
if journal_is_whole; then echo whole; else echo "$damage"; fi`
    assert.is((await runFunctions(commands)).stdout, expected)
  })

test('one rule that was put in is one line, also where others have moved for it', async () => {
  const rules = (texts: readonly string[]): string =>
    texts
      .map((text, index) => `rule ipv4 nat KUBE-SERVICES ${String(index + 1).padStart(4, '0')} ${text}\n`)
      .join('')
  const show = async (held: readonly string[], wanted: readonly string[]): Promise<string> => {
    const prepare = (folder: string) => {
      mkdirSync(join(folder, 'work'))
      writeFileSync(join(folder, 'work', 'removed'), rules(held))
      writeFileSync(join(folder, 'work', 'added'), rules(wanted))
    }
    return (await runFunctions('verbose=yes; show_differences', { prepare })).stdout
  }
  const wanted = ['-s 1 -j A', '-s 2 -j B', '-m comment --comment "a b" -j C', '-j D']
  assert.is(await show(['-j FOREIGN', ...wanted], wanted), '- rule ipv4 nat KUBE-SERVICES 0001 -j FOREIGN\n')
  assert.is(await show(wanted.slice(1), wanted), '+ rule ipv4 nat KUBE-SERVICES 0001 -s 1 -j A\n')
  const turned = [wanted[1], wanted[0], wanted[2], wanted[3]] as string[]
  assert.is((await show(turned, wanted)).trim().split('\n').length, 2)
})

test('tabs and whatever a terminal would obey are escaped in JSON, and have no place elsewhere', async () => {
  const odd = 'entry\tX "\u001b[31m\\ \u007f\u0001'
  const prepare = (folder: string) => {
    mkdirSync(join(folder, 'work'))
    writeFileSync(join(folder, 'work', 'removed'), `${odd}\n`)
    writeFileSync(join(folder, 'work', 'added'), '')
  }
  const said = (json: string) =>
    runFunctions(`json=${json} verbose=yes; show_differences; say error "$(cat "$work/removed")"`, {
      prepare,
    })
  const events = (await said('yes')).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(events, [
    { event: 'difference', change: 'removed', line: odd },
    { event: 'error', text: odd },
  ])
  const { stdout, stderr } = await said('no')
  assert.not.match(stdout + stderr, /[\u0001-\u0008\u000b-\u001f\u007f]/)
})

test('connections to 42 servers that are gone are flushed by one process, or by one each where that is too old', async () => {
  const servers = Array.from({ length: 42 }, (_, index) => `-u 10.96.0.10:53 10.0.0.${index}:5353\n`)
  const flush = async (version: string): Promise<string[]> => {
    const prepare = (folder: string) => {
      mkdirSync(join(folder, 'work'))
      writeFileSync(join(folder, 'work', 'conntrack'), `${servers.join('')}-u [fd00::10]:53 [fd00::2]:5353\n`)
      mkdirSync(join(folder, 'bin'))
      const program = `#!/bin/sh\n[ "$1" = -V ] && { echo 'conntrack v${version} (conntrack-tools)'; exit; }
echo "$*" >> '${folder}/called'; [ "$1" != -R ] || cat >> '${folder}/called'\n`
      writeFileSync(join(folder, 'bin', 'conntrack'), program, { mode: 0o755 })
    }
    const { stdout } = await runFunctions('PATH=$folder/bin:$PATH; flush_connections; cat "$folder/called"', {
      prepare,
    })
    return stdout.trim().split('\n')
  }
  const flushes = [
    '-D -f ipv4 -p udp --orig-dst 10.96.0.10 --orig-port-dst 53 --reply-src 10.0.0.41',
    '-D -f ipv6 -p udp --orig-dst fd00::10 --orig-port-dst 53 --reply-src fd00::2',
  ]
  const [first, ...all] = await flush('1.4.7')
  assert.is(first, '-R -')
  assert.is(all.length, 43)
  assert.equal(all.slice(-2), flushes)
  const old = await flush('1.4.6')
  assert.is(old.length, 43)
  assert.equal(old.slice(-2), flushes)
})

test('a bundle is for the machine that its Node or its facts name', async () => {
  const check = async (binding: NodeBinding | null, more = ''): Promise<string> => {
    const commands = `${more}
if check_machine; then echo yes; else echo "$stranger"; fi`
    return (await runFunctions(commands, { binding })).stdout.trim()
  }
  const mark = (await runFunctions('machine_mark; echo "$mark"')).stdout.trim()
  assert.match(mark, /^([0-9a-f]{32})?$/)
  if (mark !== '') assert.is(await check({ kind: 'machine', values: [mark] }), 'yes')
  const other = 'f'.repeat(32)
  assert.match(await check({ kind: 'machine', values: [other] }), /not the node worker-1 .*machine id/)
  assert.is(await check({ kind: 'machine', values: [other] }, 'other_node=yes'), 'yes')
  const ip = `call() { echo '2: eth0    inet 192.0.2.7/24 scope global eth0'; echo '9: kube-ipvs0    inet 192.0.2.8/32 scope global kube-ipvs0'; }`
  assert.is(await check({ kind: 'address', values: ['2001:db8::7', '192.0.2.7'] }, ip), 'yes')
  assert.match(
    await check({ kind: 'address', values: ['192.0.2.8'] }, ip),
    /no interface of it has 192\.0\.2\.8/,
  )
  const called = (name: string) => `has_name() { hostname=${name}; is_named "$1"; }; has_name`
  const named = async (hostname: string, wanted: string): Promise<boolean> =>
    (await runFunctions(`${called(hostname)} ${wanted} && echo yes`)).stdout === 'yes\n'
  assert.ok(await named('Worker-1', 'worker-1'))
  assert.ok(await named('worker-1.example.com', 'worker-1'))
  assert.ok(await named('worker-1', 'worker-1.example.com'))
  assert.not.ok(await named('worker-10', 'worker-1'))
  assert.is(await check(null), 'yes')
})

test('a family that the kernel lacks is left out where no Service needs it, and refused where one does', async () => {
  const lacking = `checked=yes; has_family() { [ "$1" = ipv4 ]; }; command=apply; leave_out_families; echo "$FAMILIES; $left_out; $SETS; $CHAINS; $SYSCTLS"`
  const left = await runFunctions(lacking)
  assert.is(left.status, 0, left.stderr)
  assert.match(left.stdout, /^ipv4; {2}ipv6; /)
  assert.not.match(left.stdout, /KUBE-6-|ipv6\/|net\.ipv6/)
  assert.match(left.stderr, /the kernel of this node has no ipv6: it is left out/)
  const needed = await runFunctions(lacking, { plan: 'dual-stack' })
  assert.is(needed.status, 4)
  assert.match(needed.stderr, /has no ipv6, which Services of this bundle need/)
})

test('a standing warning is said once, and again when it had gone; check says it always', async () => {
  const commands = `mkdir -p "$state"; command=apply
run() { rm -f "$work/standing"; for text in "$@"; do say_standing "$text"; done; keep_standing; }
run one two; echo - >&2; run two three; echo - >&2; run one; echo - >&2; command=check; say_standing one`
  const { stderr } = await runFunctions(commands)
  const said = stderr.split('-\n').map((part) => part.replaceAll('warning: ', '').trim())
  assert.equal(said, ['one\ntwo', 'three', 'one', 'one'])
})

test('the log of runs is as long as it has to be, and says who did what', async () => {
  const commands = `mkdir -p "$state"; SUDO_USER=alice command=rollback NODE=worker-1 changes='3 rules removed'; unset line
has() { false; }
awk 'BEGIN { for (i = 0; i < 2001; i++) print "old " i }' > "$state/log"
log_run 'rolled back'; command=check; log_run 'no difference'; cat "$state/log"`
  const lines = (await runFunctions(commands)).stdout.trim().split('\n')
  assert.is(lines.length, 1000)
  assert.match(
    lines.at(-1) as string,
    /^\d{4}-\S+ alice: rollback: rolled back, node worker-1, bundle [0-9a-f]{12}, 3 rules removed$/,
  )
})

test('settings go back to what they were before the first run, unless somebody else has changed them since', async () => {
  const prepare = (folder: string) => {
    for (const name of ['work/have', 'state/after']) mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(
      join(folder, 'state', 'found'),
      'sysctl net.a 0\nsysctl net.b 0\nsysctl net.ipv4.ip_forward 0\n',
    )
    writeFileSync(
      join(folder, 'state/after/state'),
      'sysctl net.a 1\nsysctl net.b 1\nsysctl net.c 1\nsysctl net.ipv4.ip_forward 1\n',
    )
    writeFileSync(
      join(folder, 'work/have/state'),
      'sysctl net.a 1\nsysctl net.b 7\nsysctl net.c 1\nsysctl net.ipv4.ip_forward 1\nvirtual x\n',
    )
  }
  const { stdout } = await runFunctions('last=$state; settings_to_leave; echo "left $(cat "$work/left")"', {
    prepare,
  })
  assert.is(
    stdout,
    'sysctl net.a 0\nsysctl net.b 7\nsysctl net.c 1\nsysctl net.ipv4.ip_forward 1\nleft net.c\nnet.ipv4.ip_forward\n',
    'forwarding stays, since others may rely on it',
  )
})

if (hasNamespaces) {
  test('a rule that iptables cannot list is named with its table, before anything is touched', async () => {
    const commands = `flavour=nft; use_flavour; into=$work/have; begin_reading "$into"
iptables-nft -t nat -A OUTPUT -j ACCEPT; nft add rule ip nat OUTPUT ct state new counter accept
read_network || echo "$problem"`
    const { stdout } = await runFunctions(commands, { namespace: true })
    assert.match(stdout, /^table nat of ipv4 holds what iptables cannot list, chain OUTPUT: ct state new /)
    const other = commands.replaceAll(' nat ', ' mangle ')
    assert.is((await runFunctions(`${other}; echo read`, { namespace: true })).stdout, 'read\n')
  })

  test('rules and sets of others that use what is to go are named', async () => {
    const commands = `flavour=nft; use_flavour; into=$work/have; begin_reading "$into"
ipset create KUBE-CLUSTER-IP hash:ip,port; ipset create KUBE-LOOP-BACK hash:ip,port,ip; ipset create all list:set; ipset add all KUBE-LOOP-BACK
iptables-nft -t nat -N KUBE-MARK-MASQ; iptables-nft -t nat -N MINE; iptables-nft -t nat -A MINE -g KUBE-MARK-MASQ
iptables-nft -A INPUT -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT
read_network || echo "$problem"; true > "$work/added"
printf 'chain ipv4 nat KUBE-MARK-MASQ\\nset KUBE-CLUSTER-IP hash:ip,port family inet\\nset KUBE-LOOP-BACK hash:ip,port,ip family inet\\n' > "$work/removed"
sleep() { :; }
find_obstacles; cat "$obstacles"`
    const { stdout } = await runFunctions(commands, { namespace: true })
    const lines = stdout.trim().split('\n').sort()
    assert.is(lines.length, 3, stdout)
    assert.match(
      lines[0] as string,
      /^chain KUBE-MARK-MASQ of table nat \(ipv4\) is used by a rule of others: -A MINE -g /,
    )
    assert.match(lines[1] as string, /^set KUBE-CLUSTER-IP is used by a rule of others: -A INPUT /)
    assert.match(lines[2] as string, /^set KUBE-LOOP-BACK is used by something else/)
  })

  test('entries with particulars are replaced with their set, and come back with it', async () => {
    const commands = `flavour=nft drain_timeout=900 running='' last=$state/none
set=KUBE-LOAD-BALANCER-SOURCE-CIDR element=10.0.0.1,tcp:80,10.1.0.0/16
read_state() { ipset save > "$1/ipset"; normalise "$1/rules" part=ipset "$1/ipset" > "$1/unsorted"; sort "$1/unsorted" > "$1/state"; }
ipset create $set hash:ip,port,net; ipset add $set $element; ipset add $set 10.0.0.1,tcp:80,10.3.0.0/16; read_state "$work/want"
ipset del $set $element; ipset add $set $element nomatch; ipset add $set 10.0.0.1,tcp:80,10.2.0.0/16 nomatch; read_state "$work/have"
grep nomatch "$work/have/state"
work_out exact && ipset restore < "$work/sets.1" && { [ ! -s "$work/sets.2" ] || ipset restore < "$work/sets.2"; }
read_state "$work/now"; cmp "$work/now/state" "$work/want/state" && echo there
cp "$work/have/state" "$work/back"; cp "$work/now/state" "$work/have/state"; cp "$work/back" "$work/want/state"
work_out exact && { [ ! -s "$work/sets.1" ] || ipset restore < "$work/sets.1"; } && { [ ! -s "$work/sets.2" ] || ipset restore < "$work/sets.2"; }
read_state "$work/now"; cmp "$work/now/state" "$work/want/state" && echo back`
    const { stdout, stderr } = await runFunctions(commands, { namespace: true })
    assert.is(
      stdout,
      `entry KUBE-LOAD-BALANCER-SOURCE-CIDR 10.0.0.1,tcp:80,10.1.0.0/16 nomatch
entry KUBE-LOAD-BALANCER-SOURCE-CIDR 10.0.0.1,tcp:80,10.2.0.0/16 nomatch
there
back
`,
      stderr,
    )
  })
} else test.skip('what others put into tables and sets needs root, unshare, ipset, iptables and nft')

test('thresholds of real servers, and what entries have besides, are part of the state', async () => {
  const prepare = (folder: string) => {
    writeFileSync(
      join(folder, 'thresholds'),
      `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn
  -> RemoteAddress:Port
TCP  10.96.0.1:80 rr
  -> 10.0.0.1:80                  9          5          0          0
  -> 10.0.0.2:80                  0          0          7          7
FWM  7 rr
  -> 10.0.0.1:80                  9          5          0          0
`,
    )
    writeFileSync(
      join(folder, 'ipvs'),
      '-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.0.0.1:80 -m -w 1\n-a -t 10.96.0.1:80 -r 10.0.0.2:80 -m -w 1\n',
    )
    writeFileSync(
      join(folder, 'ipset'),
      'add KUBE-CLUSTER-IP 10.0.0.1,tcp:80 timeout 55 packets 3 bytes 9 comment "a  timeout 5"\nadd KUBE-CLUSTER-IP 10.0.0.2,tcp:80\n',
    )
  }
  const commands = `awk "$AWK_THRESHOLDS" "$folder/thresholds" > "$work/thresholds"
normalise "$work/rules" part=thresholds "$work/thresholds" part=ipvs "$folder/ipvs" part=ipset "$folder/ipset"`
  const { stdout } = await runFunctions(commands, { prepare })
  assert.is(
    stdout,
    `virtual -t 10.96.0.1:80 -s rr
real -t 10.96.0.1:80 10.0.0.1:80 -m -w 1 -x 9 -y 5
real -t 10.96.0.1:80 10.0.0.2:80 -m -w 1
entry KUBE-CLUSTER-IP 10.0.0.1,tcp:80 timeout comment "a  timeout 5"
entry KUBE-CLUSTER-IP 10.0.0.2,tcp:80
`,
  )
})

test('the folder of another node is told apart in its configuration', async () => {
  const { files } = bundleOf('worker-1', await planOf('family-ipv4-only'), {
    binding: { kind: 'address', values: ['192.0.2.1', '2001:db8::1'] },
  })
  const text = Buffer.from(files.get('bundle.conf') as Uint8Array).toString()
  assert.match(text, /^bound-to address 192\.0\.2\.1 2001:db8::1$/m)
  assert.match(text, /^other-sets KUBE-6-/m)
  assert.match(text, /^other-chains ipv6\/nat\/KUBE-/m)
})

test.run()
