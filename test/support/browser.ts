import { spawnSync } from 'node:child_process'
import type { Browser } from 'playwright-core'

/** Debian's Chromium without a window; as root it has no sandbox. */
export async function openBrowser(): Promise<Browser> {
  const { chromium } = await import('playwright-core')
  const executablePath = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim()
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
}
