import { type CacheMount, cacheMountId, cacheMountNote, type CacheStep } from '@melange2/cache';
import type { LockedEnvironment } from '@melange2/environment';
import type { BuildPlan, PlannedStep } from '@melange2/pipeline';
import type { BuildHooks } from '@melange2/plugin-api';

/** Gives each step of a plan the cache mounts that plugins ask for, and their variables below the step's own. */
export function withCacheMounts(plan: BuildPlan, locked: LockedEnvironment, hooks: BuildHooks): BuildPlan {
  const packages = new Map(locked.packages.map(({ name, version }) => [name, version]));
  const steps = plan.steps.map((step): PlannedStep => {
    const facts: CacheStep = { uses: step.uses, script: step.script, env: step.env, packages };
    const mounts = hooks.modifyCacheMounts.call([], facts);
    if (mounts.length === 0) return step;
    const writer = { uid: step.user.uid, gid: step.user.gid, architecture: plan.architecture };
    return {
      ...step,
      env: sorted({ ...Object.assign({}, ...mounts.map((m) => m.env)), ...step.env }),
      mounts: distinct(mounts).map((mount) => {
        const { target, sharing } = mount;
        const id = cacheMountId(mount, writer);
        return { kind: 'cache', id, target, sharing, note: cacheMountNote(id, target) };
      }),
    };
  });
  return { ...plan, steps };
}

/** Two mounts at one place are one: the first that was asked for. */
function distinct(mounts: readonly CacheMount[]): CacheMount[] {
  return [...new Map(mounts.toReversed().map((m) => [m.target, m])).values()].toReversed();
}

function sorted(record: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
