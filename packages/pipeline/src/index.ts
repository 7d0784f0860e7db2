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
