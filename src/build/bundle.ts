import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'
import { VERSION } from '../version.ts'
import { joinScript } from './script.ts'

/** Joins the modules of src/ into few files, so that a process starts quickly. Packages stay packages. */
const root = new URL('../../', import.meta.url).pathname
const { engines } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

rmSync(`${root}dist`, { recursive: true, force: true })
await build({
  entryPoints: [`${root}src/cli.ts`, `${root}src/index.ts`, `${root}src/testing.ts`],
  outdir: `${root}dist`,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: `node${engines.node.replace('>=', '')}`,
  packages: 'external',
  logLevel: 'warning',
})
chmodSync(`${root}dist/cli.js`, 0o755)
// What every bundle of this release brings: audited and checksummed once.
writeFileSync(`${root}dist/apply.sh`, joinScript(`${root}templates/node`, VERSION))
