import {
  type BuildView,
  displayWidth,
  estimateMs,
  fitWidth,
  formatBytes,
  formatDuration,
  plainLine,
  type StepView,
  type TransferView,
} from '@melange2/progress';
import { type Branch, planTree } from './plan-tree.ts';

/** Styles the renderer uses; each wraps a text in escape sequences, or not. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const shownTransfers = 3;

/**
 * Draws the part of the screen that changes: counts and estimate, then a tree of packages with the steps that run, their
 * last lines and the steps that wait, then transfers.
 *
 * Pure. No line is wider than the screen, and there are fewer lines than it has rows.
 */
export function drawLive(view: BuildView, size: Size, nowMs: number, paint: Paint): string[] {
  const room = Math.max(2, size.rows - 2);
  const transfers = view.transfers.filter((t) => !t.finished).slice(0, shownTransfers);
  const tree = planTree(view, room - 1 - transfers.length);
  return [
    statusLine(view, size, nowMs, paint),
    ...tree.flatMap((branch) => drawBranch(view, branch, { size, nowMs, paint })),
    ...transfers.map((transfer) => fitWidth(transferText(transfer), size.columns)),
  ].slice(0, room);
}

/** The line a step leaves behind when it is done; nothing for steps nobody asks about. */
export function drawFinished(view: BuildView, step: StepView, size: Size, paint: Paint): string | undefined {
  if (step.kind === 'internal') return undefined;
  const title = stepTitle(view, step);
  switch (step.status) {
    case 'cached':
      return row(paint.dim('✓'), title, 'cached', size, paint, paint.dim);
    case 'completed':
      return row(paint.green('✓'), title, formatDuration(step.durationMs ?? 0), size, paint);
    case 'failed':
      return row(paint.red('✗'), title, step.error ?? 'failed', size, paint, paint.red);
    case 'canceled':
      return row(paint.yellow('✗'), title, 'canceled', size, paint, paint.dim);
    case 'waiting':
    case 'running':
      return undefined;
  }
}

interface Drawing {
  readonly size: Size;
  readonly nowMs: number;
  readonly paint: Paint;
}

function drawBranch(view: BuildView, branch: Branch, { size, nowMs, paint }: Drawing): string[] {
  const lines = branch.title === undefined ? [] : [paint.bold(fitWidth(branch.title, size.columns))];
  const hasTitle = branch.title !== undefined;
  for (const [i, { step, logs }] of branch.running.entries()) {
    const isLast = i === branch.running.length - 1 && branch.waiting.length === 0;
    const lead = hasTitle ? (isLast ? '└─ ' : '├─ ') : '';
    const below = hasTitle ? (isLast ? '   ' : '│  ') : '';
    const title = hasTitle ? plainLine(step.name) : stepTitle(view, step);
    lines.push(row(paint.cyan(`${lead}●`), title, elapsed(step, nowMs), size, paint, undefined, lead.length));
    const detail = progressText(step);
    if (detail !== '') lines.push(paint.dim(fitWidth(`${below}  ${detail}`, size.columns)));
    for (const text of step.tail.slice(step.tail.length - logs)) {
      lines.push(paint.dim(fitWidth(`${below}  │ ${plainLine(text)}`, size.columns)));
    }
  }
  for (const [i, text] of branch.waiting.entries()) {
    const lead = i === branch.waiting.length - 1 ? '└─' : '├─';
    lines.push(paint.dim(fitWidth(`${lead} ○ ${plainLine(text)}`, size.columns)));
  }
  return lines;
}

function statusLine(view: BuildView, size: Size, nowMs: number, paint: Paint): string {
  const { counts } = view;
  const stage = view.stages.findLast((s) => s.durationMs === undefined)?.stage ?? '';
  const steps = counts.total === 0 ? '' : `${counts.completed}/${counts.total} steps`;
  const cached = counts.total === 0 ? '' : `${steps}, ${counts.cached} cached`;
  const failed = counts.failed === 0 ? '' : `${counts.failed} failed`;
  const time = view.startedMs === undefined ? '' : formatDuration(nowMs - view.startedMs);
  const left = estimateMs(view, nowMs);
  const about = left === undefined ? '' : `, about ${formatDuration(Math.ceil(left / 1000) * 1000)} left`;
  const right = size.columns < 60 ? time : `${time}${about.replace(/\.0s/, 's')}`;
  const name = view.package ?? '';
  // As much as there is room for; the package stands above its steps as well.
  const texts = [
    [name, stage, cached, failed],
    [name, stage, steps, failed],
    [name, steps, failed],
    [stage, steps, failed],
  ].map((parts) => parts.filter((part) => part !== '').join(' · '));
  const room = size.columns - 3 - displayWidth(right);
  const text = texts.find((t) => displayWidth(t) <= room) ?? texts.at(-1) ?? '';
  return row(paint.bold('▸'), text, right, size, paint, paint.bold);
}

function stepTitle(view: BuildView, step: StepView): string {
  const architecture =
    view.architectures.length > 1 && step.architecture !== undefined ? `${step.architecture} ` : '';
  const owner = step.package === undefined ? '' : `${step.package}: `;
  return `${architecture}${owner}${plainLine(step.name)}`;
}

function transferText({ direction, name, currentBytes, totalBytes, startedMs, atMs }: TransferView): string {
  const seconds = Math.max(0.1, (atMs - startedMs) / 1000);
  const of = totalBytes === undefined ? '' : ` of ${formatBytes(totalBytes)}`;
  const arrow = direction === 'up' ? '↑' : '↓';
  return `${arrow} ${plainLine(name)} ${formatBytes(currentBytes)}${of} ${formatBytes(currentBytes / seconds)}/s`;
}

function progressText(step: StepView): string {
  const { progress } = step;
  if (progress === undefined) return '';
  const show = progress.unit === 'bytes' ? formatBytes : String;
  const of = progress.total === undefined || progress.total === 0 ? '' : ` of ${show(progress.total)}`;
  return `${plainLine(progress.item)} ${show(progress.current)}${of}`;
}

function elapsed({ startedMs, expectedMs }: StepView, nowMs: number): string {
  if (startedMs === undefined) return '';
  const time = formatDuration(Math.max(0, nowMs - startedMs));
  return expectedMs === undefined || expectedMs < 1000
    ? time
    : `${time} of about ${formatDuration(expectedMs)}`;
}

/** One line: mark, text to the left, time to the right edge. `indent` is what the mark is wider than one column. */
function row(
  mark: string,
  text: string,
  right: string,
  size: Size,
  paint: Paint,
  style: (text: string) => string = (t) => t,
  indent = 0,
): string {
  const columns = size.columns - indent;
  const wanted = fitWidth(right, Math.max(0, columns - 6));
  const left = fitWidth(text, columns - 3 - displayWidth(wanted));
  const gap = Math.max(1, columns - 2 - displayWidth(left) - displayWidth(wanted));
  return `${mark} ${style(left)}${' '.repeat(gap)}${paint.dim(wanted)}`;
}
