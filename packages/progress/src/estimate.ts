import type { BuildView, StepView } from './build-view.ts';
import { byChunk } from './step-table.ts';

/**
 * How long a build goes on, in milliseconds, by what its steps took in earlier builds; `undefined` when nothing is known
 * of those that are left, or they are over their times.
 *
 * The steps of one architecture run one after the other, architectures side by side. Steps that turn out to be cached
 * make it too long.
 */
export function estimateMs(view: BuildView, nowMs: number): number | undefined {
  const left = new Map<string, number>();
  const add = (architecture: string, ms: number): void => {
    if (ms > 0) left.set(architecture, (left.get(architecture) ?? 0) + ms);
  };
  for (const waiting of waitingMs(view.steps))
    for (const [architecture, ms] of waiting) add(architecture, ms);
  for (const id of view.running) {
    const { architecture = '', expectedMs = 0, startedMs = 0 } = view.steps.get(id) ?? {};
    add(architecture, expectedMs - (nowMs - startedMs));
  }
  const longest = Math.max(0, ...left.values());
  return longest === 0 ? undefined : longest;
}

/** What the steps that wait will take, by architecture. */
const waitingMs = byChunk((steps: readonly StepView[]) => {
  const left = new Map<string, number>();
  for (const { status, architecture = '', expectedMs = 0 } of steps)
    if (status === 'waiting') left.set(architecture, (left.get(architecture) ?? 0) + expectedMs);
  return left;
});
