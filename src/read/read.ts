import { type Diagnostic, diagnostic, formatSubject, type ObjectRef } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { refOf } from '../kube/names.ts'
import type { EndpointSlice, Endpoints, KubeProxyConfiguration, Node, Service } from '../kube/types.ts'
import { withoutNoise } from './canonical.ts'
import { CONFIGURATION_GROUP, configurationTexts, readConfiguration } from './configuration.ts'
import { readDocuments } from './documents.ts'
import { withPositions } from './locate.ts'
import { type FoundObject, findObjects, type JsonObject } from './objects.ts'
import type { ReadResult, SourceText } from './types.ts'
import { INPUT_KINDS, type InputKind, schemaDiagnostics } from './validate.ts'

type InputObject = Service | EndpointSlice | Endpoints | Node

const VERSIONS: Readonly<Record<InputKind, readonly string[]>> = {
  Service: ['v1'],
  Endpoints: ['v1'],
  Node: ['v1'],
  EndpointSlice: ['discovery.k8s.io/v1', 'discovery.k8s.io/v1beta1'],
}

/**
 * Reads texts into a cluster: every object of a known kind is checked against its schema and counted once.
 * Problems are all reported, with their positions; objects with an error are left out of the cluster.
 */
export async function read(sources: Iterable<SourceText> | AsyncIterable<SourceText>): Promise<ReadResult> {
  const reader = new Reader()
  for await (const source of sources) await reader.addText(source)
  return reader.result()
}

/** Collects the objects of one reading. */
class Reader {
  readonly #diagnostics: Diagnostic[] = []
  readonly #texts = new Map<string, string>()
  readonly #passedOver = new Map<string, number>()
  readonly #objects = new Map<string, Sourced<InputObject>>()
  /** Keys of objects that were defined differently, which nobody can choose between. */
  readonly #disputed = new Set<string>()
  readonly #configurations: Sourced<KubeProxyConfiguration>[] = []
  #copies = 0

  async addText(source: SourceText): Promise<void> {
    const text = source.text.replace(/^\ufeff/, '')
    this.#texts.set(source.name, text)
    const { documents, diagnostics } = await readDocuments({ name: source.name, text })
    this.#diagnostics.push(...diagnostics)
    for (const document of documents) {
      const later: FoundObject[] = []
      const report = (problem: Diagnostic) => this.#diagnostics.push(problem)
      findObjects(document, (found) => this.#add(found) || later.push(found), report)
      for (const found of later) await this.#addSlowly(found)
    }
  }

  /** Takes a valid input object or a foreign one; `false` for what needs another look. */
  #add(found: FoundObject): boolean {
    const { kind, apiVersion, object } = found
    if (!isInputKind(kind)) {
      if (apiVersion.startsWith(CONFIGURATION_GROUP) || kind === 'ConfigMap') return false
      return this.#passOver(found)
    }
    if (!VERSIONS[kind].includes(apiVersion)) {
      if (apiVersion.split('/')[0] !== VERSIONS[kind][0]?.split('/')[0]) return this.#passOver(found)
      this.#diagnostics.push(unsupportedVersion(found))
      return true
    }
    if (!INPUT_KINDS[kind](object)) return false
    this.#keep(found)
    return true
  }

  #passOver({ apiVersion, kind }: FoundObject): true {
    const name = `${apiVersion} ${kind}`
    this.#passedOver.set(name, (this.#passedOver.get(name) ?? 0) + 1)
    return true
  }

  async #addSlowly(found: FoundObject): Promise<void> {
    if (isInputKind(found.kind)) {
      this.#diagnostics.push(...(await schemaDiagnostics(found.kind, found.object, found.origin)))
    } else if (found.apiVersion.startsWith(CONFIGURATION_GROUP)) {
      const { configuration, diagnostics } = await readConfiguration(found)
      this.#diagnostics.push(...diagnostics)
      if (configuration !== null) this.#configurations.push(configuration)
    } else {
      const texts = configurationTexts(found)
      if (texts.length === 0) this.#passOver(found)
      for (const text of texts) await this.addText(text)
    }
  }

  #keep({ kind, object, origin }: FoundObject): void {
    const input = (object.kind === kind ? object : { ...object, kind }) as unknown as InputObject
    const subject = refOf(input)
    const key = `${kind} ${subject.namespace ?? ''}/${subject.name}`
    const known = this.#objects.get(key)
    if (known === undefined) this.#objects.set(key, { object: input, origin })
    else if (sameContents(kind, known.object, input)) this.#copies++
    else {
      this.#disputed.add(key)
      this.#diagnostics.push(duplicateObject(subject, { object: input, origin }, known))
    }
  }

  async result(): Promise<ReadResult> {
    const kept = [...this.#objects].filter(([key]) => !this.#disputed.has(key)).map(([, source]) => source)
    const ofKind = <T extends InputObject>(kind: InputKind) =>
      kept.filter(({ object }) => object.kind === kind) as unknown as readonly Sourced<T>[]
    const cluster: Cluster = {
      services: ofKind<Service>('Service'),
      endpointSlices: ofKind<EndpointSlice>('EndpointSlice'),
      endpoints: ofKind<Endpoints>('Endpoints'),
      nodes: ofKind<Node>('Node'),
      configurations: this.#configurations,
    }
    return {
      cluster,
      diagnostics: await withPositions(this.#diagnostics, this.#texts),
      passedOver: new Map([...this.#passedOver].sort(([a], [b]) => (a < b ? -1 : 1))),
      copies: this.#copies,
      texts: this.#texts,
    }
  }
}

const isInputKind = (kind: string): kind is InputKind => kind in INPUT_KINDS

/** Copies may differ in bookkeeping, as two dumps of one cluster do. */
const sameContents = (kind: string, a: InputObject, b: InputObject): boolean => {
  const text = (object: InputObject) => JSON.stringify(withoutNoise(kind, object as unknown as JsonObject))
  return text(a) === text(b)
}

const unsupportedVersion = ({ kind, apiVersion, origin, object }: FoundObject): Diagnostic =>
  diagnostic({
    code: 'VERSION_UNSUPPORTED',
    severity: 'warning',
    message: `${kind} is not read in this version, so the object is skipped.`,
    subject: refOf(object as unknown as InputObject),
    path: ['apiVersion'],
    found: apiVersion,
    expected: VERSIONS[kind as InputKind].join(' or '),
    origin,
  })

const duplicateObject = (
  subject: ObjectRef,
  second: Sourced<InputObject>,
  first: Sourced<InputObject>,
): Diagnostic =>
  diagnostic({
    code: 'DUPLICATE_OBJECT',
    severity: 'error',
    message: `${formatSubject(subject)} is defined twice, with different contents; keep one of them.`,
    subject,
    origin: second.origin,
    found: 'another definition',
    expected: 'one definition, or identical copies',
    related: [{ message: 'first defined here', subject, path: [], origin: first.origin, position: null }],
  })
