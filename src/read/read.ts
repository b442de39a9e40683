import { type Diagnostic, diagnostic, formatSubject, type ObjectRef } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced, Unrendered } from '../kube/cluster.ts'
import { meaningOf } from '../kube/defaults.ts'
import { CLUSTER_SCOPED, refOf } from '../kube/names.ts'
import type { EndpointSlice, Endpoints, KubeProxyConfiguration, Node, Service } from '../kube/types.ts'
import { ambiguousDiagnostics } from './ambiguous.ts'
import { withoutNoise } from './canonical.ts'
import { CONFIGURATION_GROUP, configurationTexts, readConfiguration } from './configuration.ts'
import { readDocuments } from './documents.ts'
import { isKustomization, kustomized } from './kustomize.ts'
import { DEFAULT_LIMITS, deeperThan, type Limits, limitDiagnostic } from './limits.ts'
import { withPositions } from './locate.ts'
import { type Budget, type FoundObject, findObjects, isObject, type JsonObject } from './objects.ts'
import { Problems } from './problems.ts'
import type { AmbiguousPlace } from './scalars.ts'
import { skim } from './skim.ts'
import { Surroundings } from './surroundings.ts'
import { softened } from './syntax.ts'
import { isTemplate, templateDiagnostic, templateOf } from './templates.ts'
import type { ReadOptions, ReadResult, SourceText } from './types.ts'
import { describeSubject, INPUT_KINDS, type InputKind, schemaDiagnostics } from './validate.ts'

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
export async function read(
  sources: Iterable<SourceText> | AsyncIterable<SourceText>,
  options: ReadOptions = {},
): Promise<ReadResult> {
  return readBy(sources, options, skim)
}

/** The same with another first look at texts. */
export async function readBy(
  sources: Iterable<SourceText> | AsyncIterable<SourceText>,
  options: ReadOptions,
  look: typeof skim,
): Promise<ReadResult> {
  const reader = new Reader(options, look)
  for await (const source of sources) await reader.addText(source)
  return reader.result()
}

const TOO_DEEP = (levels: number): string => `The object is nested deeper than ${levels} levels`

/** Collects the objects of one reading. */
class Reader {
  readonly #options: ReadOptions
  readonly #look: typeof skim
  readonly #problems: Problems
  readonly #limits: Limits
  readonly #budget: Budget
  readonly #texts = new Map<string, string>()
  readonly #passedOver = new Map<string, number>()
  /** Definitions by key, identical copies once. */
  readonly #objects = new Map<string, Sourced<InputObject>[]>()
  readonly #configurations: Sourced<KubeProxyConfiguration>[] = []
  readonly #surroundings = new Surroundings()
  readonly #kustomizations: FoundObject[] = []
  readonly #templates: Unrendered[] = []
  #copies = 0

  constructor(options: ReadOptions, look: typeof skim) {
    this.#options = options
    this.#look = look
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#problems = new Problems(this.#limits.messages)
    this.#budget = { depth: this.#limits.depth, objects: this.#limits.objects }
  }

  async addText(source: SourceText): Promise<void> {
    const text = source.text.replace(/^\ufeff/, '')
    this.#texts.set(source.name, text)
    const { text: rest, passedOver } = this.#look(text)
    for (const name of passedOver) this.#count(name)
    if (rest === null) return
    const { documents, diagnostics } = await readDocuments({ name: source.name, text: rest }, this.#limits)
    if (diagnostics.length > 0 && isTemplate(text)) this.#templates.push(templateOf(source.name, text))
    else for (const problem of diagnostics) this.#problems.add(softened(problem, text))
    for (const document of documents) {
      const { ambiguous = [] } = document
      const later: FoundObject[] = []
      const add = (found: FoundObject): unknown =>
        (ambiguous.length === 0 && this.#add(found)) || later.push(found)
      findObjects(document, add, this.#problems.add, this.#budget)
      for (const found of later) await this.#addSlowly(found, ambiguous)
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
      if (groupOf(apiVersion) !== groupOf(VERSIONS[kind][0] ?? '')) return this.#passOver(found)
      this.#problems.add(unsupportedVersion(found))
      return true
    }
    if (!INPUT_KINDS[kind](object)) return false
    this.#keep(found)
    return true
  }

  /** Kinds without rules, though some tell what a cluster would hold. */
  #passOver(found: FoundObject): true {
    if (this.#surroundings.addSnapshot(found)) return true
    if (isKustomization(found)) this.#kustomizations.push(found)
    else if (!deeperThan(found.object, this.#limits.depth)) this.#surroundings.add(found)
    this.#count(`${found.apiVersion} ${found.kind}`)
    return true
  }

  #count(name: string): void {
    this.#passedOver.set(name, (this.#passedOver.get(name) ?? 0) + 1)
  }

  async #addSlowly(found: FoundObject, ambiguous: readonly AmbiguousPlace[]): Promise<void> {
    const unclear = ambiguous.length === 0 ? [] : await ambiguousDiagnostics(found, ambiguous)
    unclear.forEach(this.#problems.add)
    if (unclear.length > 0 || (ambiguous.length > 0 && this.#add(found))) return
    if (isInputKind(found.kind)) {
      const named = withNamespace(found.kind, found.object, this.#options.namespace)
      for (const problem of await schemaDiagnostics(found.kind, named, found.origin))
        this.#problems.add(problem)
    } else if (found.apiVersion.startsWith(CONFIGURATION_GROUP)) {
      const { configuration, diagnostics } = await readConfiguration(found)
      diagnostics.forEach(this.#problems.add)
      if (configuration !== null) this.#configurations.push(configuration)
    } else {
      this.#surroundings.addConfigMap(found)
      const texts = configurationTexts(found)
      if (texts.length === 0) this.#passOver(found)
      for (const text of texts) await this.addText(text)
    }
  }

  #keep({ kind, object, origin }: FoundObject): void {
    const named = withNamespace(kind, object, this.#options.namespace)
    const input = (named.kind === kind ? named : { ...named, kind }) as unknown as InputObject
    const { namespace, name } = refOf(input)
    const key = `${kind} ${namespace ?? ''}/${name}`
    const known = this.#objects.get(key)
    if (known === undefined) this.#objects.set(key, [{ object: input, origin }])
    else if (deeperThan(input, this.#limits.depth))
      this.#problems.add(limitDiagnostic('depth', TOO_DEEP(this.#limits.depth), origin))
    else if (known.some((other) => sameContents(kind, other.object, input))) this.#copies++
    else known.push({ object: input, origin })
  }

  async result(): Promise<ReadResult> {
    const all = [...this.#objects.values()].flat()
    const ofKind = <T extends InputObject>(kind: InputKind) =>
      all.filter(({ object }) => object.kind === kind) as unknown as readonly Sourced<T>[]
    const rendered = kustomized(
      this.#kustomizations,
      ofKind<Service>('Service'),
      this.#options.namespace ?? 'default',
    )
    const report = this.#problems.add
    for (const problem of [
      ...rendered.diagnostics,
      ...templateDiagnostic(this.#templates),
      ...(await this.#surroundings.diagnostics()),
    ])
      report(problem)
    const unrendered = [...this.#templates, ...rendered.unrendered]
    const lists = {
      services: withoutDisputed(rendered.services, report),
      endpointSlices: withoutDisputed(ofKind<EndpointSlice>('EndpointSlice'), report),
      endpoints: withoutDisputed(ofKind<Endpoints>('Endpoints'), report),
      nodes: withoutDisputed(ofKind<Node>('Node'), report),
    }
    const refused = this.#problems.refused()
    const cluster: Cluster = {
      ...lists,
      configurations: this.#configurations,
      ...this.#surroundings.lists(),
      ...(unrendered.length === 0 ? {} : { unrendered }),
      ...(refused.length === 0 ? {} : { refused }),
    }
    return {
      cluster,
      diagnostics: await withPositions(this.#problems.all(), this.#texts),
      passedOver: new Map([...this.#passedOver].sort(([a], [b]) => (a < b ? -1 : 1))),
      copies: this.#copies,
      texts: this.#texts,
    }
  }
}

/** Objects without those that are defined differently twice or more, which nobody can choose between. */
function withoutDisputed<T extends InputObject>(
  sources: readonly Sourced<T>[],
  report: (problem: Diagnostic) => void,
): Sourced<T>[] {
  const byName = new Map<string, Sourced<T>[]>()
  for (const source of sources) {
    const { namespace, name } = refOf(source.object)
    const key = `${namespace ?? ''}/${name}`
    const known = byName.get(key)
    if (known === undefined) byName.set(key, [source])
    else known.push(source)
  }
  if (byName.size === sources.length) return [...sources]
  return [...byName.values()].flatMap((definitions) => {
    if (definitions.length > 1) report(duplicateObject(definitions))
    return definitions.length === 1 ? definitions : []
  })
}

function withNamespace(kind: string, object: JsonObject, namespace: string | undefined): JsonObject {
  const { metadata } = object
  if (namespace === undefined || CLUSTER_SCOPED.has(kind) || !isObject(metadata) || metadata.namespace)
    return object
  return { ...object, metadata: { ...metadata, namespace } }
}

const isInputKind = (kind: string): kind is InputKind => Object.hasOwn(INPUT_KINDS, kind)

/** Copies may differ in bookkeeping, as two dumps of one cluster do; Services in all that decides no rule. */
const sameContents = (kind: string, a: InputObject, b: InputObject): boolean => {
  if (a.kind === 'Service' && b.kind === 'Service') return meaningOf(a) === meaningOf(b)
  const text = (object: InputObject) => JSON.stringify(withoutNoise(kind, object as unknown as JsonObject))
  return text(a) === text(b)
}

/** The group of an API version; that of `v1` has no name, though some write `core/v1`. */
const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '').replace(/^core$/, '') : ''

const unsupportedVersion = ({ kind, apiVersion, origin, object }: FoundObject): Diagnostic =>
  diagnostic({
    code: 'VERSION_UNSUPPORTED',
    severity: 'warning',
    message: `${kind} is not read in this version, so the object is skipped.`,
    subject: describeSubject(kind, object),
    path: ['apiVersion'],
    found: apiVersion,
    expected: VERSIONS[kind as InputKind].join(' or '),
    origin,
  })

/** One error for all definitions of an object. */
function duplicateObject([first, ...others]: readonly Sourced<InputObject>[]): Diagnostic {
  const { object, origin } = first as Sourced<InputObject>
  const subject: ObjectRef = refOf(object)
  const times = others.length === 1 ? 'twice' : `${others.length + 1} times`
  return diagnostic({
    code: 'DUPLICATE_OBJECT',
    severity: 'error',
    message: `${formatSubject(subject)} is defined ${times}, with different contents; keep one of them, or name fewer inputs.`,
    subject,
    origin: (others.at(-1) as Sourced<InputObject>).origin,
    found: others.length === 1 ? 'another definition' : `${others.length} other definitions`,
    expected: 'one definition, or copies that mean the same',
    related: [{ origin }, ...others.slice(0, -1)].map((place, index) => ({
      message: index === 0 ? 'first defined here' : 'and here',
      subject,
      path: [],
      origin: place.origin,
      position: null,
    })),
  })
}
