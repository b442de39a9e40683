#!/usr/bin/env node
import { run, sayDefect } from './cli/program.ts'
import { say } from './cli/terminal.ts'

// A reader that has seen enough (head, less) closes the pipe; that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  say(`ipvsc: cannot write to standard output: ${error.message}`)
  process.exit(1)
})
process.on('uncaughtException', (error) => process.exit(sayDefect(error)))

process.exitCode = await run(process.argv)
