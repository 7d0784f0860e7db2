export type {
  BuildPlan,
  NetworkMode,
  PlannedMount,
  PlannedStep,
  PlannedUser,
  TestPlan,
} from './build-plan.ts';
export { folderCatalogue, layeredCatalogue } from './catalogue.ts';
export type { PipelineCatalogue, PipelineFile } from './catalogue.ts';
export { builtinCatalogue } from './builtin-catalogue.ts';
export { cacheNames } from './fetched-sources.ts';
export type { KeptSource } from './fetched-sources.ts';
export { takeFailedLog } from './failed-log.ts';
export type { FailedLog } from './failed-log.ts';
export { lower, stepDescription } from './lower.ts';
export type { LoweredBuild, LoweredStep, LowerOptions } from './lower.ts';
export { cacheFolder, outputFolder, workspaceFolder } from './workspace.ts';
export { cacheMountOf } from './step-mounts.ts';
export { logFile, logFolder, stepCommand } from './step-command.ts';
export type { StepCommandOptions } from './step-command.ts';
export { pipelineLibrary } from './pipeline-library.ts';
export type { PipelineDefinition, PipelineLibrary } from './pipeline-library.ts';
export { buildsFor, builtConfig, compile } from './compile.ts';
export type { CompileOptions } from './compile.ts';
export type { NormaliseScript } from './step-draft.ts';
export type { CompiledPackage, CompiledStep, CompiledSubpackage, CompiledTest } from './compiled-package.ts';
export { plan, planTests } from './plan.ts';
export type { PlanOptions } from './plan.ts';
export { errors } from './errors.ts';
export { withPaths } from './environment-paths.ts';
export { lowerTest } from './lower-test.ts';
export type { LoweredTest, LowerTestOptions } from './lower-test.ts';
export { describePipeline } from './describe-pipeline.ts';
export type { InputDescription, PipelineDescription } from './describe-pipeline.ts';
export { failingLine } from './failing-line.ts';
export { formatPlan } from './format-plan.ts';
export { compilerFiles } from './compiler-files.ts';
export type { CompilerFilesOptions } from './compiler-files.ts';
export { normaliseScript } from './shell/normalise-script.ts';
export { explainLine } from './explain-line.ts';
export type {
  ExplainedInput,
  ExplainedStep,
  ExplainedText,
  ExplainOptions,
  LineExplanation,
} from './explain-line.ts';
export type { ExplainedValue } from './explain-variables.ts';
