/** Schedulers that kernels have, each a module ip_vs_NAME. */
export const SCHEDULERS = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'lblc',
  'lblcr',
  'dh',
  'sh',
  'sed',
  'nq',
  'fo',
  'ovf',
  'mh',
  'twos',
] as const
export type Scheduler = (typeof SCHEDULERS)[number]

/** Scheduler flags in the words of `ipvsadm -b`. */
export const SCHEDULER_FLAGS = ['sh-fallback', 'sh-port', 'mh-fallback', 'mh-port'] as const
export type SchedulerFlag = (typeof SCHEDULER_FLAGS)[number]
