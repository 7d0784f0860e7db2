import type { BuildView, StepView } from './build-view.ts';

/**
 * How long a build goes on, in milliseconds, by what its steps took in earlier builds; `undefined` when nothing is known
 * of those that are left, or they are over their times.
 *
 * The steps of one architecture run one after the other, architectures side by side. Steps that turn out to be cached
 * make it too long.
 */
export function estimateMs(view: BuildView, nowMs: number): number | undefined {
  const left = new Map<string, number>();
  for (const step of view.steps.values()) {
    const ms = leftOf(step, nowMs);
    if (ms === 0) continue;
    const architecture = step.architecture ?? '';
    left.set(architecture, (left.get(architecture) ?? 0) + ms);
  }
  const longest = Math.max(0, ...left.values());
  return longest === 0 ? undefined : longest;
}

function leftOf({ status, expectedMs = 0, startedMs = 0 }: StepView, nowMs: number): number {
  if (status === 'waiting') return expectedMs;
  return status === 'running' ? Math.max(0, expectedMs - (nowMs - startedMs)) : 0;
}
