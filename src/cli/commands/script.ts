import type { QuarantinedObject } from '../../bundle/bundle.ts'
import { runScript } from '../../host/host.ts'
import type { ScriptOptions } from '../options.ts'
import { isTerminal, print, printJson, printLine, say, sayError, sayLines, sayWarning } from '../terminal.ts'

function scriptWords(command: string, options: ScriptOptions): string[] {
  const value = (name: string, text: string | undefined): string[] => (text === undefined ? [] : [name, text])
  const flag = (name: string, on: boolean | undefined): string[] => (on ? [name] : [])
  return [
    command,
    '--json',
    ...flag('--dry-run', options.dryRun),
    ...flag('--take-over', options.takeOver),
    ...flag('--remove-leftovers', options.removeLeftovers),
    ...flag('--converge', options.converge),
    ...flag('--other-node', options.otherNode),
    ...flag('--discard-journal', options.discardJournal),
    ...flag('--verbose', options.verbose || (isTerminal() && !options.quiet)),
    ...flag('--no-drain', options.drain === false),
    ...value('--confirm', options.confirm),
    ...value('--drain-timeout', options.drainTimeout),
    ...value('--wait', options.wait),
    ...value('--state-dir', options.stateDir),
    ...value('--iptables', options.iptables),
  ]
}

interface ScriptEvent {
  readonly event: string
  readonly text?: string
  readonly result?: string
  readonly changes?: Readonly<Record<string, number>>
  readonly undone?: Readonly<Record<string, number>>
}

/** Runs a command of the script; its exit status is ours. */
export async function runCommand(
  command: string,
  folder: string | null,
  options: ScriptOptions,
  quarantined: readonly QuarantinedObject[] = [],
): Promise<number> {
  const events: ScriptEvent[] = []
  const { status, stderr, stdout } = await runScript(folder, scriptWords(command, options), (line) => {
    if (!line.startsWith('{"event"')) return
    const event = JSON.parse(line) as ScriptEvent
    events.push(event)
    if (options.output === 'text') sayEvent(event, options.quiet ?? false)
  })
  if (stderr !== '') sayLines(stderr)
  if (options.output === 'json') {
    const report = events.findLast(({ event }) => event === 'report') ?? { event: 'report', result: 'failed' }
    const messages = events.filter(({ event }) => ['note', 'warning', 'error'].includes(event))
    printJson({ version: 1, status, ...report, messages, quarantined })
  } else if (command === 'facts') print(stdout)
  return status
}

/** Counts by kind, in words. */
const countsInWords = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`)
    .join(', ')

function sayEvent(
  { event, text = '', result, changes = {}, undone = {} }: ScriptEvent,
  quiet: boolean,
): void {
  if (event === 'report') {
    const [done, back] = [countsInWords(changes), countsInWords(undone)]
    const words = [done, back === '' ? '' : `on the way back ${back}`].filter((part) => part !== '')
    if (!quiet) printLine(`${result}: ${words.join('; ') || 'nothing'}`)
  } else if (event === 'payload') print(text.endsWith('\n') ? text : `${text}\n`)
  else if (event === 'error') sayError(text)
  else if (event === 'warning') sayWarning(text)
  else if (!quiet) say(`${event === 'step' ? '  ' : ''}${text}`)
}
