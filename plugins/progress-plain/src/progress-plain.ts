import { formatPlace } from '@melange2/diagnostics';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';
import {
  type BuildEvent,
  type BuildView,
  cacheMountText,
  emptyView,
  formatBytes,
  formatDuration,
  plainLine,
  reduce,
  type RendererOutput,
  type StepView,
  summaryLines,
} from '@melange2/progress';

export interface ProgressPlainOptions {
  readonly output: RendererOutput;
  /** Prints what steps print. Default true. */
  readonly logs?: boolean;
}

/** Writes one line for each thing that happens, in order, without moving the cursor: for CI, files and pipes. */
export function progressPlain(options: ProgressPlainOptions): Plugin {
  const name = '@melange2/progress-plain';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      let view = emptyView;
      const numbers = new Map<string, number>();
      const told = new Set<string>();
      let held: string[] = [];
      hooks.eventReceived.tap(name, (event) => {
        view = reduce(view, event);
        held.push(...plainLines(view, event, { numbers, told, logs: options.logs ?? true }));
        if (view.paused || held.length === 0) return;
        options.output.write(`${held.join('\n')}\n`);
        held = [];
      });
    },
  };
}

interface Told {
  /** The number of each step, by first start. */
  readonly numbers: Map<string, number>;
  /** Steps whose end was told. */
  readonly told: Set<string>;
  readonly logs: boolean;
}

/** The lines that one event adds; what was told is added to. */
function plainLines(view: BuildView, event: BuildEvent, { numbers, told, logs }: Told): string[] {
  switch (event.type) {
    case 'buildStarted':
      return [`building ${event.package} from ${event.file} for ${event.architectures.join(', ')}`];
    case 'daemonFound': {
      const version = event.version === undefined ? '' : `, BuildKit ${event.version}`;
      return [`daemon ${event.address} (${event.how}${version})`];
    }
    case 'stageFinished': {
      const where =
        view.architectures.length > 1 && event.architecture !== undefined ? ` ${event.architecture}` : '';
      const detail = event.detail === undefined ? '' : ` ${event.detail}`;
      return [`${event.stage}${where}:${detail} (${formatDuration(event.durationMs)})`];
    }
    case 'stepStarted': {
      const step = view.steps.get(event.step);
      if (step === undefined || numbers.has(event.step) || step.kind !== 'command') return [];
      return hidden(step) ? [] : [`${numberOf(event.step, numbers)} ${title(view, step)}`];
    }
    case 'stepLog': {
      const step = view.steps.get(event.step);
      if (!logs || step === undefined) return [];
      const seconds = ((event.atMs - (step.startedMs ?? event.atMs)) / 1000).toFixed(1);
      return [`${numberOf(event.step, numbers)} ${seconds} | ${plainLine(event.text)}`];
    }
    case 'stepFinished': {
      const step = view.steps.get(event.step);
      if (step === undefined || (hidden(step) && event.error === undefined)) return [];
      // Sources and layers are looked at several times; only looks that took a while are worth a line.
      if (step.kind !== 'command' && event.error === undefined && event.durationMs < 100) return [];
      // Steps are looked up before they run, and some daemons tell of it several times.
      if (event.cached && told.has(event.step)) return [];
      told.add(event.step);
      const known = numbers.has(event.step);
      const number = numberOf(event.step, numbers);
      const what = known && !event.cached && step.kind === 'command' ? '' : ` ${title(view, step)}`;
      if (event.error === 'canceled')
        return [`${number}${what} canceled (${formatDuration(event.durationMs)})`];
      if (event.error !== undefined)
        return [`${number}${what} FAILED ${event.error} (${formatDuration(event.durationMs)})`];
      return [
        event.cached
          ? `${number}${what} CACHED`
          : `${number}${what} done (${formatDuration(event.durationMs)})`,
      ];
    }
    case 'transfer':
      return event.finished && event.currentBytes > 0
        ? [
            `${event.direction === 'up' ? 'sent' : 'received'} ${event.name}: ${formatBytes(event.currentBytes)}`,
          ]
        : [];
    case 'problemFound': {
      const { problem } = event;
      const place = problem.span === undefined ? '' : `${formatPlace(problem.span)}: `;
      return [`${place}${problem.severity} ${problem.code}: ${problem.message}`];
    }
    case 'notice':
      return [event.level === 'warning' ? `warning: ${event.text}` : event.text];
    case 'cacheMountUsed':
      return [`cache ${cacheMountText(event)}`];
    case 'packageWritten':
      return [`wrote ${event.file} (${formatBytes(event.sizeBytes)}, ${event.digest})`];
    case 'buildFinished':
      return ['', ...summaryLines(view)];
    default:
      return [];
  }
}

function hidden(step: StepView): boolean {
  return step.kind === 'internal';
}

function numberOf(step: string, numbers: Map<string, number>): string {
  let number = numbers.get(step);
  if (number === undefined) {
    number = numbers.size + 1;
    numbers.set(step, number);
  }
  return `#${number}`;
}

function title(view: BuildView, step: StepView): string {
  const architecture =
    view.architectures.length > 1 && step.architecture !== undefined ? `${step.architecture} ` : '';
  const owner = step.package === undefined ? '' : `${step.package}: `;
  return `${architecture}${owner}${plainLine(step.name)}`;
}
