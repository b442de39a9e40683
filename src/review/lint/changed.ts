import type { JsonPath } from '../../diagnostics/diagnostics.ts'
import type { Draft } from './draft.ts'
import { statedService } from './servers.ts'
import { inService } from './subject.ts'
import type { GuardedChange } from './types.ts'

/** What a guard rule found of a Service, at a field of it as it is stated after, else before. */
export function ofService(change: GuardedChange, service: string, path: JsonPath, message: string): Draft {
  const stated = statedService(change, service)
  if (stated !== null) return inService(stated, path, message)
  const origin = change.review.services.find((one) => one.service === service)?.origin ?? null
  return { message, subject: null, origin, path: [], service }
}

/** What a guard rule found of the change as a whole. */
export const ofChange = (message: string): Draft => ({
  message,
  subject: null,
  origin: null,
  path: [],
  service: null,
})
