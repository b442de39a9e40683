import { writeFileSync } from 'node:fs'
import { apiReport, REPORT } from './apiReport.ts'

writeFileSync(REPORT, apiReport())
