import { dirname } from 'node:path'
import type { JsonPath, Origin } from '../../diagnostics/diagnostics.ts'
import { formatPath } from '../../diagnostics/diagnostics.ts'
import type { PayloadName } from '../../formats/names.ts'
import { EXIT, UsageError } from '../../host/exit.ts'
import { hostPort } from '../../plan/keys.ts'
import { candidatesByService } from '../../proof/endpoints.ts'
import { type ExplainedState, type Explanation, explainItems } from '../../proof/explain/explain.ts'
import { type Question, readQuestion } from '../../proof/explain/find.ts'
import { lineKeys, payloadOf, placesOf } from '../../proof/explain/lines.ts'
import { explainService, type ServiceExplanation } from '../../proof/explain/service.ts'
import { formatExplanations, formatService, type PlaceName } from '../../proof/explain/text.ts'
import { positionsOf } from '../../read/locate.ts'
import type { Console } from '../console.ts'
import type { CompiledFrom } from '../inputs/compiled.ts'
import { readText } from '../inputs/files.ts'
import { readState, type State } from '../inputs/states.ts'
import type { ProofOptions } from '../options.ts'
import { print, printJson } from '../terminal.ts'
import { nodePortAddresses, ownersOf, payloadsOf, readCluster } from './proofSubject.ts'

/** What is answered: items of the plan, and Services with what they lack. */
interface Answer {
  readonly node: string
  readonly items: readonly Explanation[]
  readonly services: readonly ServiceExplanation[]
}

/** `ipvsc explain`: why something is there, who asked for it, and what is missing. */
export async function explain(
  what: string,
  reference: string | undefined,
  options: ProofOptions,
  console: Console,
): Promise<number> {
  const question = readQuestion(what)
  if (question === null)
    throw new UsageError(
      `${what}: it takes svc:NAMESPACE/NAME[:PORT], ADDRESS[:PORT], a set, a chain, "CHAIN NUMBER", "SET ENTRY", a setting or PAYLOAD:LINE`,
    )
  const state = await readState(reference ?? bundleOf(question, what), options, console)
  if (state === null) return EXIT.input
  const from = await inputsOf(state, options, console)
  if (from === 'errors') return EXIT.input
  const answer = answerTo(question, what, state, from, options)
  if (answer === null) return EXIT.done
  const placeName = await placeNames(answer, from?.texts ?? new Map())
  if (options.output === 'json') printJson({ version: 1, ...withPlaces(answer, placeName) })
  else
    print(
      [
        ...answer.services.map((service) => formatService(service, answer.node, placeName)),
        ...(answer.items.length === 0 ? [] : [formatExplanations(answer.items, placeName)]),
      ].join('\n'),
    )
  return EXIT.done
}

function bundleOf(question: Question, what: string): string {
  if (question.kind !== 'line')
    throw new UsageError(`${what}: say of which state: a bundle, a plan, inputs with --node, or live`)
  return dirname(question.file)
}

/** Inputs that tell who asked: those that were compiled, or those of `--cluster`. */
async function inputsOf(
  state: State,
  options: ProofOptions,
  console: Console,
): Promise<CompiledFrom | null | 'errors'> {
  if (state.compiled !== undefined || options.cluster === undefined) return state.compiled ?? null
  return (await readCluster(state, options, console)) ?? 'errors'
}

function answerTo(
  question: Question,
  what: string,
  state: State,
  from: CompiledFrom | null,
  options: ProofOptions,
): Answer | null {
  const node = options.node ?? state.node ?? 'the node'
  const explained = explainedState(state, from)
  if (question.kind === 'service') return serviceAnswer(question, what, node, explained, state, from)
  const isMeant = question.kind === 'items' ? question.isMeant : lineQuestion(question, explained, node)
  if (isMeant === null) return null
  const items = explainItems(explained, isMeant)
  const services = items.length === 0 && from !== null ? servicesOf(what, state, from, explained, node) : []
  if (items.length + services.length === 0)
    throw new UsageError(
      `${what}: ${node} has nothing of that name, and no Service of the inputs asks for it`,
    )
  return { node, items, services }
}

function explainedState(state: State, from: CompiledFrom | null): ExplainedState {
  const payloads = payloadsOf(state)
  return {
    plan: state.plan,
    owners: ownersOf(state, from),
    places: payloads === null ? new Map() : placesOf(payloads),
  }
}

/** Which item a line of a payload is; `null` after saying that it is none. */
function lineQuestion(
  { file, line }: Extract<Question, { kind: 'line' }>,
  { plan }: ExplainedState,
  node: string,
): ((key: string) => boolean) | null {
  const name = payloadOf(file) as PayloadName
  const text = readText(file)
  const lines = text.split('\n')
  const key = lineKeys(name, text)[line - 1]
  if (key === undefined || line > lines.length - (lines.at(-1) === '' ? 1 : 0))
    throw new UsageError(`${file} has no line ${line}: it has ${lines.length - 1}`)
  if (key === null) {
    print(`${file}:${line} is no item: it holds the payload together\n  ${lines[line - 1]}\n`)
    return null
  }
  if (explainItems({ plan, owners: null, places: new Map() }, (other) => other === key).length > 0)
    return (other) => other === key
  print(`${key} is not wanted on ${node}: the line takes it away, or is not of this state\n`)
  return null
}

function serviceAnswer(
  question: Extract<Question, { kind: 'service' }>,
  what: string,
  node: string,
  explained: ExplainedState,
  state: State,
  from: CompiledFrom | null,
): Answer {
  if (from !== null) {
    const service = explainService(question, serviceInput(state, from, explained, node))
    if (service === null) throw new UsageError(`${what}: the inputs hold no such Service`)
    return { node, items: [], services: [service] }
  }
  const { owners } = explained
  const own = `${question.service}:`
  const items =
    owners === null
      ? []
      : explainItems(explained, () => true).filter(({ services }) =>
          services?.some(({ servicePort }) => servicePort.startsWith(own)),
        )
  if (items.length === 0)
    throw new UsageError(
      `${what}: ${owners === null ? 'this state does not say what is whose' : 'nothing is recorded for it'}; --cluster INPUT tells what the Service is, and what it lacks`,
    )
  return { node, items, services: [] }
}

function serviceInput(
  { plan, captured }: State,
  from: CompiledFrom,
  { owners }: ExplainedState,
  node: string,
): Parameters<typeof explainService>[1] {
  const { facts, cluster, config } = from
  return {
    plan,
    cluster,
    node: facts?.name ?? node,
    nodeAddresses: captured?.elsewhere.map(({ address }) => address) ?? facts?.addresses ?? [],
    nodePortAddresses: facts === null ? [] : nodePortAddresses(config, facts),
    ownerOf: (server) => {
      const [first] = owners?.({ kind: 'virtualServer', server }).services ?? []
      return first?.servicePort.slice(0, first.servicePort.lastIndexOf(':')) ?? null
    },
  }
}

/** Services with an endpoint or an address of this name that did not come to be anything. */
function servicesOf(
  what: string,
  state: State,
  from: CompiledFrom,
  explained: ExplainedState,
  node: string,
): ServiceExplanation[] {
  const host = what.replace(/\/\w+$/, '')
  const isNamed = (address: string, port: number | null): boolean =>
    host === address || (port !== null && host === hostPort(address, port))
  const names = [...candidatesByService(from.cluster)].flatMap(([service, candidates]) =>
    candidates.some(({ address, port }) => isNamed(address, port)) ? [service] : [],
  )
  return names.flatMap((service) => {
    const found = explainService({ service, port: null }, serviceInput(state, from, explained, node))
    return found === null ? [] : [found]
  })
}

/** `file:line` of every field that an answer names. */
async function placeNames(
  { items, services }: Answer,
  texts: ReadonlyMap<string, string>,
): Promise<PlaceName> {
  const places = [
    ...items
      .flatMap((item) => item.services ?? [])
      .flatMap(({ origin, path }) => (origin === null ? [] : [{ origin, path }])),
    ...services.flatMap(({ origin, passedOver, addresses, endpoints }) => [
      ...(passedOver === null ? [] : [{ origin, path: passedOver.path }]),
      ...addresses.map(({ path }) => ({ origin, path })),
      ...endpoints.map((endpoint) => ({ origin: endpoint.origin, path: endpoint.path })),
      ...['internalTrafficPolicy', 'externalTrafficPolicy'].map((name) => ({ origin, path: ['spec', name] })),
    ]),
  ]
  const keyOf = (origin: Origin, path: JsonPath): string => JSON.stringify([origin, path])
  const distinct = [...new Map(places.map((place) => [keyOf(place.origin, place.path), place])).values()]
  const positions = await positionsOf(distinct, texts)
  const lines = new Map(
    distinct.map(({ origin, path }, index) => [keyOf(origin, path), positions[index]?.line ?? null]),
  )
  return (origin, path) => {
    const line = lines.get(keyOf(origin, path)) ?? null
    return line === null ? origin.source : `${origin.source}:${line}`
  }
}

/** An answer for programs: paths as text, and places beside them. */
function withPlaces({ node, items, services }: Answer, placeName: PlaceName): object {
  return {
    node,
    items: items.map((item) => ({
      ...item,
      services:
        item.services?.map(({ servicePort, path, origin }) => ({
          servicePort,
          field: formatPath(path),
          place: origin === null ? null : placeName(origin, path),
        })) ?? null,
    })),
    services: services.map(({ origin, passedOver, addresses, endpoints, ...rest }) => ({
      ...rest,
      passedOver: passedOver === null ? null : { ...passedOver, path: formatPath(passedOver.path) },
      addresses: addresses.map(({ path, ...address }) => ({
        ...address,
        field: formatPath(path),
        place: placeName(origin, path),
      })),
      endpoints: endpoints.map(({ origin: source, path, ...endpoint }) => ({
        ...endpoint,
        field: formatPath(path),
        place: placeName(source, path),
      })),
    })),
  }
}
