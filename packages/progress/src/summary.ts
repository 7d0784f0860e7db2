import type { BuildView } from './build-view.ts';
import { formatBytes, formatDuration } from './format.ts';

/** The lines that end a build in every mode but `quiet` and `json`: packages, times, cached steps, logs. */
export function summaryLines(view: BuildView): string[] {
  const lines: string[] = [];
  const { counts } = view;
  const time = view.durationMs === undefined ? '' : ` in ${formatDuration(view.durationMs)}`;
  const word = { succeeded: 'Built', failed: 'Failed', canceled: 'Canceled' }[view.outcome ?? 'failed'];
  lines.push(`${word}${view.package === undefined ? '' : ` ${view.package}`}${time}`);
  for (const written of view.packages) {
    lines.push(
      `  ${written.file}  ${formatBytes(written.sizeBytes)}  (installed ${formatBytes(written.installedSizeBytes)})  ${written.digest}`,
    );
  }
  if (counts.total > 0) {
    const failed = counts.failed > 0 ? `, ${counts.failed} failed` : '';
    lines.push(
      `  steps: ${counts.completed} of ${counts.total} done, ${counts.cached} of them cached${failed}`,
    );
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
  if (shown.length > 0) lines.push(`  time: ${shown.join(', ')}`);
  if (view.cacheMounts.length > 0) {
    const several = new Set(view.cacheMounts.map((m) => m.architecture)).size > 1;
    const mounts = view.cacheMounts.map(
      (mount) => `${cacheMountText(mount)}${several ? ` (${mount.architecture})` : ''}`,
    );
    lines.push(`  caches: ${mounts.join('; ')}`);
  }
  if (view.logs !== undefined) lines.push(`  logs: ${view.logs}`);
  return lines;
}

/** One cache mount for people: `go-build hit, 265 MB`. */
export function cacheMountText({ id, name, state, sizeBytes }: BuildView['cacheMounts'][number]): string {
  const how = state === 'unknown' ? 'used' : state;
  return `${name ?? id} ${how}${sizeBytes === undefined ? '' : `, ${formatBytes(sizeBytes)}`}`;
}
