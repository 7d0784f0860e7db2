import { copy, mkfile, rangeOfSpan, scratch, type SourceLocation, type State } from '@melange2/llb';
import type { NetworkMode, PlannedStep, TestPlan } from './build-plan.ts';
import { maxArgument, maxSource, stepDescription, withoutOf, type LowerOptions } from './lower.ts';
import { logFile, logFolder, stepCommand } from './step-command.ts';
import { failedLogMount, failedLogPath } from './failed-log.ts';
import { logMount } from './step-mounts.ts';
import { prepareWorkspace } from './prepare-workspace.ts';
import { withPaths } from './environment-paths.ts';
import { workspaceFolder } from './workspace.ts';
import { shellQuoted } from './shell-quoted.ts';

/** Where the scripts of a test lie inside of it. */
const scriptFolder = '/.melange2-test';

export type LowerTestOptions = Pick<
  LowerOptions,
  | 'base'
  | 'source'
  | 'sourceDateEpoch'
  | 'readSource'
  | 'trace'
  | 'resources'
  | 'failedLogs'
  | 'capabilityTool'
>;

/** A test as a graph. It passes if the graph can be built. */
export interface LoweredTest {
  /** Holds what the test printed in the file {@link logPath}. Building it runs the test. */
  readonly log: State;
  readonly logPath: string;
  /** The root file system after the test. */
  readonly after: State;
}

/**
 * Makes the graph of one test: all of its steps in one exec, one after the other, up to the first that fails.
 *
 * Processes that a step leaves in the background live on for the steps behind it; variables that it sets do not.
 * Before each step a line `==> N/M NAME` is printed.
 */
export function lowerTest(plan: TestPlan, options: LowerTestOptions): LoweredTest {
  const { uid, gid } = plan.user;
  let state = prepareWorkspace(withPaths(options.base, plan.environment.paths), {
    user: plan.user,
    outputs: [],
    sourceDateEpoch: options.sourceDateEpoch,
  });
  if (options.source !== undefined) {
    state = state.file(
      copy(options.source, '/', `${workspaceFolder}/`, {
        copyDirContentsOnly: true,
        createDestPath: true,
        owner: { user: uid, group: gid },
        createdNs: BigInt(options.sourceDateEpoch) * 1_000_000_000n,
      }),
      { customName: 'copy the test files' },
    );
  }
  const shared = sharedVariables(plan.steps);
  const all = supervisor(plan.steps, shared, options.trace ?? false);
  const scripts = scratch().file(
    [
      ...plan.steps.map((step, i) => mkfile(`/${i}`, `${step.script}\nexit 0\n`)),
      ...(all.length > maxArgument ? [mkfile('/all', `${all}\nexit 0\n`)] : []),
    ],
    { customName: `write the tests of ${plan.package}` },
  );
  const exec = state.run({
    args: stepCommand(all.length > maxArgument ? `. ${scriptFolder}/all` : all, {
      log: true,
      without: withoutOf(plan.steps[0] ?? {}, options),
      keepFailed: options.failedLogs ? failedLogPath(plan.architecture, `test:${plan.package}`) : undefined,
    }),
    env: Object.entries(shared),
    cwd: workspaceFolder,
    user: `${uid}:${gid}`,
    network: widest(plan.steps.map((step) => step.network)),
    ...(plan.steps.some(({ insecure }) => insecure) ? { security: 'insecure' } : {}),
    mounts: [
      { kind: 'bind', dest: scriptFolder, source: scripts, readonly: true },
      logMount(plan.user),
      ...(options.failedLogs ? [failedLogMount(plan.user)] : []),
    ],
    ...(options.resources === undefined ? {} : { resources: options.resources }),
    customName: `test ${plan.package}`,
    description: { [stepDescription]: `test:${plan.package}` },
    locations: locations(plan.steps, options),
  });
  return { log: exec.mount(logFolder), logPath: `/log/${logFile}`, after: exec.root };
}

/** The script that runs the others. Each has a shell, a folder and variables of its own. */
function supervisor(
  steps: readonly PlannedStep[],
  shared: Readonly<Record<string, string>>,
  trace: boolean,
): string {
  const pipefail = 'if /bin/sh -o pipefail -c : 2>/dev/null; then set -- -o pipefail; else set --; fi';
  const blocks = steps.map((step, i) => {
    const exports = Object.entries(step.env)
      .filter(([name, value]) => shared[name] !== value)
      .map(([name, value]) => `export ${name}=${shellQuoted(value)}; `)
      .join('');
    const folder = shellQuoted(step.workingDirectory);
    return (
      `printf '%s\\n' ${shellQuoted(`==> ${i + 1}/${steps.length} ${step.name.replaceAll(/\s+/g, ' ')}`)}\n` +
      `( ${exports}mkdir -p ${folder}; cd ${folder}; ${trace ? 'export BASH_XTRACEFD=9; exec /bin/sh -ex' : 'exec /bin/sh -e'} "$@" ${scriptFolder}/${i}${trace ? ' 9>&2' : ''} )`
    );
  });
  return [pipefail, ...blocks].join('\n');
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

function widest(modes: readonly NetworkMode[]): 'none' | 'unset' | 'host' {
  if (modes.includes('host')) return 'host';
  return modes.includes('sandbox') ? 'unset' : 'none';
}

function locations(
  steps: readonly PlannedStep[],
  { readSource }: LowerTestOptions,
): readonly SourceLocation[] {
  const byFile = new Map<string, SourceLocation>();
  for (const { calledAt } of steps) {
    if (calledAt === undefined) continue;
    const known = byFile.get(calledAt.file);
    const data = readSource?.(calledAt.file);
    if (data === undefined) continue;
    const shown = data.length <= maxSource ? data : '';
    const file = known?.file ?? { filename: calledAt.file, data: shown, language: 'YAML' };
    byFile.set(calledAt.file, { file, ranges: [...(known?.ranges ?? []), rangeOfSpan(calledAt)] });
  }
  return [...byFile.values()];
}
