import { holds } from '@melange2/config';
import type { CompiledStep } from './compiled-package.ts';

const nothing: ReadonlyMap<string, string> = new Map();

/** Whether the condition of a step holds; a step without one always runs. Its variables are already put in. */
export function runs(step: CompiledStep): boolean {
  return step.condition === undefined || holds(step.condition, nothing);
}

/** Appends what `steps` need, in their order; steps that do not run need nothing. */
export function gatherNeeds(steps: readonly CompiledStep[], into: string[]): void {
  for (const step of steps) {
    if (!runs(step)) continue;
    if (step.step.needs !== undefined) into.push(...step.step.needs.packages);
    gatherNeeds(step.children, into);
  }
}

/** Drops the needs of a gathered step; those of its children, and of a step that does not run, stay printed. */
export function withoutNeeds(step: CompiledStep): CompiledStep['step'] {
  return step.step.needs === undefined || !runs(step) ? step.step : { ...step.step, needs: undefined };
}
