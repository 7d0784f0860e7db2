import { emptyRecord } from './decode.ts';
import type { PipelineStep } from './pipeline-step.ts';

/**
 * Gives each step inside another what it inherits: the directory where it has none, the environment under its own.
 *
 * Steps at the top stay as they are.
 */
export function inheritSteps(steps: readonly PipelineStep[]): readonly PipelineStep[] {
  return mapChanged(steps, (step) => {
    if (step.pipeline.length === 0) return step;
    const children = inheritSteps(mapChanged(step.pipeline, (child) => inherit(child, step)));
    return children === step.pipeline ? step : { ...step, pipeline: children };
  });
}

function inherit(child: PipelineStep, parent: PipelineStep): PipelineStep {
  const directory = (child.workingDirectory ?? '') === '' ? parent.workingDirectory : child.workingDirectory;
  const moved = directory === child.workingDirectory ? child : { ...child, workingDirectory: directory };
  for (const name in parent.environment) {
    if (name in child.environment) continue;
    const environment = Object.assign(emptyRecord<string>(), parent.environment, child.environment);
    return { ...moved, environment };
  }
  return moved;
}

function mapChanged<T>(items: readonly T[], change: (item: T) => T): readonly T[] {
  let out: T[] | undefined;
  for (const [i, item] of items.entries()) {
    const changed = change(item);
    if (changed !== item) out ??= items.slice(0, i);
    out?.push(changed);
  }
  return out ?? items;
}
