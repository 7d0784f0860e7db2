import type { BuildView } from './build-view.ts';
import { displayWidth, formatBytes, formatDuration } from './format.ts';

/**
 * The lines that end a build in every mode but `quiet` and `json`: packages, times, cached steps, logs. Where `columns`
 * says how wide a terminal is, they are parted between what they tell, which stays whole.
 */
export function summaryLines(view: BuildView, columns: number = Infinity): string[] {
  const lines: string[] = [];
  const add = (lead: string, separator: string, parts: readonly string[]): void => {
    let line = lead;
    for (const [i, part] of parts.entries()) {
      const before = i === 0 ? '' : separator;
      if (i > 0 && displayWidth(line + before + part) > columns) {
        lines.push(line + before.trimEnd());
        line = `    ${part}`;
      } else line += before + part;
    }
    lines.push(line);
  };
  const { counts } = view;
  const time = view.durationMs === undefined ? [] : [`in ${formatDuration(view.durationMs)}`];
  const word = { succeeded: 'Built', failed: 'Failed', canceled: 'Canceled' }[view.outcome ?? 'failed'];
  add('', ' ', [word, ...(view.package === undefined ? [] : [view.package]), ...time]);
  for (const { file, sizeBytes, installedSizeBytes, digest } of view.packages) {
    add('  ', '  ', [file, formatBytes(sizeBytes), `(installed ${formatBytes(installedSizeBytes)})`, digest]);
  }
  if (counts.total > 0) {
    const failed = counts.failed > 0 ? [`${counts.failed} failed`] : [];
    const done = `${counts.completed} of ${counts.total} done`;
    add('  steps: ', ', ', [done, `${counts.cached} of them cached`, ...failed]);
  }
  const stages = new Map<string, number>();
  for (const stage of view.stages) {
    if (stage.durationMs !== undefined) {
      stages.set(stage.stage, (stages.get(stage.stage) ?? 0) + stage.durationMs);
    }
  }
  const shown = [...stages]
    .filter(([, ms]) => ms >= 50)
    .map(([stage, ms]) => `${stage} ${formatDuration(ms)}`);
  if (shown.length > 0) add('  time: ', ', ', shown);
  if (view.cacheMounts.length > 0) {
    const several = new Set(view.cacheMounts.map((m) => m.architecture)).size > 1;
    const mounts = view.cacheMounts.map(
      (mount) => `${cacheMountText(mount)}${several ? ` (${mount.architecture})` : ''}`,
    );
    add('  caches: ', '; ', mounts);
  }
  if (view.logs !== undefined) add('  ', ' ', ['logs:', view.logs]);
  return lines;
}

/** One cache mount for people: `go-build hit, 265 MB`. */
export function cacheMountText({ id, name, state, sizeBytes }: BuildView['cacheMounts'][number]): string {
  const how = state === 'unknown' ? 'used' : state;
  return `${name ?? id} ${how}${sizeBytes === undefined ? '' : `, ${formatBytes(sizeBytes)}`}`;
}
