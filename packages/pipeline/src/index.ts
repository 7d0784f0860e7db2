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
export { cacheFolder, cacheNames, lower, outputFolder, stepDescription, workspaceFolder } from './lower.ts';
export type { LoweredBuild, LoweredStep, LowerOptions } from './lower.ts';
export { logFile, logFolder, stepCommand } from './step-command.ts';
export type { StepCommandOptions } from './step-command.ts';
