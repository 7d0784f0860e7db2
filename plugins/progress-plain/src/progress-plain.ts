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
  stepEnds,
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
      const ends = stepEnds();
      let held: string[] = [];
      hooks.eventReceived.tap(name, (event) => {
        view = reduce(view, event);
        held.push(
          ...ends(view, event).map((step) => finishedLine(view, step, numbers)),
          ...plainLines(view, event, {
            numbers,
            logs: options.logs ?? true,
            columns: options.output.columns,
          }),
        );
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
  readonly logs: boolean;
  readonly columns: number | undefined;
}

/** The lines that one event adds besides the ends of steps; numbers are given to steps. */
function plainLines(view: BuildView, event: BuildEvent, { numbers, logs, columns }: Told): string[] {
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
      return ['', ...summaryLines(view, columns)];
    default:
      return [];
  }
}

function finishedLine(view: BuildView, step: StepView, numbers: Map<string, number>): string {
  const known = numbers.has(step.id);
  const number = numberOf(step.id, numbers);
  const what = known && step.status !== 'cached' && step.kind === 'command' ? '' : ` ${title(view, step)}`;
  const time = `(${formatDuration(step.durationMs ?? 0)})`;
  switch (step.status) {
    case 'canceled':
      return `${number}${what} canceled ${time}`;
    case 'failed':
      return `${number}${what} FAILED ${step.error} ${time}`;
    case 'cached':
      return `${number}${what} CACHED`;
    default:
      return `${number}${what} done ${time}`;
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
