import type { Answer, Host } from './traffic.ts'

/** Clients that go on asking while something else happens. */

export interface Steady {
  /** Ends it, and gives all answers. */
  stop(): Promise<readonly Answer[]>
}

/** Asks again and again, each time over a connection of its own. */
export function askSteadily(host: Host, target: Parameters<Host['ask']>[0], pause = 20): Steady {
  const answers: Answer[] = []
  let running = true
  const loop = (async () => {
    while (running) {
      answers.push(...(await host.ask(target)))
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  })()
  // Of a test that is stopped nobody asks how it ended; all others would end with it.
  loop.catch(() => {})
  return {
    stop: async () => {
      running = false
      await loop
      return answers
    },
  }
}
