import { copy, type Definition, type FileAction, scratch, type State } from '@melange2/llb';
import {
  type BuildPlan,
  type LoweredBuild,
  outputFolder,
  type PlannedStep,
  stepDescription,
  type TestPlan,
} from '@melange2/pipeline';
import type { KnownVertex } from './steps/step-tracker.ts';

/** Folders of the exported tar: one for each package, and one file for each step's output. Others may be added. */
export const exportedPackages = 'packages';
export const exportedLogs = 'logs';

/**
 * The state that a build exports: `packages/` with what `melange-out` holds, and `logs/` with what the steps printed.
 *
 * The logs are part of the steps' results, so that those of cached steps are here too.
 */
export function exportState(lowered: LoweredBuild, plan: BuildPlan, others: readonly FileAction[]): State {
  const options = { copyDirContentsOnly: true, createDestPath: true };
  const actions = [
    copy(lowered.workspace, outputFolder, `/${exportedPackages}/`, options),
    ...(lowered.logs === undefined ? [] : [copy(lowered.logs, '/', `/${exportedLogs}/`, options)]),
    ...others,
  ];
  return scratch().file(actions, { customName: `collect ${plan.outputs.join(', ')}` });
}

/** What is known of each vertex of a definition before the daemon tells of it, by digest. */
export function knownVertices(definition: Definition, plan: BuildPlan): Map<string, KnownVertex> {
  const steps = new Map<string, PlannedStep>(plan.steps.map((step) => [step.id, step]));
  const known = new Map<string, KnownVertex>();
  for (const [digest, { description }] of definition.metadata) {
    const name = description.get('llb.customname') ?? '';
    const step = steps.get(description.get(stepDescription) ?? '');
    if (step === undefined) {
      if (name !== '') known.set(digest, { name, kind: kindOf(name) });
      continue;
    }
    const downloads = name.includes(': download ');
    known.set(digest, {
      name: downloads ? name.slice(name.indexOf(': ') + 2) : step.name,
      kind: downloads ? 'source' : 'command',
      package: step.package,
      step,
      ...(step.calledAt === undefined ? {} : { place: step.calledAt }),
    });
  }
  return known;
}

/** What is known of each vertex of a test's definition: the one exec that runs all of its steps, by digest. */
export function testVertices(definition: Definition, plan: TestPlan): Map<string, KnownVertex> {
  const known = new Map<string, KnownVertex>();
  const [first] = plan.steps;
  for (const [digest, { description }] of definition.metadata) {
    const name = description.get('llb.customname') ?? '';
    if (description.get(stepDescription) === undefined || first === undefined) {
      if (name !== '') known.set(digest, { name, kind: kindOf(name) });
      continue;
    }
    known.set(digest, {
      name: 'test',
      kind: 'command',
      package: plan.package,
      step: first,
      steps: plan.steps,
      ...(first.calledAt === undefined ? {} : { place: first.calledAt }),
    });
  }
  return known;
}

function kindOf(name: string): KnownVertex['kind'] {
  if (/^environment[: ]/.test(name)) return 'environment';
  if (name.startsWith('collect ')) return 'export';
  if (/^(?:make an empty|keep) /.test(name) || name === 'prepare the workspace') return 'internal';
  return 'source';
}
