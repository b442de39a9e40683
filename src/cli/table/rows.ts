/** Rows of the command table: data from which parser, help and completion are made. */

export interface OptionRow {
  /** `-n, --node <name>`, `--quiet`, or `--no-drain` for what is on by default. */
  readonly flags: string
  readonly description: string
  /** The only values that it takes. */
  readonly choices?: readonly string[]
  readonly defaultValue?: string
  /** May be given several times; its value is a list then. */
  readonly isRepeatable?: true
  readonly isRequired?: true
}

export interface ArgumentRow {
  /** `<name>`, `[name]` where it may be missing, `<names...>` for one or more. */
  readonly name: string
  readonly description: string
  readonly choices?: readonly string[]
}

/** What a command is told: arguments by position, and options by name as commander has them. */
type Run<Arguments, Options> = (args: Arguments, options: Options) => Promise<number>

export interface CommandRow<Arguments = never, Options = never> {
  readonly name: string
  readonly description: string
  readonly arguments: readonly ArgumentRow[]
  readonly options: readonly OptionRow[]
  /** What the help says below the options. */
  readonly notes?: string
  /** Command lines of the help, without their prompt. */
  readonly examples: readonly string[]
  /** Loads the command and runs it; gives the exit status. A list argument is one argument. */
  readonly run: Run<Arguments, Options>
}

/** A row whose command knows its arguments and options; the table does not. */
export const command = <Arguments extends readonly unknown[], Options>(
  row: CommandRow<Arguments, Options>,
): CommandRow => row
