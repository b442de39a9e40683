/** Why no snapshot could be taken. The message says what to do. */
export class SnapshotError extends Error {}

export interface SnapshotOptions {
  /** Default: what kubectl would use. */
  readonly kubeconfig?: string
  readonly context?: string
  /** Objects a page. */
  readonly pageSize: number
  /** Milliseconds to wait for one answer. */
  readonly timeout: number
  /** Bytes that all answers may have together. Default: 1 GiB. */
  readonly maxBytes?: number
  /** Default: as the kubeconfig names the cluster. */
  readonly clusterName?: string | undefined
  /** Whether Pods are listed. Without them, endpoints of new Services cannot be known. */
  readonly pods: boolean
  /** Milliseconds since 1970, for the record. */
  readonly now: number
  readonly onProgress?: (progress: Progress) => void
}

export interface Progress {
  readonly resource: string
  readonly listed: number
  /** How many there are, when the server tells. */
  readonly total: number | null
}

export interface Snapshot {
  /** A canonical `v1` List as JSON. */
  readonly text: string
  readonly counts: Readonly<Record<string, number>>
  /** What the snapshot lacks, and why. */
  readonly warnings: readonly string[]
}
