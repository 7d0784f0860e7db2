import { API_VERSION, type Plugin } from '@melange2/plugin-api';
import {
  type BuildEvent,
  type BuildView,
  emptyView,
  formatDuration,
  plainLine,
  reduce,
  type RendererOutput,
  stepEnds,
  type StepView,
  summaryLines,
} from '@melange2/progress';
import type { Diagnostic } from '@melange2/diagnostics';

export interface ProgressGithubOptions {
  readonly output: RendererOutput;
}

/**
 * Writes for GitHub Actions: each step's output in a closed group, written when the step is done, and problems as
 * annotations at their place. No line of a log can be taken for a workflow command.
 */
export function progressGithub({ output }: ProgressGithubOptions): Plugin {
  const name = '@melange2/progress-github';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      let view = emptyView;
      const logs = new Map<string, string[]>();
      const ends = stepEnds();
      hooks.eventReceived.tap(name, (event) => {
        view = reduce(view, event);
        const lines = [
          ...ends(view, event).flatMap((step) => finishedStep(step, logs)),
          ...githubLines(view, event, logs),
        ];
        if (lines.length > 0) output.write(`${lines.join('\n')}\n`);
      });
    },
  };
}

/** The lines that one event adds; `logs` holds the output of steps that still run. */
function githubLines(view: BuildView, event: BuildEvent, logs: Map<string, string[]>): string[] {
  switch (event.type) {
    case 'buildStarted':
      return [text(`building ${event.package} from ${event.file} for ${event.architectures.join(', ')}`)];
    case 'stepLog': {
      const lines = logs.get(event.step) ?? [];
      if (lines.length === 0) logs.set(event.step, lines);
      lines.push(text(event.text));
      return [];
    }
    case 'problemFound':
      return [annotation(event.problem)];
    case 'notice':
      return [event.level === 'warning' ? `::warning::${data(event.text)}` : text(event.text)];
    case 'buildFinished':
      return [
        '::group::Summary',
        ...summaryLines(view).map(text),
        '::endgroup::',
        ...(event.failure === undefined ? [] : [annotation(event.failure)]),
      ];
    default:
      return [];
  }
}

function finishedStep(step: StepView, logs: Map<string, string[]>): string[] {
  const lines = logs.get(step.id) ?? [];
  logs.delete(step.id);
  const owner = step.package === undefined ? '' : `${step.package}: `;
  return [
    `::group::${data(`${owner}${plainLine(step.name)} (${howItEnded(step)})`)}`,
    ...lines,
    '::endgroup::',
  ];
}

function howItEnded({ status, error, durationMs = 0 }: StepView): string {
  if (status === 'failed') return `FAILED: ${error}`;
  return status === 'canceled' || status === 'cached' ? status : formatDuration(durationMs);
}

function annotation(problem: Diagnostic): string {
  const level = { error: 'error', warning: 'warning', info: 'notice' }[problem.severity];
  const { span } = problem;
  const place =
    span === undefined
      ? ''
      : `file=${property(span.file)},line=${span.start.line},endLine=${span.end.line},col=${span.start.column},`;
  return `::${level} ${place}title=${property(problem.code)}::${data(problem.message)}`;
}

/** A line of foreign text. The runner takes `::command::` at a line's start, and `##[command]` anywhere near it. */
function text(line: string): string {
  const plain = plainLine(line);
  return /^\s*(?:::|##\[)/.test(plain) ? `| ${plain}` : plain;
}

function data(value: string): string {
  return value.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(value: string): string {
  return data(value).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
