import { existsSync } from 'node:fs'

export const ROOT = new URL('../../', import.meta.url).pathname

/** Data that lies beside a checkout; tests that need it say so and pass over it where it is not. */
export const SHARED_DATA = `${ROOT}../shared/data`
export const hasSharedData = existsSync(SHARED_DATA)

if (!hasSharedData) console.warn(`SKIPPED: ${SHARED_DATA} is not there, so tests on real data do not run`)
