export { connect } from './connect.ts';
export type { ConnectOptions } from './connect.ts';
export type { Client, DaemonInfo } from './client.ts';
export { formatEndpoint, parseAddress } from './address.ts';
export type { Endpoint, SocketEndpoint, TlsSettings } from './endpoint.ts';
export type {
  BuildOptions,
  BuildRequest,
  BuildResult,
  BuildSubject,
  CacheEntry,
  Frontend,
  SolveRoute,
} from './build/build-request.ts';
export type { ArchiveOutput, ExportTarget } from './build/export-target.ts';
export type {
  FileStat,
  Gateway,
  GatewayResult,
  GatewaySolve,
  GatewayWarning,
  Reference,
} from './gateway/gateway.ts';
export type {
  Container,
  ContainerMount,
  ContainerOptions,
  ExecOptions,
  Process,
} from './gateway/container.ts';
export { capabilityTable, shortcomings } from './capabilities.ts';
export type { Capabilities, Shortcoming } from './capabilities.ts';
export type { Platform, Worker } from './control/worker.ts';
export type { PruneOptions, UsageRecord } from './control/disk-usage.ts';
export type { BuildHistoryEvent, BuildRecord, HistoryOptions } from './control/build-history.ts';
export type {
  StatusEvent,
  VertexAdded,
  VertexCompleted,
  VertexLog,
  VertexProgress,
  VertexStarted,
  VertexWarning,
} from './status/status-event.ts';
export { statusDecoder } from './status/status-decoder.ts';
export type { StatusDecoder, VertexInterval, VertexState } from './status/status-decoder.ts';
export { logLines } from './status/log-lines.ts';
export type { LogLine, LogLines } from './status/log-lines.ts';
export { errors, isSolveError } from './errors.ts';
export type { SolveError } from './errors.ts';
export type {
  FailedStep,
  FailurePlace,
  SolveFailure,
  SourcePosition,
  StackTrace,
} from './failure/solve-failure.ts';
export type {
  Attachables,
  BlobSource,
  ContentStore,
  ExportReceiver,
  LocalDir,
  OpenSession,
  RegistryAuth,
  Session,
  SessionExporter,
  SessionOptions,
  SessionTransfer,
  SourcePolicyAnswer,
  SourcePolicyRequest,
  SshAgent,
  VirtualFile,
  VirtualTree,
} from './session-contract.ts';
export { openSession } from './open-session.ts';
export { dockerConfigAuth } from './session/docker-config-auth.ts';
