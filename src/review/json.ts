import { safeJson } from '../diagnostics/safeText.ts'
import type { Review } from './types.ts'

/** The model as JSON, as `schemas/review.schema.json` states it. */
export const formatReviewJson = (review: Review): string => `${safeJson(JSON.stringify(review, null, 2))}\n`
