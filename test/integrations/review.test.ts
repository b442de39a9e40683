import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse, parseAllDocuments } from 'yaml'
import { VERSION } from '../../src/version.ts'
import { ROOT } from '../support/shared.ts'
import { needs } from '../support/tools.ts'
import { comment, type Host, ME, startHost } from './host.ts'

/** The action and the template, executed step by step on a repository with two branches, against a small host. */
const FOLDER = `${ROOT}integrations/review`

interface Context {
  folder: string
  host: Host
}
const test = suite<Context>('integrations: review')

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
  context.host = await startHost()
})
test.after.each(async ({ folder, host }) => {
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Step {
  readonly id?: string
  readonly if?: string
  readonly run: string
  readonly env?: Readonly<Record<string, string>>
}
const ACTION = parse(readFileSync(`${FOLDER}/action.yml`, 'utf8')) as {
  inputs: Record<string, { default?: string; required?: boolean }>
  runs: { steps: Step[] }
}

const git = (cwd: string, ...words: readonly string[]): void => {
  const { status, stderr } = spawnSync(
    'git',
    ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...words],
    { cwd, encoding: 'utf8' },
  )
  assert.is(status, 0, stderr)
}

/** main holds the example before its change, and the checked out branch after it. */
function repository(folder: string, isChanged: boolean): string {
  const [cwd, example] = [join(folder, 'repository'), `${ROOT}examples/pull-request`]
  git(folder, 'init', '-q', '-b', 'main', cwd)
  cpSync(`${example}/before`, join(cwd, 'deploy'), { recursive: true })
  cpSync(`${example}/snapshot.yaml`, join(cwd, 'cluster.yaml'))
  git(cwd, 'add', '-A')
  git(cwd, 'commit', '-qm', 'before')
  git(cwd, 'update-ref', 'refs/remotes/origin/main', 'HEAD')
  git(cwd, 'switch', '-qc', 'change')
  if (isChanged) cpSync(`${example}/after`, join(cwd, 'deploy'), { recursive: true })
  else writeFileSync(join(cwd, 'README'), 'x\n')
  git(cwd, 'add', '-A')
  git(cwd, 'commit', '-qm', 'after')
  return cwd
}

async function shell(script: string, cwd: string, env: Readonly<Record<string, string>>) {
  const child = spawn('bash', ['-eo', 'pipefail', '-c', script], {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: cwd, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const status = await new Promise<number>((done) => child.once('close', (code) => done(code ?? 1)))
  return { status, output }
}

/** Runs the steps as a runner does: expressions are replaced in `env` and `if` alone, outputs go from step to step. */
async function runAction({ folder, host }: Context, cwd: string, given: Readonly<Record<string, string>>) {
  const inputs = Object.fromEntries(
    Object.entries(ACTION.inputs).map(([name, { default: value = '' }]) => [name, value]),
  )
  Object.assign(inputs, { ipvsc: `node ${ROOT}dist/cli.js`, token: 'secret', 'pull-request': '3' }, given)
  const values = new Map(Object.entries(inputs).map(([name, value]) => [`inputs.${name}`, value]))
  const replaced = (text: string): string =>
    text.replace(/\$\{\{ ([\w.-]+) \}\}/g, (_, name: string) => {
      assert.ok(values.has(name), name)
      return values.get(name) as string
    })
  const [out, summary] = [join(folder, 'output'), join(folder, 'summary')]
  let last = { status: 0, output: '' }
  let log = ''
  for (const step of ACTION.runs.steps) {
    assert.not.match(step.run, '${{')
    if (step.if !== undefined && !holds(step.if, values)) continue
    writeFileSync(out, '')
    last = await shell(step.run, cwd, {
      ...Object.fromEntries(Object.entries(step.env ?? {}).map(([name, value]) => [name, replaced(value)])),
      GITHUB_ACTION_PATH: FOLDER,
      GITHUB_BASE_REF: 'main',
      GITHUB_OUTPUT: out,
      GITHUB_STEP_SUMMARY: summary,
      GITHUB_API_URL: host.url,
      GITHUB_REPOSITORY: 'o/r',
      RUNNER_TEMP: folder,
      ...(given.env === undefined ? {} : JSON.parse(given.env)),
    })
    log += last.output
    for (const line of readFileSync(out, 'utf8').split('\n').filter(Boolean)) {
      const [name, ...value] = line.split('=')
      values.set(`steps.${step.id}.outputs.${name}`, value.join('='))
    }
    if (last.status !== 0) break
  }
  return { status: last.status, log, summary: readFileSync(summary, 'utf8') }
}

/** `a == 'x' && b != ''`. */
const holds = (condition: string, values: ReadonlyMap<string, string>): boolean =>
  condition.split(' && ').every((part) => {
    const [, name = '', operator, value] = /^([\w.-]+) (==|!=) '([^']*)'$/.exec(part) ?? []
    assert.ok(values.has(name), part)
    return (values.get(name) === value) === (operator === '==')
  })

const INPUTS = { path: 'deploy', onto: 'cluster.yaml' }

needs('git')(
  test,
  'one comment, renewed and not repeated; a summary; and a check that fails',
  async (context) => {
    const { folder, host } = context
    const cwd = repository(folder, true)
    // Others may write what they like, ours is by its author.
    host.comments.push(comment(1, '<!-- ipvsc review -->\nforged', { login: 'mallory', id: 8 }))
    for (let id = 2; id < 120; id++) host.comments.push(comment(id, 'talk', { login: 'a', id: 9 }))
    const first = await runAction(context, cwd, INPUTS)
    assert.is(first.status, 3, first.log)
    assert.match(first.summary, /^### ipvsc: 3 Services change/)
    const ours = () => host.comments.filter(({ user }) => user.login === ME.login)
    assert.is(ours().length, 1, first.log)
    assert.match(
      ours()[0]?.body ?? '',
      /^<!-- ipvsc review -->\n### ipvsc: 3 Services change .*`shop\/cart-db` becomes UNREACHABLE/,
    )
    for (const name of ['review.html', 'review.json', 'review.sarif'])
      assert.ok(existsSync(join(folder, 'ipvsc-review', name)), name)
    assert.is(JSON.parse(readFileSync(join(folder, 'ipvsc-review/review.sarif'), 'utf8')).version, '2.1.0')

    await runAction(context, cwd, INPUTS)
    assert.is(host.calls.filter((call) => /^(POST|PATCH|DELETE)/.test(call)).length, 1)
    const [mine] = ours()
    if (mine !== undefined) mine.body += 'old'
    const third = await runAction(context, cwd, { ...INPUTS, 'fail-on': 'never' })
    assert.is(third.status, 0, third.log)
    assert.is(host.calls.filter((call) => call.startsWith('PATCH')).length, 1)
    assert.is(ours().length, 1)
    assert.is(host.comments[0]?.body, '<!-- ipvsc review -->\nforged')
  },
)

needs('git')(test, 'no comment where nothing changes; one that was there goes', async (context) => {
  const cwd = repository(context.folder, false)
  const { status, summary, log } = await runAction(context, cwd, INPUTS)
  assert.is(status, 0, log)
  assert.match(summary, /nothing changes on all 2 nodes/)
  assert.equal(context.host.comments, [])
  context.host.comments.push(comment(5, '<!-- ipvsc review -->\nold', ME))
  await runAction(context, cwd, { ...INPUTS, 'fail-on': 'change' })
  assert.equal(context.host.comments, [])
})

needs('git')(
  test,
  'a change fails where any is to, a token that may not write fails nothing',
  async (context) => {
    const cwd = repository(context.folder, true)
    const denied = await runAction(context, cwd, { ...INPUTS, token: 'other', 'fail-on': 'change' })
    assert.is(denied.status, 3)
    assert.match(denied.log, /403 .*workflow_run job comments[\s\S]*::warning::/)
    assert.match(denied.summary, /3 Services change/)
  },
)

needs('git')(test, 'inputs with errors fail, and say why without being read as Markdown', async (context) => {
  const cwd = repository(context.folder, true)
  writeFileSync(
    join(cwd, 'deploy/odd.yaml'),
    'kind: Service\napiVersion: v1\nmetadata: {name: "</details> @all"}\n',
  )
  git(cwd, 'add', '-A')
  git(cwd, 'commit', '-qm', 'odd')
  const { status, summary, log } = await runAction(context, cwd, { ...INPUTS, 'fail-on': 'never' })
  assert.is(status, 1, log)
  assert.match(summary, /^### ipvsc: this change cannot be reviewed\n\n {4}/)
  for (const line of summary.trimEnd().split('\n').slice(2)) assert.match(line, /^ {4}/)
})

needs('git')(test, 'texts of a pull request are no commands', async (context) => {
  const cwd = repository(context.folder, true)
  const odd = '$(touch pwned); `touch pwned`; "x'
  const { status, log } = await runAction(context, cwd, { ...INPUTS, path: odd })
  assert.is(status, 2, log)
  assert.not.ok(existsSync(join(cwd, 'pwned')))
})

needs('git')(
  test,
  'a job for forks finds the pull request by its head, and says nothing of one that moved on',
  async (context) => {
    const cwd = repository(context.folder, true)
    const env = JSON.stringify({ IPVSC_HEAD: 'fork:change', IPVSC_HEAD_SHA: 'abc' })
    const given = { ...INPUTS, 'pull-request': 'from-head', 'fail-on': 'never', base: 'main', env }
    context.host.pulls.push({ number: 9, head: { sha: 'newer' } })
    const moved = await runAction(context, cwd, given)
    assert.is(moved.status, 0, moved.log)
    assert.equal(context.host.comments, [])
    context.host.pulls.push({ number: 12, head: { sha: 'abc' } })
    await runAction(context, cwd, given)
    assert.ok(context.host.calls.includes('POST /repos/o/r/issues/12/comments'))
  },
)

needs('git')(
  test,
  "GitLab: the template's script comments a merge request and ends with the check",
  async (context) => {
    const { folder, host } = context
    const cwd = repository(folder, true)
    git(cwd, 'remote', 'add', 'origin', cwd)
    const template = parse(readFileSync(`${FOLDER}/gitlab-ci.yml`, 'utf8'))['ipvsc-review']
    const [install, ...script] = template.script as string[]
    assert.is(install, `npm install --global ipvsc@${VERSION}`)
    const { status, output } = await shell(
      script.join('\n').replace('$(npm root --global)/ipvsc', ROOT),
      cwd,
      {
        IPVSC: `node ${ROOT}dist/cli.js`,
        IPVSC_PATH: 'deploy',
        IPVSC_ONTO: 'cluster.yaml',
        IPVSC_OUT: 'ipvsc-review',
        IPVSC_TOKEN: 'secret',
        GITLAB_CI: 'true',
        CI_API_V4_URL: host.url,
        CI_PROJECT_ID: '1',
        CI_MERGE_REQUEST_IID: '4',
        CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
      },
    )
    assert.is(status, 3, output)
    assert.ok(host.calls.includes('POST /projects/1/merge_requests/4/notes'))
    assert.match(host.comments[0]?.body ?? '', /3 Services change/)
  },
)

test('every file is strict YAML, docs/pipeline.md names it, and versions are those of the package', () => {
  const docs = readFileSync(`${ROOT}docs/pipeline.md`, 'utf8')
  for (const name of [
    'action.yml',
    'gitlab-ci.yml',
    'argo-cd.yaml',
    'flux.yaml',
    'pull-request.yaml',
    'forks.yaml',
  ]) {
    const text = readFileSync(`${FOLDER}/${name}`, 'utf8')
    for (const document of parseAllDocuments(text, { strict: true, uniqueKeys: true }))
      assert.equal([...document.errors, ...document.warnings], [], name)
    assert.ok(docs.includes(`\`${name}\``), name)
    for (const [, version] of text.matchAll(/ipvsc[@:](\d+\.\d+\.\d+)/g)) assert.is(version, VERSION, name)
  }
  const hooks = parse(readFileSync(`${ROOT}.pre-commit-hooks.yaml`, 'utf8')) as {
    id: string
    entry: string
  }[]
  for (const { id, entry } of hooks) {
    const words = [...entry.split(' ').slice(1), `${ROOT}examples/pull-request/before/web.yaml`]
    const { status, stderr } = spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...words], {
      encoding: 'utf8',
    })
    assert.is(status, 0, `${id}: ${stderr}`)
  }
})

test.run()
