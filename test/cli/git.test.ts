import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'
import { needs } from '../support/tools.ts'

const INPUT = readFileSync(`${ROOT}golden/cluster-ip/input.yaml`, 'utf8')
const TODAY = { GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z', GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z' }
/** Settings of the machine stay out. */
const ENVIRONMENT = {
  ...process.env,
  ...TODAY,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  NO_COLOR: '1',
}

interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A repository, and what happens in it. */
class Repository {
  readonly folder: string
  constructor(folder: string) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
  }

  static create(folder: string): Repository {
    const repository = new Repository(folder)
    repository.git('init', '--quiet', '--initial-branch=main')
    repository.git('config', 'user.name', 'Test')
    repository.git('config', 'user.email', 'test@example.org')
    repository.git('config', 'uploadpack.allowFilter', 'true')
    return repository
  }

  git(...words: string[]): string {
    return execFileSync('git', words, {
      cwd: this.folder,
      env: ENVIRONMENT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true })
    writeFileSync(join(this.folder, path), text)
  }

  commit(message = 'change'): string {
    this.git('add', '--all')
    this.git('commit', '--quiet', '--allow-empty', '-m', message)
    return this.git('rev-parse', 'HEAD')
  }

  ipvsc(args: readonly string[], environment: Record<string, string> = {}): Outcome {
    return spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...args], {
      encoding: 'utf8',
      cwd: this.folder,
      env: { ...ENVIRONMENT, ...environment },
    })
  }

  /** Its virtual servers, as `--emit ipvs` prints them. */
  ipvs(...inputs: string[]): string {
    const { status, stdout, stderr } = this.ipvsc(['build', ...inputs, '--node', 'node-1', '--emit', 'ipvs'])
    assert.is(status, 0, stderr)
    return stdout
  }

  /** Why inputs are refused. */
  refusal(...inputs: string[]): string {
    const { status, stderr } = this.ipvsc(['check', ...inputs])
    assert.is(status, 2, stderr)
    return stderr
  }
}

const withPort = (port: number): string => INPUT.replace('"port": 80,', `"port": ${port},`)

const test = suite<{ folder: string }>('states from git')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))
const gitTest = (name: string, body: (context: { folder: string }) => void): void =>
  needs('git')(test, name, body)

/** Two commits: port 80, then port 81. */
function twoCommits(folder: string): Repository {
  const repository = Repository.create(join(folder, 'origin'))
  repository.write('deploy/web.yaml', INPUT)
  repository.write('deploy/notes.txt', 'no manifest')
  repository.commit()
  repository.write('deploy/web.yaml', withPort(81))
  repository.commit()
  return repository
}

gitTest('a revision is read without a checkout, from a folder, a file and the whole tree', ({ folder }) => {
  const repository = twoCommits(folder)
  const before = '-A -t 172.30.0.41:80 -s rr'
  for (const reference of [
    'git:HEAD~1:deploy',
    'git:HEAD~1:deploy/',
    'git:HEAD~1:deploy/web.yaml',
    'git:HEAD~1:',
    `git:${repository.git('rev-parse', 'HEAD~1')}:deploy`,
  ])
    assert.match(repository.ipvs(reference), before, reference)
  assert.match(repository.ipvs('git:main:deploy'), '-A -t 172.30.0.41:81')
  assert.is(repository.git('status', '--porcelain'), '')
  const { stderr } = repository.ipvsc(['check', 'git:HEAD:deploy'])
  assert.match(stderr, '1 other file passed over')
})

gitTest('a path goes from the top of the repository, and with ./ from here', ({ folder }) => {
  const repository = twoCommits(folder)
  const below = new Repository(join(repository.folder, 'deploy'))
  assert.match(below.ipvs('git:HEAD:deploy/web.yaml'), ':81')
  assert.match(below.ipvs('git:HEAD:./web.yaml'), ':81')
  assert.match(below.ipvs('git:HEAD:.'), ':81')
})

gitTest('both sides of a delta, a file of settings and facts may come from revisions', ({ folder }) => {
  const repository = twoCommits(folder)
  const { status, stdout, stderr } = repository.ipvsc([
    'delta',
    'git:HEAD~1:deploy',
    'git:HEAD:deploy',
    '--node',
    'node-1',
  ])
  assert.is(status, 0, stderr)
  assert.match(stdout, '-A -t 172.30.0.41:81')
  assert.match(stdout, '-D -t 172.30.0.41:80')
  const scheduler =
    'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\nipvs: {scheduler: lc}\n'
  repository.write('proxy.yaml', scheduler)
  repository.commit()
  rmSync(join(repository.folder, 'proxy.yaml'))
  assert.match(repository.ipvs('git:HEAD:deploy', '--config', 'git:HEAD:proxy.yaml'), '-s lc')
})

gitTest('bundles, plans and saved listings of a revision are states, too', ({ folder }) => {
  const repository = twoCommits(folder)
  for (const [revision, out] of [
    ['HEAD~1', 'old'],
    ['HEAD', 'new'],
  ] as const)
    assert.is(
      repository.ipvsc(['build', `git:${revision}:deploy`, '--node', 'node-1', '-o', `rules/${out}`]).status,
      0,
    )
  repository.commit()
  const summary = (from: string, to: string): string => {
    const { status, stdout, stderr } = repository.ipvsc(['delta', from, to])
    assert.is(status, 0, stderr)
    return stdout
  }
  const wanted = summary('git:HEAD:rules/old', 'git:HEAD:rules/new')
  assert.match(wanted, '-A -t 172.30.0.41:81')
  assert.is(summary('git:HEAD:rules/old/plan.json', 'git:HEAD:rules/new/plan.json'), wanted)
  assert.is(summary('git:HEAD:rules/old/', 'git:HEAD:rules/new/'), wanted)
  const applied = repository.ipvsc(['apply', 'git:HEAD:rules/new'])
  assert.is(applied.status, 2)
  assert.match(applied.stderr, 'is a bundle in a revision: check it out')

  repository.write('dumps/ipvsadm-save', '-A -t 172.30.0.41:80 -s rr\n')
  for (const name of ['ipset-save', 'iptables-save', 'ip6tables-save']) repository.write(`dumps/${name}`, '')
  repository.write('dumps/ip-addr.json', '[]')
  repository.commit()
  const { status, stdout, stderr } = repository.ipvsc(['delta', 'git:HEAD:dumps', 'git:HEAD:rules/new'])
  assert.is(status, 0, stderr)
  assert.match(stdout, '-D -t 172.30.0.41:80')
  const text = readFileSync(join(repository.folder, 'rules/new/ipvs.restore'), 'utf8')
  repository.write('rules/new/ipvs.restore', `${text}# edited\n`)
  repository.commit()
  const edited = repository.ipvsc(['delta', 'git:HEAD:rules/old', 'git:HEAD:rules/new'])
  assert.is(edited.status, 4, edited.stderr)
  assert.match(edited.stderr, 'git:HEAD:rules/new is damaged or was edited')
})

gitTest('diagnostics name the file in its revision, with line and column', ({ folder }) => {
  const repository = twoCommits(folder)
  repository.write('deploy/web.yaml', INPUT.replace('"172.30.0.41"', '"010.0.0.1"'))
  repository.commit()
  const { status, stderr } = repository.ipvsc(['check', 'git:HEAD:deploy'])
  assert.is(status, 1)
  assert.match(stderr, /^git:HEAD:deploy\/web\.yaml:10:14: error ADDRESS_INVALID/m)
})

gitTest('A...B is the merge base: what others merged meanwhile does not show reversed', ({ folder }) => {
  const repository = twoCommits(folder)
  repository.git('checkout', '--quiet', '-b', 'feature', 'HEAD')
  repository.write('deploy/other.yaml', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n')
  repository.commit('mine')
  repository.git('checkout', '--quiet', 'main')
  repository.write('deploy/web.yaml', withPort(99))
  repository.commit('of others')
  repository.git('checkout', '--quiet', 'feature')
  const delta = (from: string): string =>
    repository.ipvsc(['delta', from, 'git:HEAD:deploy', '--node', 'node-1']).stdout
  assert.match(delta('git:main:deploy'), '-D -t 172.30.0.41:99')
  assert.is(delta('git:main...HEAD:deploy').replace(/^#.*\n/gm, ''), '')
  const { stderr } = repository.ipvsc(['check', 'git:main...HEAD:deploy', '--output', 'json'])
  assert.is(stderr, '')
})

gitTest('manifests and the snapshot below them may both lie in revisions', ({ folder }) => {
  const repository = Repository.create(join(folder, 'origin'))
  repository.write('cluster/snapshot.yaml', INPUT)
  const manifest = (affinity: string): string =>
    `apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: default}\nspec:\n  sessionAffinity: ${affinity}\n  ports: [{name: http, port: 80}]\n`
  repository.write('deploy/web.yaml', manifest('None'))
  repository.commit()
  repository.git('checkout', '--quiet', '-b', 'feature')
  repository.write('deploy/web.yaml', manifest('ClientIP'))
  repository.commit()
  const { status, stdout, stderr } = repository.ipvsc([
    'delta',
    'git:main...HEAD:deploy',
    'git:HEAD:deploy',
    '--onto',
    'git:main:cluster/snapshot.yaml',
    '--node',
    'node-1',
  ])
  assert.is(status, 0, stderr)
  assert.match(stdout, '-E -t 172.30.0.41:80 -s rr -p 10800')
})

gitTest('a bare clone works, and GIT_DIR is honoured', ({ folder }) => {
  const repository = twoCommits(folder)
  const bare = new Repository(join(folder, 'bare.git'))
  bare.git('clone', '--quiet', '--bare', repository.folder, '.')
  assert.match(bare.ipvs('git:main:deploy'), ':81')
  const elsewhere = new Repository(join(folder, 'elsewhere'))
  const args = ['build', 'git:main:deploy', '--node', 'node-1', '--emit', 'ipvs']
  assert.match(elsewhere.ipvsc(args, { GIT_DIR: bare.folder }).stdout, ':81')
})

/** A clone as CI makes it: a single commit of one branch. */
function shallowClone(folder: string, origin: Repository, branch: string): Repository {
  const clone = new Repository(join(folder, 'clone'))
  clone.git('clone', '--quiet', '--depth=1', '--branch', branch, `file://${origin.folder}`, '.')
  return clone
}

gitTest('in a shallow clone, the message names a fetch that helps', ({ folder }) => {
  const origin = twoCommits(folder)
  origin.git('checkout', '--quiet', '-b', 'feature')
  origin.write('deploy/other.yaml', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n')
  origin.commit()
  origin.commit()
  origin.git('checkout', '--quiet', 'main')
  origin.write('deploy/web.yaml', withPort(99))
  origin.commit()
  const clone = shallowClone(folder, origin, 'feature')
  assert.match(clone.ipvs('git:HEAD:deploy'), ':81')

  /** Does what a message says. */
  const follow = (message: string): void => {
    const [, words = ''] = /(git fetch .*)$/m.exec(message) ?? []
    assert.match(words, /^git fetch --depth=\d+ origin \+main:refs\/remotes\/origin\/main/, message)
    clone.git(...words.split(' ').slice(1))
  }
  const absent = clone.refusal('git:origin/main:deploy')
  assert.match(absent, 'this repository has no revision "origin/main"')
  follow(absent)
  assert.match(clone.ipvs('git:origin/main:deploy'), ':99')
  const cutOff = clone.refusal('git:origin/main...HEAD:deploy')
  assert.match(cutOff, 'have no commit in common in this clone, whose history is cut off')
  follow(cutOff)
  assert.match(clone.ipvs('git:origin/main...HEAD:deploy'), ':81')
  assert.match(clone.refusal('git:main:deploy'), 'it has "origin/main"')
})

gitTest('in a shallow clone of a detached commit, too', ({ folder }) => {
  const origin = twoCommits(folder)
  origin.git('checkout', '--quiet', '-b', 'feature')
  origin.commit()
  origin.commit()
  origin.git('checkout', '--quiet', 'main')
  origin.commit()
  const clone = shallowClone(folder, origin, 'feature')
  clone.git('checkout', '--quiet', '--detach')
  clone.git('fetch', '--quiet', '--depth=1', 'origin', '+main:refs/remotes/origin/main')
  const message = clone.refusal('git:origin/main...HEAD:deploy')
  const [, words = ''] = /(git fetch .*)$/m.exec(message) ?? []
  clone.git(...words.split(' ').slice(1))
  assert.match(clone.ipvs('git:origin/main...HEAD:deploy'), ':81')
})

gitTest('histories without a common commit are told from cut off ones', ({ folder }) => {
  const repository = twoCommits(folder)
  repository.git('checkout', '--quiet', '--orphan', 'island')
  repository.commit()
  const message = repository.refusal('git:main...island:deploy')
  assert.match(message, '"main" and "island" have no commit in common\n')
})

gitTest('what looks like an option, holds control characters or leads out is refused', ({ folder }) => {
  const repository = twoCommits(folder)
  for (const [reference, word] of [
    ['git:--output=x:deploy', 'looks like an option'],
    ['git:main...--all:deploy', 'looks like an option'],
    ['git:HEAD:--deploy', 'looks like an option'],
    ['git:HEAD:dep\nloy', 'control characters'],
    ['git:HE\u001b[31mAD:deploy', 'control characters'],
    ['git:HEAD:dep\u0085loy', 'control characters'],
    ['git:HEAD:/deploy', 'without a slash'],
    ['git:HEAD:../deploy', 'must not hold'],
    ['git:HEAD:deploy/../deploy', 'must not hold'],
    ['git:HEAD', 'has the form git:REVISION:PATH'],
    ['git::deploy', 'names no revision'],
    ['git:main..HEAD:deploy', 'git:A...B:PATH'],
    ['git:main...:deploy', 'git:A...B:PATH'],
    ['git:HEAD:nowhere', 'has no such path'],
    ['git:nowhere:deploy', 'has no revision "nowhere"'],
  ] as const) {
    const message = repository.refusal(reference)
    assert.match(message, word, reference)
    assert.not.match(message, /[\u001b\u0085]/)
  }
  assert.equal(repository.git('status', '--porcelain'), '')
})

gitTest('patterns in a path mean themselves', ({ folder }) => {
  const repository = Repository.create(join(folder, 'origin'))
  repository.write('a[b]*/web.yaml', INPUT)
  repository.write(':(top)x/web.yaml', withPort(82))
  repository.write('-x/web.yaml', withPort(83))
  repository.commit()
  assert.match(repository.ipvs('git:HEAD:a[b]*'), ':80')
  assert.match(repository.ipvs('git:HEAD::(top)x'), ':82')
  assert.match(repository.ipvs('git:HEAD:./-x'), ':83')
  assert.match(repository.refusal('git:HEAD:*/web.yaml'), 'has no such path')
})

gitTest('links are followed in the tree, and never out of it', ({ folder }) => {
  writeFileSync(join(folder, 'secret.yaml'), withPort(66))
  const repository = Repository.create(join(folder, 'origin'))
  repository.write('base/web.yaml', INPUT)
  mkdirSync(join(repository.folder, 'prod'))
  const link = (target: string, path: string): void => symlinkSync(target, join(repository.folder, path))
  link('../base/web.yaml', 'prod/web.yaml')
  link('../../secret.yaml', 'prod/above.yaml')
  link('/etc/passwd', 'prod/absolute.yaml')
  link('round.yaml', 'prod/round.yaml')
  link('nothing.yaml', 'prod/broken.yaml')
  link('../base', 'prod/folder')
  link('base', 'current')
  repository.commit()
  assert.match(repository.ipvs('git:HEAD:current'), ':80')
  assert.match(repository.ipvs('git:HEAD:current/web.yaml'), ':80')
  assert.match(repository.ipvs('git:HEAD:prod/web.yaml'), ':80')
  const { status, stderr } = repository.ipvsc(['check', 'git:HEAD:prod'])
  assert.is(status, 0, stderr)
  assert.match(
    stderr,
    /git:HEAD:prod\/above\.yaml: warning INPUT_UNREAD: .*out of the repository, to "\.\.\/\.\.\/secret\.yaml"/,
  )
  assert.match(stderr, /prod\/absolute\.yaml: warning INPUT_UNREAD: .*to "\/etc\/passwd"/)
  assert.match(stderr, /prod\/round\.yaml: warning INPUT_UNREAD: .*in a circle/)
  assert.match(stderr, /prod\/broken\.yaml: warning INPUT_UNREAD: .*leads to nothing/)
  assert.match(stderr, 'read: 1 Service,')
  assert.match(repository.refusal('git:HEAD:prod/above.yaml'), 'out of the repository')
})

gitTest('submodules and Git LFS pointers are named', ({ folder }) => {
  const other = twoCommits(join(folder, 'other'))
  const repository = Repository.create(join(folder, 'origin'))
  repository.write('deploy/web.yaml', INPUT)
  repository.git(
    '-c',
    'protocol.file.allow=always',
    'submodule',
    '--quiet',
    'add',
    other.folder,
    'deploy/sub',
  )
  repository.commit()
  const { status, stderr } = repository.ipvsc(['check', 'git:HEAD:deploy'])
  assert.is(status, 0, stderr)
  assert.match(stderr, /git:HEAD:deploy\/sub: warning INPUT_UNREAD: .*submodule/)
  assert.match(repository.refusal('git:HEAD:deploy/sub'), 'submodule')
  assert.match(repository.refusal('git:HEAD:deploy/sub/deploy'), '"deploy/sub": this is a submodule')

  repository.write(
    'deploy/big.yaml',
    'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n',
  )
  repository.commit()
  for (const input of ['git:HEAD:deploy', 'deploy/big.yaml']) {
    const pointer = repository.ipvsc(['check', input])
    assert.is(pointer.status, 1)
    assert.match(pointer.stderr, /deploy\/big\.yaml:1:1: error INPUT_UNREAD: .*Git LFS pointer.*git lfs pull/)
    assert.not.match(pointer.stderr, /NOT_AN_OBJECT|SYNTAX/)
  }
})

gitTest('nothing that the repository or its settings name is run', ({ folder }) => {
  const repository = twoCommits(folder)
  const trap = join(folder, 'trap')
  writeFileSync(trap, `#!/bin/sh\ntouch ${folder}/sprung\ncat\n`)
  chmodSync(trap, 0o755)
  for (const hook of ['post-checkout', 'pre-auto-gc', 'reference-transaction', 'fsmonitor-watchman'])
    copyFileSync(trap, join(repository.folder, '.git', 'hooks', hook))
  repository.write('.gitattributes', '*.yaml filter=trap diff=trap\n')
  repository.commit()
  for (const [name, value] of [
    ['filter.trap.smudge', trap],
    ['filter.trap.clean', trap],
    ['diff.trap.textconv', trap],
    ['core.pager', trap],
    ['core.fsmonitor', trap],
    ['core.sshCommand', trap],
    ['pager.cat-file', trap],
    ['alias.cat-file', `!${trap}`],
    ['alias.ls-tree', `!${trap}`],
  ] as const)
    repository.git('config', name, value)
  rmSync(join(folder, 'sprung'), { force: true })
  assert.match(repository.ipvs('git:HEAD:deploy'), ':81')
  assert.not.ok(existsSync(join(folder, 'sprung')))
})

gitTest('contents that a partial clone lacks are not fetched, but named', ({ folder }) => {
  const origin = twoCommits(folder)
  const clone = new Repository(join(folder, 'clone'))
  clone.git('clone', '--quiet', '--no-checkout', '--filter=blob:none', `file://${origin.folder}`, '.')
  const message = clone.refusal('git:HEAD:deploy')
  assert.match(message, /partial clone has to fetch them first, as (git fetch --refetch --no-filter) does/)
  clone.git('fetch', '--quiet', '--refetch', '--no-filter')
  assert.match(clone.ipvs('git:HEAD:deploy'), ':81')
})

gitTest('no repository, no commit, no git and a repository of another user are told apart', ({ folder }) => {
  const outside = new Repository(join(folder, 'outside'))
  const ceiling = { GIT_CEILING_DIRECTORIES: folder }
  const said = (repository: Repository, environment: Record<string, string> = {}): string => {
    const { status, stderr } = repository.ipvsc(['check', 'git:HEAD:.'], environment)
    assert.is(status, 2, stderr)
    return stderr
  }
  assert.match(said(outside, ceiling), /there is no git repository around/)
  const empty = Repository.create(join(folder, 'empty'))
  assert.match(said(empty), 'the repository has no commit yet')
  empty.commit()
  assert.match(said(empty), 'the inputs hold no JSON or YAML file')
  assert.match(said(empty, { PATH: '/nonexistent' }), 'git is not installed')
  const foreign = said(empty, { GIT_TEST_ASSUME_DIFFERENT_OWNER: '1' })
  assert.match(foreign, 'git does not trust the repository')
  assert.match(foreign, /git config --global --add safe\.directory \S+empty/)
})

gitTest('a repository of 5,000 files is read fast: one process, not one for each file', ({ folder }) => {
  const repository = Repository.create(join(folder, 'origin'))
  const filler = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: 1}\n'
  for (let at = 0; at < 4960; at++)
    repository.write(`apps/${at % 100}/${at}.${at % 2 === 0 ? 'yaml' : 'txt'}`, filler.replace('x', `x${at}`))
  for (let at = 0; at < 40; at++)
    repository.write(
      `apps/${at}/service.yaml`,
      `apiVersion: v1\nkind: Service\nmetadata: {name: s${at}}\nspec: {clusterIP: 10.96.0.${at + 1}, ports: [{port: 80}]}\n`,
    )
  repository.write('node.yaml', INPUT.slice(INPUT.indexOf('apiVersion: v1\nkind: Node')))
  repository.commit()
  const started = performance.now()
  const { status, stderr } = repository.ipvsc(['check', 'git:HEAD:'])
  const seconds = (performance.now() - started) / 1000
  assert.is(status, 0, stderr)
  assert.match(stderr, /read: 40 Services, .*2,480 other files passed over/)
  assert.ok(seconds < 15, `${seconds} s`)
})

test.run()
