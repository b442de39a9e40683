import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createTwoFilesPatch } from 'diff'
import { expectedFiles, goldenNames, loadCase, runCase } from './cases.ts'

/** Rewrites the expected files of all cases, or of those named, and shows what changed. */
if (process.env.CI !== undefined) throw new Error('golden files are not rewritten in CI')

const wanted = process.argv.slice(2)
for (const name of goldenNames().filter((known) => wanted.length === 0 || wanted.includes(known))) {
  const golden = await loadCase(name)
  const before = expectedFiles(golden.folder)
  const { files } = await runCase(golden)
  rmSync(`${golden.folder}/expected`, { recursive: true, force: true })
  mkdirSync(`${golden.folder}/expected`)
  for (const [file, text] of files) writeFileSync(`${golden.folder}/expected/${file}`, text)
  for (const file of new Set([...before.keys(), ...files.keys()])) {
    const [old, now] = [before.get(file) ?? '', files.get(file) ?? '']
    if (old !== now) console.log(createTwoFilesPatch(`${name}/${file}`, `${name}/${file}`, old, now))
  }
}
