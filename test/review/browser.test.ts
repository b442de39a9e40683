import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openBrowser } from '../support/browser.ts'
import { ROOT } from '../support/shared.ts'
import { needs } from '../support/tools.ts'
import { fullPage } from './page.ts'

/** The page of a review in a real browser. Screenshots are kept in test/review/screenshots, which git ignores. */
const test = suite<{ browser?: Browser }>('review: the page in a browser')

const SHOTS = `${ROOT}test/review/screenshots`
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

test.after(async ({ browser }) => {
  await browser?.close()
})

/** Opens the page; whatever it asks of a network, and whatever goes wrong in it, is noted. */
async function open(
  context: { browser?: Browser },
  options: BrowserContextOptions,
  run: (page: Page) => Promise<void>,
): Promise<void> {
  context.browser ??= await openBrowser()
  const session = await context.browser.newContext(options)
  try {
    const page = await session.newPage()
    const trouble: string[] = []
    page.on('console', (message) => trouble.push(message.text()))
    page.on('pageerror', (error) => trouble.push(error.message))
    page.on('request', (request) => {
      if (request.url() !== ADDRESS) trouble.push(request.url())
    })
    const body = await fullPage()
    await page.route(ADDRESS, (route) => route.fulfill({ contentType: 'text/html', body }))
    await page.goto(ADDRESS)
    await run(page)
    assert.equal(trouble, [])
  } finally {
    await session.close()
  }
}

const ADDRESS = 'http://localhost/review.html'

const shown = (page: Page): Promise<string[]> => page.locator('.card:visible .name').allTextContents()
const counted = (page: Page): Promise<string | null> => page.locator('.filters output').textContent()

needs('chromium')(test, 'search and filters narrow what is shown, together', async (context) => {
  await open(context, {}, async (page) => {
    assert.equal(await shown(page), ['ops/metrics', 'shop/cart', 'shop/search', 'shop/web'])
    assert.is(await counted(page), '4 of 4 shown')
    await page.fill('[name=search]', 'SHOP/Cart')
    assert.equal(await shown(page), ['shop/cart'])
    await page.fill('[name=search]', '10.244.4.12:8080')
    assert.equal(await shown(page), ['shop/web'])
    await page.fill('[name=search]', '')
    await page.selectOption('[name=namespace]', 'shop')
    await page.selectOption('[name=severity]', 'error')
    assert.equal(await shown(page), ['shop/cart'])
    assert.is(await counted(page), '1 of 4 shown')
    await page.selectOption('[name=namespace]', 'ops')
    await page.fill('[name=search]', 'no such text')
    assert.equal(await shown(page), [])
    assert.ok(await page.locator('.none').isVisible())
    await page.fill('[name=search]', '')
    await page.selectOption('[name=namespace]', '')
    await page.selectOption('[name=severity]', '')
    await page.selectOption('[name=node]', { label: 'worker-4' })
    assert.equal(await shown(page), ['ops/metrics', 'shop/cart', 'shop/search', 'shop/web'])
  })
})

needs('chromium')(test, 'a link to a Service opens it; all can be opened and closed', async (context) => {
  await open(context, {}, async (page) => {
    const opened = (): Promise<number> => page.locator('.card[open]').count()
    await page.click('.filters button')
    assert.is(await opened(), 0)
    await page.evaluate("location.hash = '#shop/cart'")
    await page.waitForSelector('[id="shop/cart"][open]')
    assert.is(await opened(), 1)
    await page.click('.filters button')
    assert.is(await opened(), 4)
  })
})

const READERS = [1280, 390].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
)

for (const { width, colorScheme } of READERS)
  needs('chromium')(
    test,
    `${width} pixels, ${colorScheme}: accessible, and nothing wider than the window`,
    async (context) => {
      await open(
        context,
        { viewport: { width, height: 900 }, colorScheme, bypassCSP: true },
        async (page) => {
          assert.is(await page.evaluate('document.documentElement.scrollWidth'), width)
          await page.evaluate(AXE)
          const { violations } = (await page.evaluate('axe.run()')) as {
            violations: { id: string; nodes: { html: string }[] }[]
          }
          assert.equal(
            violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
            [],
          )
          mkdirSync(SHOTS, { recursive: true })
          await page.screenshot({ path: `${SHOTS}/review-${width}-${colorScheme}.png`, fullPage: true })
        },
      )
    },
  )

needs('chromium')(
  test,
  'without scripts everything can be read, and no filter pretends to work',
  async (context) => {
    await open(context, { javaScriptEnabled: false }, async (page) => {
      assert.ok(await page.locator('h1').isVisible())
      assert.is(await page.locator('.card:visible').count(), 4)
      assert.ok(await page.locator('.picture').first().isVisible())
      assert.not.ok(await page.locator('.filters').isVisible())
      assert.not.ok(await page.locator('.none').isVisible())
      await page.locator('.card summary').first().click()
      assert.is(await page.locator('.card[open]').count(), 3)
    })
  },
)

test.run()
