/**
 * The parts of Kubernetes objects that decide rules, as the schemas in `schemas/` let them through.
 * Everything may be absent or null, because real API servers and dumps write both.
 */

type Maybe<T> = T | null | undefined

export interface ObjectMeta {
  readonly name: string
  readonly namespace?: Maybe<string>
  readonly labels?: Maybe<Readonly<Record<string, string>>>
  readonly annotations?: Maybe<Readonly<Record<string, string>>>
  readonly creationTimestamp?: Maybe<string>
  /** Set: the object is being deleted. */
  readonly deletionTimestamp?: Maybe<string>
  readonly ownerReferences?: Maybe<readonly OwnerReference[]>
  readonly managedFields?: Maybe<readonly ManagedFields[]>
}

export interface OwnerReference {
  readonly kind: string
  readonly name: string
  readonly controller?: Maybe<boolean>
}

/** Which fields a manager set: of Services only, as `{"f:spec": {"f:type": {}}}`. */
export interface ManagedFields {
  readonly manager?: Maybe<string>
  readonly operation?: Maybe<string>
  readonly subresource?: Maybe<string>
  readonly fieldsV1?: Maybe<Readonly<Record<string, unknown>>>
}

export interface Service {
  readonly kind: 'Service'
  readonly metadata: ObjectMeta
  readonly spec?: Maybe<ServiceSpec>
  readonly status?: Maybe<{
    readonly loadBalancer?: Maybe<{ readonly ingress?: Maybe<readonly LoadBalancerIngress[]> }>
  }>
}

export interface ServiceSpec {
  readonly type?: Maybe<'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName' | ''>
  readonly clusterIP?: Maybe<string>
  readonly clusterIPs?: Maybe<readonly string[]>
  readonly externalIPs?: Maybe<readonly string[]>
  readonly ports?: Maybe<readonly ServicePortSpec[]>
  readonly sessionAffinity?: Maybe<'None' | 'ClientIP' | ''>
  readonly sessionAffinityConfig?: Maybe<{
    readonly clientIP?: Maybe<{ readonly timeoutSeconds?: Maybe<number> }>
  }>
  readonly externalTrafficPolicy?: Maybe<'Cluster' | 'Local' | ''>
  readonly internalTrafficPolicy?: Maybe<'Cluster' | 'Local' | ''>
  readonly healthCheckNodePort?: Maybe<number>
  readonly loadBalancerSourceRanges?: Maybe<readonly string[]>
  readonly selector?: Maybe<Readonly<Record<string, string>>>
  readonly ipFamilies?: Maybe<readonly string[]>
  readonly ipFamilyPolicy?: Maybe<string>
  readonly publishNotReadyAddresses?: Maybe<boolean>
  readonly allocateLoadBalancerNodePorts?: Maybe<boolean>
  readonly loadBalancerIP?: Maybe<string>
  readonly loadBalancerClass?: Maybe<string>
  readonly externalName?: Maybe<string>
  readonly trafficDistribution?: Maybe<string>
}

export interface ServicePortSpec {
  readonly name?: Maybe<string>
  readonly protocol?: Maybe<'TCP' | 'UDP' | 'SCTP' | ''>
  readonly port: number
  readonly nodePort?: Maybe<number>
  /** A number, or the name of a container port; absent: the port itself. */
  readonly targetPort?: Maybe<number | string>
  readonly appProtocol?: Maybe<string>
}

export interface LoadBalancerIngress {
  readonly ip?: Maybe<string>
  readonly hostname?: Maybe<string>
  readonly ipMode?: Maybe<'VIP' | 'Proxy'>
}

export interface EndpointPort {
  readonly name?: Maybe<string>
  readonly protocol?: Maybe<'TCP' | 'UDP' | 'SCTP' | ''>
  readonly port?: Maybe<number>
}

export interface EndpointSlice {
  readonly kind: 'EndpointSlice'
  /** Absent in items of typed lists. */
  readonly apiVersion?: Maybe<string>
  readonly metadata: ObjectMeta
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN'
  readonly endpoints?: Maybe<readonly SliceEndpoint[]>
  readonly ports?: Maybe<readonly EndpointPort[]>
}

export interface SliceEndpoint {
  readonly addresses: readonly string[]
  readonly conditions?: Maybe<{
    readonly ready?: Maybe<boolean>
    readonly serving?: Maybe<boolean>
    readonly terminating?: Maybe<boolean>
  }>
  readonly nodeName?: Maybe<string>
  readonly zone?: Maybe<string>
  /** discovery.k8s.io/v1beta1 only. */
  readonly topology?: Maybe<Readonly<Record<string, string>>>
  readonly hints?: Maybe<{
    readonly forZones?: Maybe<readonly { readonly name: string }[]>
    readonly forNodes?: Maybe<readonly { readonly name: string }[]>
  }>
}

export interface Endpoints {
  readonly kind: 'Endpoints'
  readonly metadata: ObjectMeta
  readonly subsets?: Maybe<readonly EndpointSubset[]>
}

export interface EndpointSubset {
  readonly addresses?: Maybe<readonly EndpointAddress[]>
  readonly notReadyAddresses?: Maybe<readonly EndpointAddress[]>
  readonly ports?: Maybe<readonly EndpointPort[]>
}

export interface EndpointAddress {
  readonly ip: string
  readonly nodeName?: Maybe<string>
}

export interface Node {
  readonly kind: 'Node'
  readonly metadata: ObjectMeta
  readonly spec?: Maybe<{ readonly podCIDR?: Maybe<string>; readonly podCIDRs?: Maybe<readonly string[]> }>
  readonly status?: Maybe<{
    readonly addresses?: Maybe<readonly { readonly type: string; readonly address: string }[]>
    readonly capacity?: Maybe<Readonly<Record<string, string | number>>>
    readonly nodeInfo?: Maybe<{ readonly kernelVersion?: Maybe<string> }>
  }>
}

export interface Pod {
  readonly kind: 'Pod'
  readonly metadata: ObjectMeta
  readonly spec?: Maybe<PodSpec>
  readonly status?: Maybe<{
    readonly phase?: Maybe<string>
    readonly podIP?: Maybe<string>
    readonly podIPs?: Maybe<readonly { readonly ip?: Maybe<string> }[]>
    readonly conditions?: Maybe<readonly { readonly type: string; readonly status: string }[]>
  }>
}

export interface PodSpec {
  readonly nodeName?: Maybe<string>
  readonly hostNetwork?: Maybe<boolean>
  readonly containers?: Maybe<readonly Container[]>
  readonly initContainers?: Maybe<readonly Container[]>
}

export interface Container {
  readonly ports?: Maybe<readonly ContainerPort[]>
  /** `Always` makes an init container a sidecar. */
  readonly restartPolicy?: Maybe<string>
  readonly command?: Maybe<readonly string[]>
  readonly args?: Maybe<readonly string[]>
}

export interface ContainerPort {
  readonly name?: Maybe<string>
  readonly protocol?: Maybe<string>
  readonly containerPort: number
}

/** What makes Pods, reduced to what they will be: a Deployment, DaemonSet, Job, bare Pod or the like. */
export interface Workload {
  readonly kind: string
  readonly metadata: ObjectMeta
  /** `null`: as many as there are nodes for it. */
  readonly replicas: number | null
  /** Labels of its Pods. */
  readonly labels: Readonly<Record<string, string>>
  readonly template: PodSpec
}

export interface Namespace {
  readonly kind: 'Namespace'
  readonly metadata: ObjectMeta
}

export interface ServiceCIDR {
  readonly kind: 'ServiceCIDR'
  readonly metadata: ObjectMeta
  readonly spec?: Maybe<{ readonly cidrs?: Maybe<readonly string[]> }>
}

/** When and where `ipvsc snapshot` listed what lies beside it. */
export interface SnapshotRecord {
  readonly apiVersion: 'ipvsc.dev/v1'
  readonly kind: 'Snapshot'
  readonly metadata: {
    /** The cluster, as the kubeconfig names it. */
    readonly name: string
    /** RFC 3339, in UTC, in whole seconds. */
    readonly creationTimestamp: string
  }
  /** `v1.33.1`; `null`: the server did not tell. */
  readonly kubernetesVersion: string | null
  readonly ipvscVersion: string
  /** Resources that were listed, also those without any object: `services`, `pods`. */
  readonly listed: readonly string[]
}

/** What kubeadm's ClusterConfiguration says of the API server. */
export interface ApiServerSettings {
  readonly serviceSubnet: string | null
  readonly nodePortRange: string | null
}

/** kubeproxy.config.k8s.io/v1alpha1. Durations are Go's ("1h30m"). Fields without effect here are left out. */
export interface KubeProxyConfiguration {
  readonly apiVersion: 'kubeproxy.config.k8s.io/v1alpha1'
  readonly kind: 'KubeProxyConfiguration'
  readonly mode?: Maybe<string>
  readonly bindAddress?: Maybe<string>
  readonly clusterCIDR?: Maybe<string>
  readonly nodePortAddresses?: Maybe<readonly string[]>
  readonly detectLocalMode?: Maybe<
    'ClusterCIDR' | 'NodeCIDR' | 'BridgeInterface' | 'InterfaceNamePrefix' | ''
  >
  readonly detectLocal?: Maybe<{
    readonly bridgeInterface?: Maybe<string>
    readonly interfaceNamePrefix?: Maybe<string>
  }>
  readonly iptables?: Maybe<{
    readonly masqueradeAll?: Maybe<boolean>
    readonly masqueradeBit?: Maybe<number>
  }>
  readonly ipvs?: Maybe<{
    readonly scheduler?: Maybe<string>
    readonly strictARP?: Maybe<boolean>
    readonly excludeCIDRs?: Maybe<readonly string[]>
    readonly tcpTimeout?: Maybe<string>
    readonly tcpFinTimeout?: Maybe<string>
    readonly udpTimeout?: Maybe<string>
  }>
  readonly conntrack?: Maybe<{
    readonly maxPerCore?: Maybe<number>
    readonly min?: Maybe<number>
    readonly tcpEstablishedTimeout?: Maybe<string>
    readonly tcpCloseWaitTimeout?: Maybe<string>
    readonly tcpBeLiberal?: Maybe<boolean>
    readonly udpTimeout?: Maybe<string>
    readonly udpStreamTimeout?: Maybe<string>
  }>
}
