import { EXIT } from '../../host/exit.ts'
import { print } from '../terminal.ts'

/** `ipvsc schema`: prints a schema by its name. */
export async function schema(name: string): Promise<number> {
  const { SCHEMAS } = await import('../../generated/schemas.js')
  print(`${JSON.stringify(SCHEMAS[name], null, 2)}\n`)
  return EXIT.done
}
