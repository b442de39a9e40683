import type { Plan } from '../plan/types.ts'
import { eachLine, LineError } from './syntax.ts'

export interface ModuleRows {
  readonly modules: readonly { readonly name: string }[]
}

export const moduleRows = ({ modules }: Plan): ModuleRows => ({ modules: modules.map((name) => ({ name })) })

/** Reads the format of modules-load.d: a module a line, with comments. */
export function parseModulesConf(text: string): string[] {
  const modules: string[] = []
  eachLine(text, (line) => {
    if (line.startsWith('#')) return
    if (!/^[a-z0-9_-]+$/.test(line)) throw new LineError('not the name of a module')
    modules.push(line)
  })
  return modules
}
