import { PayloadMismatch } from '../formats/emit.ts'
import { defaultRenderer, type Renderer, rendererWith, TemplateError } from '../formats/render.ts'
import { FailedError } from '../host/exit.ts'
import { readTemplates } from './inputs/templates.ts'

/** Templates of the user instead of the shipped ones. */

export async function chooseRenderer(folder: string | undefined): Promise<Renderer> {
  if (folder === undefined) return defaultRenderer
  return withTemplates(() => rendererWith(readTemplates(folder)))
}

/** A template of the user's that cannot be used is an error of the input. */
const asFailure = (error: unknown): unknown =>
  error instanceof TemplateError || error instanceof PayloadMismatch ? new FailedError(error.message) : error

export async function withTemplates<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw asFailure(error)
  }
}

/** The same for what is laid out while something else is done with it. */
export function layingOut<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw asFailure(error)
  }
}
