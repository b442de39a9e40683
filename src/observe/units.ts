/** Numbers as people read them. */

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** `92 kB`, `1.2 MB`: powers of 1000. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value >= 999.5 && unit < BYTES.length - 1) {
    value /= 1000
    unit++
  }
  const text = value >= 9.95 || unit === 0 ? String(Math.round(value)) : value.toFixed(1)
  return `${text} ${BYTES[unit]}`
}

/** `1,204` */
export const formatCount = (count: number): string => count.toLocaleString('en-US')

/** `3 h`, `90 s`: in the largest unit that leaves no rest. */
export function formatSeconds(seconds: number): string {
  const [amount, unit] =
    seconds > 0 && seconds % 3600 === 0
      ? [seconds / 3600, 'h']
      : seconds > 0 && seconds % 60 === 0
        ? [seconds / 60, 'min']
        : [seconds, 's']
  return `${amount} ${unit}`
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const

/** A bar of a share, 0 to 1, in eighths of a character. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8)
  const text = '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '')
  return text === '' && share > 0 ? '▏' : text
}
