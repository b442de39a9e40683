import { spawnSync } from 'node:child_process'
import { openBrowser } from '../support/browser.ts'
import { ROOT } from '../support/shared.ts'

/** Renews the pictures of docs/review.md: the page of the example of a pull request, on a desk and on a phone. */

const PAIR = ['examples/pull-request/before', 'examples/pull-request/after']
const words = [
  'diff',
  ...PAIR,
  '--onto',
  'examples/pull-request/snapshot.yaml',
  '--all-nodes',
  '--output',
  'html',
]
const { stdout } = spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...words], {
  cwd: ROOT,
  encoding: 'utf8',
})

const browser = await openBrowser()
for (const [name, width, height, colorScheme] of [
  ['page', 1180, 860, 'light'],
  ['phone', 390, 860, 'dark'],
] as const) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme })
  await page.setContent(stdout)
  await page.screenshot({ path: `${ROOT}docs/pictures/review-${name}.png` })
  await page.close()
}
await browser.close()
