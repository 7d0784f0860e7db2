export { EVENT_VERSION } from './build-event.ts';
export type {
  BuildEvent,
  BuildFinished,
  BuildOutcome,
  BuildPaused,
  BuildResumed,
  BuildStarted,
  CacheMountUsed,
  DaemonFound,
  Notice,
  PackageWritten,
  ProblemFound,
  Stage,
  StageFinished,
  StageStarted,
  StepFinished,
  StepKind,
  StepLog,
  StepPlanned,
  StepProgress,
  StepStarted,
  Transfer,
} from './build-event.ts';
export { emptyView, reduce, tailLength } from './build-view.ts';
export type {
  BuildView,
  ItemProgress,
  StageView,
  StepCounts,
  StepStatus,
  StepView,
  TransferView,
} from './build-view.ts';
export { stepEnds } from './step-ends.ts';
export { byChunk, StepTable } from './step-table.ts';
export { displayWidth, fitWidth, formatBytes, formatDuration, plainLine } from './format.ts';
export { estimateMs } from './estimate.ts';
export { progressModes } from './renderer.ts';
export type { ProgressMode, RendererOutput } from './renderer.ts';
export { cacheMountText, summaryLines } from './summary.ts';
