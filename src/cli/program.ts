import { Argument, Command, CommanderError, Option } from 'commander'
import { CommandError, EXIT, EXIT_HELP } from '../host/exit.ts'
import { VERSION } from '../version.ts'
import type { ArgumentRow, CommandRow, OptionRow } from './table/rows.ts'
import { PROGRAM } from './table/table.ts'
import { print, say, sayLines } from './terminal.ts'

/** Runs the command line and gives the exit status. */
export async function run(argv: readonly string[]): Promise<number> {
  let status: number = EXIT.done
  const program = createProgram((result) => {
    status = result
  })
  try {
    await program.parseAsync([...argv])
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    if (!(error instanceof CommandError)) return sayDefect(error)
    say(`ipvsc: ${error.message}`)
    return error.status
  }
}

/** What commander says of wrong usage repeats words of the command line, so it is one line. */
const sayUsage = (text: string): void => say(text.trimEnd().replace(/\n(?=\(Did you mean )/, ' '))

/** Says what nobody foresaw, with its stack under `--debug` alone. Gives the exit status. */
export function sayDefect(error: unknown): number {
  const { message, stack = 'no stack' } = error instanceof Error ? error : new Error(String(error))
  say(`ipvsc: internal error: ${message.replace(/^internal error: /, '')}`)
  if (process.argv.includes('--debug')) sayLines(`${stack}\n`)
  else say('ipvsc: this is a defect of ipvsc; --debug shows where it is, for a report')
  return EXIT.input
}

function createProgram(finish: (status: number) => void): Command {
  const program = new Command(PROGRAM.name)
    .description(PROGRAM.description)
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .configureOutput({ writeErr: sayLines, writeOut: print, outputError: sayUsage })
    .exitOverride()
    .showHelpAfterError('(ipvsc --help tells more)')
    .addHelpText('after', helpBelow(PROGRAM))
  for (const row of PROGRAM.options) program.addOption(optionOf(row))
  for (const row of PROGRAM.commands) addCommand(program, row, finish)
  return program
}

function addCommand(program: Command, row: CommandRow, finish: (status: number) => void): void {
  const command = program.command(row.name).description(row.description).addHelpText('after', helpBelow(row))
  for (const argument of row.arguments) command.addArgument(argumentOf(argument))
  for (const option of row.options) command.addOption(optionOf(option))
  // Commander's words are untyped; what a row's command takes follows from the arguments and options of the row.
  command.action(async () => finish(await row.run(command.processedArgs as never, command.opts() as never)))
}

function argumentOf({ name, description, choices }: ArgumentRow): Argument {
  const argument = new Argument(name, description)
  return choices === undefined ? argument : argument.choices(choices)
}

function optionOf(row: OptionRow): Option {
  const { flags, description, choices, defaultValue, isRepeatable = false, isRequired = false } = row
  const option = new Option(flags, description).makeOptionMandatory(isRequired)
  if (choices !== undefined) option.choices(choices)
  if (defaultValue !== undefined) option.default(defaultValue)
  if (isRepeatable) option.argParser(collect)
  return option
}

/** The values of an option that may be given several times. */
const collect = (value: string, before: readonly string[] = []): string[] => [...before, value]

/** What the help says below the options. */
function helpBelow({ notes, examples }: { readonly notes?: string; readonly examples: readonly string[] }) {
  const lines = examples.map((example) => `  $ ${example}\n`)
  return [
    notes === undefined ? '' : `\n${notes}\n`,
    lines.length === 0 ? '' : `\nExamples:\n${lines.join('')}`,
    EXIT_HELP,
  ].join('')
}
