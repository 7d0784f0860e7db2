import {
  type BuildView,
  displayWidth,
  fitWidth,
  formatBytes,
  formatDuration,
  plainLine,
  type StepView,
} from '@melange2/progress';

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

const logRows = 6;

/**
 * Draws the part of the screen that changes: what runs, with its last lines, transfers, and counts.
 *
 * Pure. No line is wider than the screen, and there are fewer lines than it has rows.
 */
export function drawLive(view: BuildView, size: Size, nowMs: number, paint: Paint): string[] {
  const room = Math.max(2, size.rows - 2);
  const running = view.running
    .map((id) => view.steps.get(id))
    .filter((step): step is StepView => step !== undefined && step.kind !== 'internal')
    .slice(0, Math.max(1, Math.floor(room / 2)));
  const logs = Math.max(
    0,
    Math.min(logRows, Math.floor((room - running.length - 1) / Math.max(1, running.length))),
  );
  const lines: string[] = [statusLine(view, size, nowMs, paint)];
  for (const step of running) {
    lines.push(row(paint.cyan('●'), stepTitle(view, step), elapsed(step, nowMs), size, paint));
    const detail = progressText(step);
    if (detail !== '') lines.push(paint.dim(fitWidth(`  ${detail}`, size.columns)));
    for (const text of step.tail.slice(step.tail.length - logs)) {
      lines.push(paint.dim(fitWidth(`  │ ${plainLine(text)}`, size.columns)));
    }
  }
  for (const transfer of view.transfers.filter((t) => !t.finished).slice(0, 3)) {
    const seconds = Math.max(0.1, (transfer.atMs - transfer.startedMs) / 1000);
    const of = transfer.totalBytes === undefined ? '' : ` of ${formatBytes(transfer.totalBytes)}`;
    const arrow = transfer.direction === 'up' ? '↑' : '↓';
    const rate = `${formatBytes(transfer.currentBytes / seconds)}/s`;
    lines.push(
      fitWidth(`${arrow} ${transfer.name} ${formatBytes(transfer.currentBytes)}${of} ${rate}`, size.columns),
    );
  }
  return lines.slice(0, room);
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
    default:
      return undefined;
  }
}

function statusLine(view: BuildView, size: Size, nowMs: number, paint: Paint): string {
  const { counts } = view;
  const stage = view.stages.findLast((s) => s.durationMs === undefined)?.stage ?? '';
  const steps =
    counts.total === 0 ? '' : `${counts.completed}/${counts.total} steps, ${counts.cached} cached`;
  const time = view.startedMs === undefined ? '' : formatDuration(nowMs - view.startedMs);
  const parts = [view.package ?? '', stage, steps].filter((part) => part !== '');
  return row(paint.bold('▸'), parts.join(' · '), time, size, paint, paint.bold);
}

function stepTitle(view: BuildView, step: StepView): string {
  const architecture =
    view.architectures.length > 1 && step.architecture !== undefined ? `${step.architecture} ` : '';
  const owner = step.package === undefined ? '' : `${step.package}: `;
  return `${architecture}${owner}${plainLine(step.name)}`;
}

function progressText(step: StepView): string {
  const { progress } = step;
  if (progress === undefined) return '';
  const show = progress.unit === 'bytes' ? formatBytes : String;
  const of = progress.total === undefined || progress.total === 0 ? '' : ` of ${show(progress.total)}`;
  return `${plainLine(progress.item)} ${show(progress.current)}${of}`;
}

function elapsed(step: StepView, nowMs: number): string {
  return step.startedMs === undefined ? '' : formatDuration(Math.max(0, nowMs - step.startedMs));
}

/** One line: mark, text to the left, time to the right edge. */
function row(
  mark: string,
  text: string,
  right: string,
  size: Size,
  paint: Paint,
  style: (text: string) => string = (t) => t,
): string {
  const wanted = fitWidth(right, Math.max(0, size.columns - 6));
  const left = fitWidth(text, size.columns - 3 - displayWidth(wanted));
  const gap = Math.max(1, size.columns - 2 - displayWidth(left) - displayWidth(wanted));
  return `${mark} ${style(left)}${' '.repeat(gap)}${paint.dim(wanted)}`;
}
