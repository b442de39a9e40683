import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAllDocuments } from 'yaml'
import { VERSION } from '../../src/version.ts'
import { ROOT } from '../support/shared.ts'

const FOLDER = `${ROOT}integrations/snapshot`
const NAMES = readdirSync(FOLDER)
const textOf = (name: string): string => readFileSync(`${FOLDER}/${name}`, 'utf8')

const documentsOf = (name: string) =>
  parseAllDocuments(textOf(name), { strict: true, uniqueKeys: true }).map((document) => {
    assert.equal([...document.errors, ...document.warnings], [], name)
    return document.toJS()
  })

/** Every text of a value that a shell runs, by the keys under which recipes have them. */
function scriptsIn(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return ['run', 'script', 'args'].includes(key) ? [value] : []
  if (Array.isArray(value)) return value.flatMap((item) => scriptsIn(item, key))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([inner, item]) => scriptsIn(item, inner))
}

const RECIPES = NAMES.filter((name) => name !== 'role.yaml')

test('every recipe is strict YAML, and docs/snapshot.md names it', () => {
  const docs = readFileSync(`${ROOT}docs/snapshot.md`, 'utf8')
  assert.equal(NAMES, ['cronjob.yaml', 'github-actions.yaml', 'gitlab-ci.yaml', 'role.yaml'])
  for (const name of NAMES) {
    assert.ok(documentsOf(name).length > 0, name)
    assert.ok(docs.includes(`\`${name}\``), name)
  }
})

test('what a recipe runs is a shell script, and ipvsc has its commands and options', () => {
  const help = new Map<string, string>()
  const helpOf = (command: string): string => {
    const { status, stdout } = spawnSync(process.execPath, [`${ROOT}dist/cli.js`, command, '--help'], {
      encoding: 'utf8',
    })
    assert.is(status, 0, `ipvsc ${command}`)
    help.set(command, stdout)
    return stdout
  }
  for (const name of RECIPES) {
    const scripts = documentsOf(name).flatMap((document) => scriptsIn(document))
    const commands = scripts.flatMap((script) => {
      const { status, stderr } = spawnSync('sh', ['-n'], { input: script, encoding: 'utf8' })
      assert.is(status, 0, `${name}: ${stderr}`)
      return [...script.matchAll(/^\s*ipvsc (\S+)(.*)$/gm)]
    })
    assert.ok(commands.length > 0, `${name} runs ipvsc`)
    for (const [, command = '', words = ''] of commands) {
      const known = help.get(command) ?? helpOf(command)
      assert.match(known, `Usage: ipvsc ${command} `)
      for (const [, option] of words.matchAll(/(?<=\s)(--?[a-z][a-z-]*)/g))
        assert.match(known, new RegExp(`[ ,]${option}[ ,]`), `${name}: ipvsc ${command} ${option}`)
    }
    assert.match(textOf(name), `ipvsc@${VERSION}`, `${name} takes this release`)
  }
})

test('the role is that of the docs, and the CronJob runs as its account', () => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(`${ROOT}docs/snapshot.md`, 'utf8')) ?? []
  const documented = parseAllDocuments(yaml).map((document) => document.toJS())
  const [namespace, ...role] = documentsOf('role.yaml')
  assert.equal(role, documented)
  const account = role.find(({ kind }) => kind === 'ServiceAccount').metadata
  assert.is(namespace.metadata.name, account.namespace)
  const [claim, job] = documentsOf('cronjob.yaml')
  const { spec } = job.spec.jobTemplate.spec.template
  assert.is(spec.serviceAccountName, account.name)
  assert.is(job.metadata.namespace, account.namespace)
  assert.is(spec.volumes[0].persistentVolumeClaim.claimName, claim.metadata.name)
  const mounted = spec.containers[0].volumeMounts.map(({ name }: { name: string }) => name)
  assert.equal(
    mounted,
    spec.volumes.map(({ name }: { name: string }) => name),
  )
})

test('jobs run on a schedule, and one at a time', () => {
  const [workflow] = documentsOf('github-actions.yaml')
  assert.match(workflow.on.schedule[0].cron, /^\S+( \S+){4}$/)
  assert.ok(workflow.concurrency.group)
  assert.equal(workflow.permissions, { contents: 'write' })
  const [pipeline] = documentsOf('gitlab-ci.yaml')
  assert.match(pipeline['cluster-snapshot'].rules[0].if, 'schedule')
  assert.ok(pipeline['cluster-snapshot'].resource_group)
  const [, job] = documentsOf('cronjob.yaml')
  assert.match(job.spec.schedule, /^\S+( \S+){4}$/)
  assert.is(job.spec.concurrencyPolicy, 'Forbid')
})

test.run()
