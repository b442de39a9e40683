import type { Container, ContainerPort, PodSpec, Workload } from '../kube/types.ts'
import { isObject, type JsonObject } from './objects.ts'

/** Kinds that make Pods, with the API groups that had them. */
const WORKLOADS: Readonly<Record<string, RegExp>> = {
  Deployment: /^(apps|extensions)\//,
  StatefulSet: /^apps\//,
  DaemonSet: /^(apps|extensions)\//,
  ReplicaSet: /^(apps|extensions)\//,
  ReplicationController: /^v1$/,
  Job: /^batch\//,
}

/** Whether some version of a kind makes Pods. */
export const makesPods = (kind: string): boolean => Object.hasOwn(WORKLOADS, kind)

export const isWorkload = (kind: string, apiVersion: string): boolean =>
  Object.hasOwn(WORKLOADS, kind) && (WORKLOADS[kind]?.test(apiVersion) ?? false)

/**
 * What Pods an object will make, or `null` where it does not say. Old API versions need no selector, and a
 * ReplicationController's template may have no labels: those of its selector count then.
 */
export function workloadOf(kind: string, object: JsonObject): Workload | null {
  const { metadata, spec } = object
  if (!isObject(metadata) || typeof metadata.name !== 'string' || !isObject(spec)) return null
  const template = kind === 'Pod' ? object : spec.template
  if (!isObject(template) || !isObject(template.spec)) return null
  const inner = isObject(template.metadata) ? template.metadata.labels : null
  const selector = isObject(spec.selector) ? (spec.selector.matchLabels ?? spec.selector) : null
  return {
    kind,
    metadata: {
      name: metadata.name,
      ...(typeof metadata.namespace === 'string' ? { namespace: metadata.namespace } : {}),
    },
    replicas: replicasOf(kind, spec),
    labels: labelsOf(isObject(inner) ? inner : selector),
    template: podSpec(template.spec),
  }
}

function replicasOf(kind: string, spec: JsonObject): number | null {
  if (kind === 'DaemonSet') return null
  if (kind === 'Pod') return 1
  const count = kind === 'Job' ? spec.parallelism : spec.replicas
  return typeof count === 'number' ? count : 1
}

const labelsOf = (labels: unknown): Record<string, string> =>
  isObject(labels)
    ? Object.fromEntries(
        Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      )
    : {}

function podSpec(spec: JsonObject): PodSpec {
  return {
    hostNetwork: spec.hostNetwork === true,
    containers: containers(spec.containers),
    initContainers: containers(spec.initContainers),
  }
}

const containers = (list: unknown): Container[] =>
  (Array.isArray(list) ? list : []).filter(isObject).map(({ ports, restartPolicy }) => ({
    ...(typeof restartPolicy === 'string' ? { restartPolicy } : {}),
    ports: (Array.isArray(ports) ? ports : []).filter(isObject).flatMap(containerPort),
  }))

const containerPort = ({ name, protocol, containerPort: port }: JsonObject): ContainerPort[] =>
  typeof port === 'number'
    ? [
        {
          containerPort: port,
          ...(typeof name === 'string' ? { name } : {}),
          ...(typeof protocol === 'string' ? { protocol } : {}),
        },
      ]
    : []
