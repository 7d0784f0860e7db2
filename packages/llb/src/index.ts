export { scratch, State } from './state.ts';
export type { Exec } from './state.ts';
export { image } from './image.ts';
export type { ImageOptions } from './image.ts';
export { imageBlob, ociLayoutBlob } from './blob.ts';
export type { ImageBlobOptions, OciLayoutBlobOptions } from './blob.ts';
export { ociLayout } from './oci-layout.ts';
export type { OciLayoutOptions } from './oci-layout.ts';
export { local } from './local.ts';
export type { LocalOptions } from './local.ts';
export { http } from './http.ts';
export type { HttpOptions } from './http.ts';
export { git } from './git.ts';
export type { GitOptions } from './git.ts';
export type {
  BindMount,
  CacheMount,
  CdiDevice,
  Mount,
  ProxySettings,
  RunOptions,
  Secret,
  SshSocket,
  TmpfsMount,
} from './exec.ts';
export { copy, mkdir, mkfile, rm, symlink } from './file.ts';
export type {
  CopyOptions,
  FileAction,
  FileChain,
  MkdirOptions,
  MkfileOptions,
  Owner,
  RmOptions,
} from './file.ts';
export { merge } from './merge.ts';
export { diff } from './diff.ts';
export { passthrough } from './passthrough.ts';
export type { PassthroughInput } from './passthrough.ts';
export { build } from './build.ts';
export type { BuildOptions } from './build.ts';
export { marshal } from './marshal.ts';
export type { MarshalInput } from './marshal.ts';
export { decodeDefinition, encodeDefinition, fromDefinition } from './definition.ts';
export type { Definition } from './definition.ts';
export { readGraph } from './graph.ts';
export type { Graph, GraphInput, GraphLocation, GraphOp, OpKind } from './graph.ts';
export { vertexNames } from './vertex-name.ts';
export { formatDefinition } from './format-definition.ts';
export type { FormatOptions } from './format-definition.ts';
export { definitionToDot, definitionToMermaid } from './draw-definition.ts';
export type { DrawOptions } from './draw-definition.ts';
export { diffDefinitions, formatDefinitionDiff } from './diff-definitions.ts';
export type { FieldChange, OpChange } from './diff-definitions.ts';
export type { OutputDigest } from './node.ts';
export { digestOfBytes } from './digest.ts';
export type { LinuxResources, OpOptions, ProgressGroup } from './op-options.ts';
export { formatPlatform, normalizePlatform, parsePlatform } from './platform.ts';
export type { Platform } from './platform.ts';
export type {
  Environment,
  ExtraHost,
  ImageConfig,
  NetworkMode,
  SecurityMode,
  Settings,
  StateSettings,
  Ulimit,
} from './settings.ts';
export { rangeOfSpan } from './source-file.ts';
export type { SourceFile, SourceLocation, SourcePosition, SourceRange } from './source-file.ts';
export { formatImageReference, parseImageReference } from './image-reference.ts';
export type { ImageReference } from './image-reference.ts';
export { errors } from './errors.ts';
