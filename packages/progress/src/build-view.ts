import type { Diagnostic, Span } from '@melange2/diagnostics';
import type {
  BuildEvent,
  BuildOutcome,
  CacheMountUsed,
  PackageWritten,
  Stage,
  StepKind,
} from './build-event.ts';
import { StepTable } from './step-table.ts';

/** Lines kept of each step's output; the whole log is in its file. */
export const tailLength = 50;

export type StepStatus = 'waiting' | 'running' | 'completed' | 'cached' | 'failed' | 'canceled';

export interface ItemProgress {
  readonly item: string;
  readonly current: number;
  readonly total?: number;
  readonly unit: 'bytes' | 'items';
}

export interface StepView {
  readonly id: string;
  readonly name: string;
  readonly kind: StepKind;
  readonly package?: string;
  readonly architecture?: string;
  readonly place?: Span;
  readonly logFile?: string;
  /** How long it ran in an earlier build. */
  readonly expectedMs?: number;
  readonly status: StepStatus;
  readonly startedMs?: number;
  readonly durationMs?: number;
  readonly error?: string;
  readonly exitCode?: number;
  /** The last lines, oldest first; at most {@link tailLength}. Forgotten when the step has ended well. */
  readonly tail: readonly string[];
  readonly lineCount: number;
  readonly progress?: ItemProgress;
}

export interface StageView {
  readonly stage: Stage;
  readonly architecture?: string;
  readonly startedMs: number;
  readonly durationMs?: number;
  readonly detail?: string;
}

export interface TransferView {
  readonly id: string;
  readonly name: string;
  readonly direction: 'up' | 'down';
  readonly currentBytes: number;
  readonly totalBytes?: number;
  readonly startedMs: number;
  readonly atMs: number;
  readonly finished: boolean;
}

/** How many steps are in which state; `total` is what is known so far. */
export interface StepCounts {
  readonly total: number;
  readonly completed: number;
  readonly cached: number;
  readonly failed: number;
  readonly running: number;
}

/** All that a renderer draws: the fold of the events so far. Immutable. */
export interface BuildView {
  readonly build?: string;
  readonly file?: string;
  readonly package?: string;
  readonly architectures: readonly string[];
  readonly startedMs?: number;
  readonly daemon?: { readonly address: string; readonly how: string; readonly version?: string };
  readonly stages: readonly StageView[];
  readonly steps: StepTable<StepView>;
  /** Ids of the steps that run, in the order they started. */
  readonly running: readonly string[];
  readonly counts: StepCounts;
  readonly transfers: readonly TransferView[];
  readonly problems: readonly Diagnostic[];
  readonly notices: readonly { readonly level: 'info' | 'warning'; readonly text: string }[];
  readonly cacheMounts: readonly Omit<CacheMountUsed, 'type' | 'atMs'>[];
  readonly packages: readonly PackageWritten[];
  /** Nothing is to be drawn for now. */
  readonly paused: boolean;
  readonly outcome?: BuildOutcome;
  readonly durationMs?: number;
  readonly logs?: string;
}

export const emptyView: BuildView = {
  architectures: [],
  stages: [],
  steps: StepTable.empty<StepView>(),
  running: [],
  counts: { total: 0, completed: 0, cached: 0, failed: 0, running: 0 },
  transfers: [],
  problems: [],
  notices: [],
  cacheMounts: [],
  packages: [],
  paused: false,
};

/** Folds one event into the view that renderers draw. Pure; returns `view` itself when nothing changed. */
export function reduce(view: BuildView, event: BuildEvent): BuildView {
  switch (event.type) {
    case 'buildStarted':
      return {
        ...view,
        build: event.build,
        file: event.file,
        package: event.package,
        architectures: event.architectures,
        startedMs: view.startedMs ?? event.atMs,
      };
    case 'daemonFound': {
      const { address, how, version } = event;
      return { ...view, daemon: { address, how, ...(version === undefined ? {} : { version }) } };
    }
    case 'stageStarted': {
      const { stage, architecture, atMs } = event;
      const started = { stage, startedMs: atMs, ...(architecture === undefined ? {} : { architecture }) };
      return { ...view, stages: [...view.stages, started] };
    }
    case 'stageFinished': {
      const at = view.stages.findLastIndex(
        (s) => s.stage === event.stage && s.architecture === event.architecture && s.durationMs === undefined,
      );
      const open = view.stages[at];
      if (open === undefined) return view;
      const done = {
        ...open,
        durationMs: event.durationMs,
        ...(event.detail === undefined ? {} : { detail: event.detail }),
      };
      return { ...view, stages: view.stages.with(at, done) };
    }
    case 'stepPlanned': {
      if (view.steps.get(event.step) !== undefined) return view;
      const { step, type, atMs, ...facts } = event;
      const planned: StepView = { ...facts, id: step, status: 'waiting', tail: [], lineCount: 0 };
      const counts = { ...view.counts, total: view.counts.total + 1 };
      return { ...view, steps: view.steps.set(step, planned), counts };
    }
    case 'stepStarted':
      return startStep(view, event.step, event.atMs);
    case 'stepLog':
      return update(view, event.step, (step) => ({
        ...step,
        tail: [...(step.tail.length < tailLength ? step.tail : step.tail.slice(1)), event.text],
        lineCount: step.lineCount + 1,
      }));
    case 'stepProgress':
      return update(view, event.step, (step) => {
        if (event.finished) {
          const { progress, ...rest } = step;
          return progress?.item === event.item ? rest : step;
        }
        const { item, current, total, unit } = event;
        return { ...step, progress: { item, current, unit, ...(total === undefined ? {} : { total }) } };
      });
    case 'stepFinished':
      return finishStep(view, event);
    case 'transfer':
      return { ...view, transfers: withTransfer(view.transfers, event) };
    case 'problemFound':
      return { ...view, problems: [...view.problems, event.problem] };
    case 'notice':
      return { ...view, notices: [...view.notices, { level: event.level, text: event.text }] };
    case 'cacheMountUsed': {
      const { type, atMs, ...used } = event;
      return { ...view, cacheMounts: [...view.cacheMounts.filter((m) => m.id !== used.id), used] };
    }
    case 'packageWritten':
      return { ...view, packages: [...view.packages, event] };
    case 'buildPaused':
    case 'buildResumed':
      return { ...view, paused: event.type === 'buildPaused' };
    case 'buildFinished': {
      const { outcome, durationMs, logs } = event;
      return { ...view, outcome, durationMs, running: [], ...(logs === undefined ? {} : { logs }) };
    }
  }
}

function startStep(view: BuildView, id: string, atMs: number): BuildView {
  const step = view.steps.get(id);
  // A vertex may start several times (a lookup, then the run): the run restarts the clock.
  if (step === undefined || step.status === 'failed' || step.status === 'canceled') return view;
  const { counts } = view;
  const again = step.status === 'completed' || step.status === 'cached';
  return {
    ...view,
    steps: view.steps.set(id, { ...step, status: 'running', startedMs: atMs }),
    running: view.running.includes(id) ? view.running : [...view.running, id],
    counts: {
      ...counts,
      running: counts.running + (step.status === 'running' ? 0 : 1),
      completed: counts.completed - (again ? 1 : 0),
      cached: counts.cached - (step.status === 'cached' ? 1 : 0),
    },
  };
}

function finishStep(view: BuildView, event: Extract<BuildEvent, { type: 'stepFinished' }>): BuildView {
  const step = view.steps.get(event.step);
  if (step === undefined || (step.status !== 'waiting' && step.status !== 'running')) return view;
  const status = statusOf(event);
  const { progress, ...rest } = step;
  const finished: StepView = {
    ...rest,
    status,
    // Of ten thousand steps they would fill the memory, and nobody shows them.
    tail: status === 'completed' || status === 'cached' ? [] : step.tail,
    durationMs: event.durationMs,
    ...(event.error === undefined ? {} : { error: event.error }),
    ...(event.exitCode === undefined ? {} : { exitCode: event.exitCode }),
  };
  const { counts } = view;
  return {
    ...view,
    steps: view.steps.set(event.step, finished),
    running: view.running.filter((id) => id !== event.step),
    counts: {
      ...counts,
      running: counts.running - (step.status === 'running' ? 1 : 0),
      completed: counts.completed + (status === 'completed' || status === 'cached' ? 1 : 0),
      cached: counts.cached + (status === 'cached' ? 1 : 0),
      failed: counts.failed + (status === 'failed' ? 1 : 0),
    },
  };
}

function statusOf({ error, cached }: Extract<BuildEvent, { type: 'stepFinished' }>): StepStatus {
  if (error !== undefined) return error === 'canceled' ? 'canceled' : 'failed';
  return cached ? 'cached' : 'completed';
}

function update(view: BuildView, id: string, change: (step: StepView) => StepView): BuildView {
  const step = view.steps.get(id);
  if (step === undefined) return view;
  const changed = change(step);
  return changed === step ? view : { ...view, steps: view.steps.set(id, changed) };
}

function withTransfer(
  transfers: readonly TransferView[],
  event: Extract<BuildEvent, { type: 'transfer' }>,
): readonly TransferView[] {
  const at = transfers.findIndex((t) => t.id === event.id);
  const { id, name, direction, currentBytes, totalBytes, finished, atMs } = event;
  const next: TransferView = {
    id,
    name,
    direction,
    currentBytes,
    finished,
    atMs,
    startedMs: transfers[at]?.startedMs ?? atMs,
    ...(totalBytes === undefined ? {} : { totalBytes }),
  };
  return at < 0 ? [...transfers, next] : transfers.with(at, next);
}
