import { formatPlace } from '@melange2/diagnostics';
import type { BuildPlan, PlannedStep } from './build-plan.ts';

/** Writes a plan as text for people: what runs, where, as whom, and where each of it comes from. Equal plans give equal text. */
export function formatPlan(plan: BuildPlan): string {
  const shared = sharedVariables(plan.steps);
  const lines = [
    `${plan.package} ${plan.version} for ${plan.architecture}, as ${plan.user.uid}:${plan.user.gid}`,
    `outputs: ${plan.outputs.join(', ')}`,
    ...(plan.timeoutMs === undefined ? [] : [`timeout: ${plan.timeoutMs / 1000} s`]),
    ...Object.entries(shared).map(([name, value]) => `env ${name}=${value}`),
    ...plan.steps.flatMap((step) => ['', ...formatStep(step, plan, shared)]),
  ];
  return `${lines.join('\n')}\n`;
}

function formatStep(step: PlannedStep, plan: BuildPlan, shared: Readonly<Record<string, string>>): string[] {
  const { user } = step;
  return [
    `${step.id}: ${step.name}`,
    ...(step.uses.length === 0 ? [] : [`  uses: ${step.uses.join(' > ')}`]),
    ...(step.calledAt === undefined ? [] : [`  at: ${formatPlace(step.calledAt)}`]),
    ...(step.workingDirectory === '/home/build' ? [] : [`  in: ${step.workingDirectory}`]),
    ...(user.uid === plan.user.uid && user.gid === plan.user.gid ? [] : [`  as: ${user.uid}:${user.gid}`]),
    ...(step.network === 'none' ? [] : [`  network: ${step.network}`]),
    ...(step.insecure === true ? ['  with all rights of root on the daemon’s machine'] : []),
    ...(step.drop === undefined ? [] : [`  without capabilities: ${step.drop.join(', ')}`]),
    ...step.mounts.map((mount) => `  cache: ${mount.id} at ${mount.target} (${mount.sharing})`),
    ...Object.entries(step.env)
      .filter(([name, value]) => shared[name] !== value)
      .map(([name, value]) => `  env ${name}=${value}`),
    ...step.script
      .trimEnd()
      .split('\n')
      .map((line) => `  | ${line}`.trimEnd()),
  ];
}

/** Variables that all steps have with the same value. */
function sharedVariables(steps: readonly PlannedStep[]): Readonly<Record<string, string>> {
  const [first, ...others] = steps;
  return Object.fromEntries(
    Object.entries(first?.env ?? {}).filter(([name, value]) =>
      others.every((step) => step.env[name] === value),
    ),
  );
}
