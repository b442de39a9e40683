import { type Diagnostic, diagnostic, excerpt } from '../diagnostics/diagnostics.ts'
import type { Sourced } from '../kube/cluster.ts'
import type { SnapshotRecord } from '../kube/types.ts'
import type { FoundObject } from './objects.ts'
import { isObject } from './objects.ts'

/** API group of objects of our own. */
export const SNAPSHOT_GROUP = 'ipvsc.dev/'

/** The record of a snapshot, or `null` for anything else, among it a record whose time is none. */
export function snapshotRecordOf({ kind, apiVersion, object }: FoundObject): SnapshotRecord | null {
  const { metadata, kubernetesVersion, ipvscVersion, listed } = object
  if (kind !== 'Snapshot' || !apiVersion.startsWith(SNAPSHOT_GROUP) || !isObject(metadata)) return null
  const { name, creationTimestamp } = metadata
  if (!isText(creationTimestamp) || Number.isNaN(Date.parse(creationTimestamp))) return null
  return {
    apiVersion: 'ipvsc.dev/v1',
    kind: 'Snapshot',
    metadata: { name: isText(name) ? name : '', creationTimestamp },
    kubernetesVersion: isText(kubernetesVersion) ? kubernetesVersion : null,
    ipvscVersion: isText(ipvscVersion) ? ipvscVersion : '',
    listed: Array.isArray(listed) ? listed.filter(isText) : [],
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'

export interface SnapshotAgeLimits {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Milliseconds. */
  readonly maxAge: number
}

/** Clocks of two machines may differ by as much, in milliseconds. */
const CLOCK_TOLERANCE = 5 * 60_000

/** How old each snapshot is: a warning for one that is older than allowed, or newer than now. */
export function snapshotAges(
  snapshots: readonly Sourced<SnapshotRecord>[],
  { now, maxAge }: SnapshotAgeLimits,
): Diagnostic[] {
  return snapshots.map(({ object, origin }) => {
    const age = now - Date.parse(object.metadata.creationTimestamp)
    const what = `The snapshot of ${snapshotName(object)}`
    if (age < -CLOCK_TOLERANCE)
      return diagnostic({
        code: 'SNAPSHOT_OLD',
        severity: 'warning',
        message: `${what} says that it was taken in ${formatAge(-age)}: one of the two clocks is wrong, so its age is unknown.`,
        path: ['metadata', 'creationTimestamp'],
        origin,
      })
    if (age > maxAge)
      return diagnostic({
        code: 'SNAPSHOT_OLD',
        severity: 'warning',
        message: `${what} was taken ${formatAge(age)} ago: what the cluster has become since is not in it.`,
        path: ['metadata', 'creationTimestamp'],
        found: object.metadata.creationTimestamp,
        expected: `at most ${formatAge(maxAge)}; take it anew, or allow more with --max-snapshot-age`,
        origin,
      })
    return diagnostic({
      code: 'SNAPSHOT_AGE',
      severity: 'info',
      message: `${what} was taken ${formatAge(Math.max(age, 0))} ago.`,
      origin,
    })
  })
}

const snapshotName = ({ metadata, kubernetesVersion }: SnapshotRecord): string =>
  `${metadata.name === '' ? 'a cluster' : excerpt(metadata.name)}${kubernetesVersion === null ? '' : ` (Kubernetes ${excerpt(kubernetesVersion).slice(1, -1)})`}`

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const

/** `3 days`, `1 hour`, `less than a minute`: the largest unit that fits, rounded down. */
export function formatAge(milliseconds: number): string {
  const unit = UNITS.find(([, length]) => milliseconds >= length)
  if (unit === undefined) return 'less than a minute'
  const count = Math.floor(milliseconds / unit[1])
  return `${count} ${unit[0]}${count === 1 ? '' : 's'}`
}
