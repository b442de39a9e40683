/** What makes a virtual server of a plan the one that it is. */
export { hostPort, keyOf, type VirtualServerKey, virtualServerKey } from '../kernel/virtualServers.ts'
