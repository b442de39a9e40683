import { createHash } from 'node:crypto'

/**
 * Some tests have more cases than every run has time for: each run takes a sample of them by a seed, another one each time.
 * `IPVSC_SEED` repeats a run, `IPVSC_THOROUGH=1` takes all.
 */

export const THOROUGH = process.env.IPVSC_THOROUGH === '1'

const given = process.env.IPVSC_SEED
/** A whole number from 0 to 2^31. */
export const SEED = given === undefined || given === '' ? Math.floor(Math.random() * 2 ** 31) : Number(given)
if (!Number.isInteger(SEED) || SEED < 0) throw new Error(`IPVSC_SEED takes a whole number, not "${given}"`)

/** A number from 0 to 1 for a name: those of which it is below a share are the sample. */
export const chance = (name: string): number =>
  createHash('sha256').update(`${SEED} ${name}`).digest().readUInt32LE() / 2 ** 32

/**
 * A part of a list, in its order: a share from 0 to 1 of it, rounded up, and all where the run is thorough. Lists of other
 * names are sampled at other places.
 */
export function sampled<T>(name: string, items: readonly T[], share: number, thorough = THOROUGH): T[] {
  if (thorough || share >= 1) return [...items]
  const places = items
    .map((_, place) => ({ place, turn: chance(`${name} ${place}`) }))
    .sort((a, b) => a.turn - b.turn)
  const chosen = new Set(places.slice(0, Math.ceil(items.length * share)).map(({ place }) => place))
  return items.filter((_, place) => chosen.has(place))
}
