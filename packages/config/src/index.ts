export { noPlaces } from './places.ts';
export type { Places } from './places.ts';
export { textOrigin, TextMapBuilder } from './text-origin.ts';
export type { TextMap, TextOrigin } from './text-origin.ts';
export type { PipelineStep, PipelineInput, Needs, PipelineAssertions } from './pipeline-step.ts';
export type {
  Environment,
  EnvironmentContents,
  NamedContent,
  BaseImage,
  Entrypoint,
  Accounts,
  User,
  Group,
  PathMutation,
  Layering,
  Certificates,
} from './environment.ts';
export type {
  PackageConfig,
  Package,
  Subpackage,
  Dependencies,
  Copyright,
  PackageOptions,
  Scriptlets,
  Trigger,
  Checks,
  Cpe,
  Capability,
  Capabilities,
  Resources,
  RangeData,
  VarTransform,
  BuildOption,
  Test,
} from './package-config.ts';
export { droppedCapabilities, unusualCapabilities } from './step-capabilities.ts';
export type {
  Update,
  ReleaseMonitor,
  GitMonitor,
  GitHubMonitor,
  OciMonitor,
  VersionData,
  VersionSource,
  VersionTransform,
  Schedule,
} from './update.ts';
export { parseConfig } from './parse-config.ts';
export type { PipelineFileOptions } from './parse-pipeline-file.ts';
export { parsePipelineFile } from './parse-pipeline-file.ts';
export type { ParseOptions } from './parse-options.ts';
export { substitute, substituteTraced, substituteCondition, substituteLiteral } from './substitution.ts';
export type { Variables, Substituted, SubstitutionProblem } from './substitution.ts';
export { parseCondition, holds, maxConditionDepth } from './condition.ts';
export type { Condition, ConditionLink, Operand, ConditionProblem, ParsedCondition } from './condition.ts';
export { architecture, architectures } from './architecture.ts';
export type { Architecture, Libc } from './architecture.ts';
export { buildVariables, subpackageVariables, layered } from './build-variables.ts';
export type { BuildTarget, BuildVariables } from './build-variables.ts';
export type { ReferenceProblem, VariableProblem } from './variables.ts';
export { toReferenceJson, referenceJson, formatGoJson } from './reference-json.ts';
export type { JsonValue } from './reference-json.ts';
export { parseEnvFile } from './env-file.ts';
export { errors } from './errors.ts';
export type { Details } from './errors.ts';
export { decodeBuildFile } from './decode-build-file.ts';
export { goQuote } from './go-quote.ts';
export { applyTransforms } from './variables.ts';
export { buildFileSchema, pipelineFileSchema } from './build-file-schema.ts';
export type { JsonSchema } from './decode.ts';
export {
  applyEdits,
  changeValue,
  changeVersion,
  changeEpoch,
  changeChecksum,
  addListEntry,
  removeListEntry,
} from './edit-build-file.ts';
export type { EditPath } from './edit-build-file.ts';
export { queryConfig } from './query-config.ts';
export type { QueryResult } from './query-config.ts';
export { planBump } from './plan-bump.ts';
export type { BumpedSource, BumpOptions, BumpPlan } from './plan-bump.ts';
export { locateLine } from './locate-line.ts';
export type { LocatedLine, LocatedText } from './locate-line.ts';
