import { holds, type EnvironmentContents } from '@melange2/config';
import type { Span } from '@melange2/diagnostics';
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

/** Where an entry of a list of packages is written: in the environment itself, or the step that needs it. */
export function placeOfPackage(
  { packages, at }: EnvironmentContents,
  steps: readonly CompiledStep[],
): (entry: string) => Span | undefined {
  return (entry) => {
    const index = packages.indexOf(entry);
    return index < 0 ? placeOfNeed(steps, entry) : at.value('packages', index);
  };
}

function placeOfNeed(steps: readonly CompiledStep[], entry: string): Span | undefined {
  for (const step of steps) {
    if (!runs(step)) continue;
    if (step.step.needs?.packages.includes(entry) === true) return step.calledAt ?? step.place;
    const place = placeOfNeed(step.children, entry);
    if (place !== undefined) return place;
  }
  return undefined;
}

/** Drops the needs of a gathered step; those of its children, and of a step that does not run, stay printed. */
export function withoutNeeds(step: CompiledStep): CompiledStep['step'] {
  return step.step.needs === undefined || !runs(step) ? step.step : { ...step.step, needs: undefined };
}
