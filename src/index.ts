export {
  type Bundle,
  type BundleInput,
  type Counts,
  countPlan,
  type FileEntry,
  type Manifest,
  makeBundle,
  type PlanCounts,
  type QuarantinedObject,
} from './bundle/bundle.ts'
export { BundleError, type VerifiedBundle, verifyBundle } from './bundle/verify.ts'
export { type Captured, capture, type Dumps, foreignTo } from './capture/capture.ts'
export { type Drift, driftOf } from './capture/drift.ts'
export { type ClusterStep, Compilation } from './compile/compilation.ts'
export {
  type CompileCounts,
  type CompileOptions,
  type CompileResult,
  compile,
  compileNodes,
  quarantined,
} from './compile/compile.ts'
export type { Mode } from './compile/mode.ts'
export { ipvs } from './compile/modes/ipvs/mode.ts'
export type { FollowedObject } from './compile/objects.ts'
export { formatProvenance, type ItemProvenance, type Provenance } from './compile/provenance.ts'
export { resolveConfig } from './config/resolve.ts'
export { type ConntrackConfig, DEFAULT_CONFIG, type DetectLocal, type ProxyConfig } from './config/types.ts'
export { delta } from './delta/delta.ts'
export type { Operation, OperationKind, SetKey, VirtualServerKey } from './delta/operations.ts'
export {
  DELTA_PAYLOAD_NAMES,
  type DeltaPayloadName,
  type DeltaPayloads,
  emitDelta,
} from './delta/payloads.ts'
export { desired } from './desired/desired.ts'
export type { Desired, DesiredOptions } from './desired/types.ts'
export { DIAGNOSTIC_CODES, type DiagnosticCode } from './diagnostics/codes.ts'
export {
  type Diagnostic,
  formatPath,
  formatSubject,
  hasErrors,
  type JsonPath,
  type ObjectRef,
  type Origin,
  type Position,
  type RelatedPlace,
  type Severity,
} from './diagnostics/diagnostics.ts'
export { type EmitOptions, emit, PayloadMismatch, type Payloads } from './formats/emit.ts'
export { type ListedAddress, parseIpAddr, parseIpBatch } from './formats/ip.ts'
export { type ForeignOfSet, type ParsedIpset, parseIpsetRestore } from './formats/ipset.ts'
export {
  type ForeignInTable,
  type ForeignRule,
  isForeign,
  type OwnedTables,
  ownedTables,
  type ParsedChain,
  type ParsedRule,
  type ParsedTable,
  parseIptablesRestore,
} from './formats/iptables.ts'
export { type ParsedIpvs, parseIpvsRestore } from './formats/ipvs.ts'
export { parseModulesConf } from './formats/modules.ts'
export { PAYLOAD_NAMES, type PayloadName } from './formats/names.ts'
export {
  defaultRenderer,
  type OverlaidTemplate,
  type Renderer,
  rendererWith,
  TemplateError,
} from './formats/render.ts'
export {
  type ChangedLines,
  changedLines,
  foreignLine,
  stateFingerprint,
  stateLines,
} from './formats/state.ts'
export { PayloadSyntaxError } from './formats/syntax.ts'
export { type ParsedSysctls, parseSysctlConf } from './formats/sysctl.ts'
export type { TableName } from './kernel/chains.ts'
export type { Protocol } from './kernel/protocols.ts'
export type { Scheduler, SchedulerFlag } from './kernel/schedulers.ts'
export type { IpSetType, SetName } from './kernel/sets.ts'
export type { AssumedObject, AssumedValue } from './kube/assumed.ts'
export type { Cluster, Sourced } from './kube/cluster.ts'
export type * from './kube/types.ts'
export type { Family } from './net/family.ts'
export type { InterfaceAddress } from './node/facts.ts'
export type { ReportedFacts } from './node/reportedFacts.ts'
export { fingerprint, formatPlan } from './plan/canonical.ts'
export { changes } from './plan/changes/changes.ts'
export type { Change, ChangeKind, ChangeOf, PlacedRule, Sides } from './plan/changes/types.ts'
export { formatEntry } from './plan/entries.ts'
export type { ForeignItem } from './plan/foreign.ts'
export type { Owner, Owners, RuleOwners, RulePlace } from './plan/owners.ts'
export { PlanError, type PlanProblem, parsePlan } from './plan/parse.ts'
export type * from './plan/types.ts'
export { canonicalSnapshot, type SnapshotObject } from './read/canonical.ts'
export { read } from './read/read.ts'
export type { ReadResult, SourceText } from './read/types.ts'
export { SharedBytes } from './text.ts'
export { VERSION } from './version.ts'
