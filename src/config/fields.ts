import {
  type Diagnostic,
  diagnostic,
  excerpt,
  type JsonPath,
  type Origin,
} from '../diagnostics/diagnostics.ts'
import { canonicalAddress, type Network, parseNetwork } from '../net/address.ts'
import { parseDuration } from './duration.ts'

/** The configuration, as messages name it. */
export const CONFIG_REF = { kind: 'KubeProxyConfiguration', namespace: null, name: 'config' }

/** Reads fields of a configuration. A value that cannot be used is reported, and gives `null`. */
export class Fields {
  readonly #origin: Origin
  readonly #report: (diagnostic: Diagnostic) => void

  constructor(origin: Origin, report: (diagnostic: Diagnostic) => void) {
    this.#origin = origin
    this.#report = report
  }

  refuse(
    path: JsonPath,
    found: unknown,
    expected: string,
    code: 'CONFIG_VALUE' | 'SCHEDULER_UNKNOWN' = 'CONFIG_VALUE',
  ): null {
    this.#report(
      diagnostic({
        code,
        severity: 'error',
        message: `${path.join('.')} must be ${expected}.`,
        subject: CONFIG_REF,
        path,
        found: excerpt(found),
        expected,
        origin: this.#origin,
      }),
    )
    return null
  }

  network(text: string, path: JsonPath, expected: string): Network | null {
    return parseNetwork(text) ?? this.refuse(path, text, expected)
  }

  networks(texts: readonly string[], path: JsonPath): Network[] {
    return texts.flatMap(
      (text, index) => this.network(text.trim(), [...path, index], 'a network such as 10.0.0.0/8') ?? [],
    )
  }

  address(text: string, path: JsonPath): string | null {
    return canonicalAddress(text) ?? this.refuse(path, text, 'an IP address')
  }

  /** Whole seconds of a duration; `absent` where there is none that can be used. */
  timeout(text: string | null | undefined, path: JsonPath, absent: number): number {
    if (text === null || text === undefined || text === '') return absent
    const expected = 'a duration of whole seconds, such as 15m or 0s'
    return wholeSeconds(text) ?? this.refuse(path, text, expected) ?? absent
  }

  interfaceName(text: string, path: JsonPath, expected: string): string | null {
    return isInterfaceName(text) ? text : this.refuse(path, text, expected)
  }
}

/** Linux allows more; these characters need no quoting anywhere. A trailing `+` is iptables' wildcard. */
const isInterfaceName = (name: string): boolean =>
  /^[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,13}([A-Za-z0-9_.:@-]|\+)?$/.test(name)

/** kube-proxy cuts fractions of a second off; negative durations are refused. */
function wholeSeconds(text: string): number | null {
  const seconds = parseDuration(text)
  return seconds === null || seconds < 0 || seconds > 2 ** 31 - 1 ? null : Math.floor(seconds)
}
