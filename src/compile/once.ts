/** A value that is worked out when it is first asked for. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** Values by key, each worked out when it is first asked for. */
export class Memo<K, V> {
  readonly #known = new Map<K, V>()

  of(key: K, make: (key: K) => V): V {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const value = make(key)
    this.#known.set(key, value)
    return value
  }
}

/** What is made of objects, once each, for as long as they are held. One object stands for one kind of value. */
export class ObjectMemo {
  readonly #known = new WeakMap<object, unknown>()

  of<T>(key: object, make: () => T): T {
    if (!this.#known.has(key)) this.#known.set(key, make())
    return this.#known.get(key) as T
  }
}
