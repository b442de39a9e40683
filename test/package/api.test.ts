import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { apiReport, REPORT } from './apiReport.ts'

test('what the package exports is what docs/api.md says: npm run api writes it anew', () => {
  const report = apiReport()
  for (const name of ['compile', 'read', 'parsePlan', 'makeBundle', 'Plan', 'VERSION'])
    assert.match(report, new RegExp(`^export (declare )?(function|const|interface) ${name}\\b`, 'm'))
  assert.fixture(report, readFileSync(REPORT, 'utf8'))
})

test.run()
