import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createTwoFilesPatch } from 'diff'
import { expectedFiles } from '../golden/cases.ts'
import { CASES, caseNames, formsOf, loadCase } from './cases.ts'

/** Rewrites the expected forms of all reviews, or of those named, and shows what changed. */
if (process.env.CI !== undefined) throw new Error('golden files are not rewritten in CI')

const wanted = process.argv.slice(2)
for (const name of caseNames().filter((known) => wanted.length === 0 || wanted.includes(known))) {
  const folder = `${CASES}/${name}`
  const before = expectedFiles(folder)
  const forms = formsOf(await loadCase(name))
  rmSync(`${folder}/expected`, { recursive: true, force: true })
  mkdirSync(`${folder}/expected`)
  for (const [file, text] of forms) {
    writeFileSync(`${folder}/expected/${file}`, text)
    const old = before.get(file) ?? ''
    if (old !== text) console.log(createTwoFilesPatch(`${name}/${file}`, `${name}/${file}`, old, text))
  }
}
