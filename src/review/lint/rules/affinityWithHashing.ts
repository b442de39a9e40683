import { oncePerService } from '../placement.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const affinityWithHashing: StateRule = {
  on: 'state',
  code: 'AFFINITY_WITH_HASHING',
  severity: 'warning',
  title: 'Session affinity together with the scheduler sh or mh.',
  why: 'Both pin a client to a real server: the template of the affinity wins while it lasts, and it costs memory for each client and keeps clients on servers that the hash would have left.',
  source: 'https://man7.org/linux/man-pages/man8/ipvsadm.8.html',
  mend: 'Keep one of the two: leave sessionAffinity out, or choose rr, wrr, lc or wlc.',
  check: ({ ports, config }) =>
    oncePerService(ports, ({ persistenceTimeout, scheduling }) => {
      const scheduler = scheduling?.scheduler ?? config.scheduler
      return persistenceTimeout !== null && HASHING.has(scheduler) ? scheduler : null
    }).map(({ port, found }) =>
      inService(
        port.service,
        ['spec', 'sessionAffinity'],
        `Session affinity of ${port.persistenceTimeout} s stands over the scheduler ${found}.`,
      ),
    ),
  checkPlan: ({ virtualServers }) =>
    virtualServers
      .filter(({ persistence, scheduler }) => persistence !== null && HASHING.has(scheduler))
      .map(({ protocol, address, port, scheduler, persistence }) => ({
        message: `The virtual server ${protocol} ${address}:${port} has persistence of ${persistence?.timeout} s over the scheduler ${scheduler}.`,
        subject: null,
        origin: null,
        path: [],
        service: null,
      })),
}

const HASHING: ReadonlySet<string> = new Set(['sh', 'mh'])
