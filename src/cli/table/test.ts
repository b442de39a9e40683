import { TEST_FORMS, type TestOptions } from '../options.ts'
import { command } from './rows.ts'

export const TEST = command({
  name: 'test',
  description: 'Run cases of rules: packets and what becomes of them, verifications, expected payloads.',
  arguments: [
    {
      name: '[paths...]',
      description: 'files of cases, and folders with them (default: .); or: init DIR, for a first one',
    },
  ],
  options: [
    { flags: '--filter <text>', description: 'run cases alone whose name has this; * stands for any text' },
    { flags: '--update', description: 'write expected payloads anew; refused where CI is set' },
    {
      flags: '--output <form>',
      description: 'how to report',
      choices: TEST_FORMS,
      defaultValue: 'text',
    },
    { flags: '-q, --quiet', description: 'cases that did not pass alone' },
    { flags: '--cluster <input>', description: 'of init: the inputs that the first cases are about' },
    { flags: '-n, --node <name>', description: 'of init: the Node (default: the first)' },
  ],
  notes: `Cases are in *.ipvsc-test.yaml and in the tests of ipvsc.yaml: docs/rule-tests.md. The exit status is 3 where an expectation
fails, and 1 where a case cannot be run.`,
  examples: ['ipvsc test', 'ipvsc test rules/ --filter cart', 'ipvsc test init rules --cluster cluster.json'],
  run: async ([paths]: [string[]], options: TestOptions) => {
    const { test } = await import('../commands/test.ts')
    return test(paths, options)
  },
})
