const SECONDS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
}

/** Seconds of a Go duration such as `1h30m` or `0s`, or `null` when the text is none. */
export function parseDuration(text: string): number | null {
  if (text === '0') return 0
  if (!/^[-+]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return null
  const sign = text.startsWith('-') ? -1 : 1
  return [...text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)].reduce(
    (total, [, amount, unit]) => total + sign * Number(amount) * (SECONDS[unit as string] as number),
    0,
  )
}
