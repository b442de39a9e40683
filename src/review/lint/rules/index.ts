import type { Rule } from '../types.ts'
import { addressAssumed } from './addressAssumed.ts'
import { addressGone } from './addressGone.ts'
import { addressMoved } from './addressMoved.ts'
import { addressOfApiServer } from './addressOfApiServer.ts'
import { addressOfNode } from './addressOfNode.ts'
import { addressOfService } from './addressOfService.ts'
import { affinityWithHashing } from './affinityWithHashing.ts'
import { allowanceExpired } from './allowanceExpired.ts'
import { changedUnderLoad } from './changedUnderLoad.ts'
import { changeNotAllowed } from './changeNotAllowed.ts'
import { clusterIpOfNode } from './clusterIpOfNode.ts'
import { clusterIpOutsideRange } from './clusterIpOutsideRange.ts'
import { clusterIpReserved } from './clusterIpReserved.ts'
import { deprecatedInput } from './deprecatedInput.ts'
import { endpointOfApiServer } from './endpointOfApiServer.ts'
import { endpointOfNode } from './endpointOfNode.ts'
import { endpointOfOtherNamespace } from './endpointOfOtherNamespace.ts'
import { endpointPublic } from './endpointPublic.ts'
import { endpointsInOneZone } from './endpointsInOneZone.ts'
import { endpointsLost } from './endpointsLost.ts'
import { endpointsOnOneNode } from './endpointsOnOneNode.ts'
import { externalIpNotAllowed } from './externalIpNotAllowed.ts'
import { ignoreUnknown } from './ignoreUnknown.ts'
import { internalPolicyNoLocalEndpoint } from './internalPolicyNoLocalEndpoint.ts'
import { lastEndpointLost } from './lastEndpointLost.ts'
import { loadBalancerNotAllowed } from './loadBalancerNotAllowed.ts'
import { localPolicyNoLocalEndpoint } from './localPolicyNoLocalEndpoint.ts'
import { nodePortOutsideRange } from './nodePortOutsideRange.ts'
import { nodePortPastSourceRanges } from './nodePortPastSourceRanges.ts'
import { nodesTouched } from './nodesTouched.ts'
import { noReadyEndpoint } from './noReadyEndpoint.ts'
import { proxyReplaced } from './proxyReplaced.ts'
import { selectsNothing } from './selectsNothing.ts'
import { servicesTouched } from './servicesTouched.ts'
import { sliceDisagrees } from './sliceDisagrees.ts'
import { sourceRangesMissing } from './sourceRangesMissing.ts'
import { sourceRangesOpen } from './sourceRangesOpen.ts'
import { sourceRangesWide } from './sourceRangesWide.ts'
import { sourceRangesWidened } from './sourceRangesWidened.ts'
import { strictArpOff } from './strictArpOff.ts'
import { timeoutsDisagree } from './timeoutsDisagree.ts'

/** Every rule, in the order in which `ipvsc lint --rules` and docs/lint.md list them. */
export const RULES: readonly Rule[] = [
  addressOfNode,
  addressOfApiServer,
  addressOfService,
  externalIpNotAllowed,
  loadBalancerNotAllowed,
  clusterIpOfNode,
  clusterIpOutsideRange,
  clusterIpReserved,
  nodePortOutsideRange,
  endpointOfNode,
  endpointOfApiServer,
  endpointPublic,
  endpointOfOtherNamespace,
  sourceRangesMissing,
  sourceRangesOpen,
  sourceRangesWide,
  nodePortPastSourceRanges,
  selectsNothing,
  noReadyEndpoint,
  sliceDisagrees,
  endpointsOnOneNode,
  endpointsInOneZone,
  localPolicyNoLocalEndpoint,
  internalPolicyNoLocalEndpoint,
  affinityWithHashing,
  timeoutsDisagree,
  strictArpOff,
  deprecatedInput,
  proxyReplaced,
  lastEndpointLost,
  endpointsLost,
  addressGone,
  addressMoved,
  changedUnderLoad,
  sourceRangesWidened,
  nodesTouched,
  servicesTouched,
  addressAssumed,
  changeNotAllowed,
  allowanceExpired,
  ignoreUnknown,
]
