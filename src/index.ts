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
export { type Captured, capture, type Dumps } from './capture/capture.ts'
export type { Cluster, Sourced } from './cluster/types.ts'
export {
  type CompileCounts,
  type CompileOptions,
  type CompileResult,
  compile,
  compileNodes,
  quarantined,
} from './compile.ts'
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
export { DIAGNOSTIC_CODES, type DiagnosticCode } from './diagnosticCodes.ts'
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
} from './diagnostics.ts'
export { type EmitOptions, emit, PayloadMismatch, type Payloads } from './emit/emit.ts'
export { type ListedAddress, parseIpAddr, parseIpBatch } from './emit/ip.ts'
export { type ParsedIpset, parseIpsetRestore } from './emit/ipset.ts'
export {
  type ForeignRule,
  isForeign,
  type OwnedTables,
  ownedTables,
  type ParsedChain,
  type ParsedRule,
  type ParsedTable,
  parseIptablesRestore,
} from './emit/iptables.ts'
export { type ParsedIpvs, parseIpvsRestore } from './emit/ipvs.ts'
export { parseModulesConf } from './emit/modules.ts'
export { PAYLOAD_NAMES, type PayloadName } from './emit/names.ts'
export { defaultRenderer, type Renderer, rendererWith, TemplateError } from './emit/render.ts'
export { stateFingerprint, stateLines } from './emit/state.ts'
export { PayloadSyntaxError } from './emit/syntax.ts'
export { type ParsedSysctls, parseSysctlConf } from './emit/sysctl.ts'
export { Compilation } from './incremental.ts'
export type * from './kube/types.ts'
export { fingerprint, formatPlan } from './plan/canonical.ts'
export { formatEntry } from './plan/entries.ts'
export type { InterfaceAddress } from './plan/nodeFacts.ts'
export { formatProvenance, type ItemProvenance, type Provenance } from './plan/provenance.ts'
export type { ReportedFacts } from './plan/reportedFacts.ts'
export type * from './plan/types.ts'
export { canonicalSnapshot, type SnapshotObject } from './read/canonical.ts'
export { read } from './read/read.ts'
export type { ReadResult, SourceText } from './read/types.ts'
export { VERSION } from './version.ts'
