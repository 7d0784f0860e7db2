import { diagnostic, type Diagnostic, type Parsed, type Span } from '@melange2/diagnostics';
import { droppedCapabilities, type Environment, unusualCapabilities } from '@melange2/config';
import type {
  BuildPlan,
  NetworkMode,
  PlannedMount,
  PlannedStep,
  PlannedUser,
  TestPlan,
} from './build-plan.ts';
import type { CompiledPackage, CompiledStep } from './compiled-package.ts';
import { errors } from './errors.ts';
import { runs } from './gather-needs.ts';
import { workspaceFolder } from './workspace.ts';

export interface PlanOptions {
  /** Seconds since 1970. Steps see it as SOURCE_DATE_EPOCH, but never one before 1980: zip cannot write that. */
  readonly sourceDateEpoch: number;
  /** Variables over those of the environment and below those of the steps. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * What steps may reach. `fetching` is for the built-in pipelines that get sources (`fetch`, `git-checkout`).
   * Default: `sandbox` for these, `none` for all others.
   */
  readonly network?: { readonly fetching: NetworkMode; readonly others: NetworkMode };
  /** Whether steps get all rights where the build file adds capabilities that steps do not usually have. Default false. */
  readonly insecure?: boolean;
  /** Adds cache mounts to a step, which has none so far. */
  readonly cacheMounts?: (step: PlannedStep) => readonly PlannedMount[];
}

const earliestEpoch = 315_532_800;
const path = '/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin';
const fetching: ReadonlySet<string> = new Set(['fetch', 'git-checkout']);

/**
 * Makes the list of commands of a build: conditions decided, environment and folders put together, names and
 * places given. Subpackages that are not enabled are left out.
 *
 * The only errors are assertions that do not hold: PIPELINE_ASSERTION_FAILED.
 */
export function plan(compiled: CompiledPackage, options: PlanOptions): Parsed<BuildPlan> {
  const { config } = compiled;
  const diagnostics: Diagnostic[] = [];
  const user = userOf(config.environment);
  const env = baseEnvironment(config.environment, options);
  const rights = rightsOf(compiled, user, options);
  const shared = { options, diagnostics, user, env, rights };
  const enabled = compiled.subpackages.filter((sub) => sub.enabled);
  const planned = [{ name: config.package.name, steps: compiled.steps }, ...enabled].flatMap(
    ({ name, steps }) => planSteps(steps, { ...shared, package: name, prefix: '' }),
  );
  if (diagnostics.length > 0) return { diagnostics };
  const { package: main } = config;
  const value: BuildPlan = {
    package: main.name,
    version: `${main.version}-r${main.epoch}`,
    architecture: compiled.architecture,
    outputs: [main.name, ...enabled.map((sub) => sub.name)],
    steps: planned,
    user,
    timeoutMs: main.timeoutNs === 0n ? undefined : Number(main.timeoutNs / 1_000_000n),
  };
  return { value, diagnostics };
}

/** Makes the plans of all tests: the main package's, then each enabled subpackage's. Tests without steps have none. */
export function planTests(compiled: CompiledPackage, options: PlanOptions): Parsed<readonly TestPlan[]> {
  const diagnostics: Diagnostic[] = [];
  const subjects = [
    { name: compiled.config.package.name, test: compiled.test },
    ...compiled.subpackages.filter((sub) => sub.enabled),
  ];
  const value = subjects.flatMap(({ name, test }): TestPlan[] => {
    if (test === undefined || test.steps.length === 0) return [];
    const { environment } = test;
    const user = userOf(environment);
    const env = baseEnvironment(environment, options);
    const rights = rightsOf(compiled, user, options);
    const shared = { options, diagnostics, user, env, rights };
    const steps = planSteps(test.steps, { ...shared, package: name, prefix: 'test:' });
    const { placeOfPackage } = test;
    return [{ package: name, architecture: compiled.architecture, environment, placeOfPackage, steps, user }];
  });
  return diagnostics.length > 0 ? { diagnostics } : { value, diagnostics };
}

function rightsOf(
  { config: { capabilities } }: CompiledPackage,
  { uid }: PlannedUser,
  options: PlanOptions,
): Pick<PlannedStep, 'insecure' | 'drop'> {
  const insecure = options.insecure === true && unusualCapabilities(capabilities).length > 0;
  const drop = droppedCapabilities(capabilities, { isRoot: uid === 0, insecure });
  return { ...(insecure ? { insecure } : {}), ...(drop.length === 0 ? {} : { drop }) };
}

interface Planning {
  readonly options: PlanOptions;
  readonly diagnostics: Diagnostic[];
  readonly user: PlannedUser;
  readonly rights: Pick<PlannedStep, 'insecure' | 'drop'>;
  /** Variables of every step. */
  readonly env: Readonly<Record<string, string>>;
  readonly package: string;
  readonly prefix: string;
}

/** What a step inherits from the steps around it. */
interface Around {
  readonly path: readonly number[];
  readonly env: Readonly<Record<string, string>>;
  readonly name: string | undefined;
}

function planSteps(steps: readonly CompiledStep[], planning: Planning): readonly PlannedStep[] {
  const out: PlannedStep[] = [];
  planInto(steps, { path: [], env: {}, name: undefined }, planning, out);
  return out;
}

function planInto(
  steps: readonly CompiledStep[],
  around: Around,
  planning: Planning,
  out: PlannedStep[],
): void {
  const unnamed = steps.filter((s) => s.step.name === undefined && hasScript(s) && runs(s)).length;
  let number = 0;
  for (const [index, compiled] of steps.entries()) {
    if (!runs(compiled)) continue;
    const { step } = compiled;
    const env = { ...around.env, ...step.environment };
    const here = [...around.path, index];
    // Steps of one pipeline that have no names of their own are told apart by their numbers.
    const inherited =
      step.name === undefined && hasScript(compiled) && unnamed > 1 && around.name !== undefined
        ? `${around.name} ${++number}/${unnamed}`
        : around.name;
    const name = own(step.name) ?? own(step.uses) ?? inherited ?? own(step.label);
    if (hasScript(compiled)) out.push(planStep(compiled, here, env, name, planning));
    planInto(compiled.children, { path: here, env, name }, planning, out);
    assertSteps(compiled, name, planning);
  }
}

function planStep(
  compiled: CompiledStep,
  index: readonly number[],
  env: Readonly<Record<string, string>>,
  name: string | undefined,
  planning: Planning,
): PlannedStep {
  const { script = '' } = compiled;
  const { network = { fetching: 'sandbox', others: 'none' } } = planning.options;
  const place = compiled.scriptOrigin()?.span(0, script.length) ?? compiled.place;
  const isFetching = compiled.builtIn && fetching.has(compiled.uses.at(-1) ?? '');
  const step: PlannedStep = {
    id: `${planning.prefix}${planning.package}/${index.join('.')}`,
    name: name ?? firstLine(script),
    package: planning.package,
    uses: compiled.uses,
    inputs: compiled.inputs,
    script,
    workingDirectory: absolute(compiled.step.workingDirectory ?? ''),
    env: sorted({ ...planning.env, ...env }),
    user: planning.user,
    network: isFetching ? network.fetching : network.others,
    ...planning.rights,
    mounts: [],
    place,
    calledAt: compiled.uses.length === 0 ? place : compiled.calledAt,
    placeOfInput: (input) => compiled.placeOfInput?.(input),
    placeOfLine: (line) => placeOfLine(compiled, line),
  };
  const mounts = planning.options.cacheMounts?.(step) ?? [];
  return mounts.length === 0 ? step : { ...step, mounts };
}

function placeOfLine(compiled: CompiledStep, line: number): Span | undefined {
  const origin = compiled.scriptOrigin();
  const { script = '' } = compiled;
  let start = 0;
  for (let number = 1; number < line; number++) {
    start = script.indexOf('\n', start) + 1;
    if (start === 0) return undefined;
  }
  const end = script.indexOf('\n', start);
  const text = script.slice(start, end < 0 ? script.length : end);
  const indent = text.length - text.trimStart().length;
  return origin?.span(start + indent, start + text.trimEnd().length);
}

function assertSteps(compiled: CompiledStep, name: string | undefined, planning: Planning): void {
  const required = compiled.step.assertions?.requiredSteps ?? 0;
  const ran = compiled.children.filter(runs).length;
  if (required === 0 || ran === required) return;
  const span = compiled.step.assertions?.at.value() ?? compiled.place;
  planning.diagnostics.push(
    diagnostic(
      errors,
      'PIPELINE_ASSERTION_FAILED',
      { step: name ?? 'This step', required, ran },
      span === undefined ? {} : { span },
    ),
  );
}

function baseEnvironment(environment: Environment, options: PlanOptions): Readonly<Record<string, string>> {
  return {
    PATH: path,
    HOME: workspaceFolder,
    SOURCE_DATE_EPOCH: String(Math.max(options.sourceDateEpoch, earliestEpoch)),
    ...environment.environment,
    ...options.env,
  };
}

/** The user of `run-as`, by name or number; else the user `build`. */
function userOf({ accounts }: Environment): PlannedUser {
  const wanted = accounts.runAs === '' ? 'build' : accounts.runAs;
  const found = accounts.users.find((user) => user.userName === wanted || String(user.uid) === wanted);
  if (found !== undefined) return { uid: found.uid, gid: found.gid ?? found.uid };
  if (wanted === 'root') return { uid: 0, gid: 0 };
  const [uid = '', gid = uid] = wanted.split(':');
  return /^\d+$/.test(uid) && /^\d+$/.test(gid)
    ? { uid: Number(uid), gid: Number(gid) }
    : { uid: 1000, gid: 1000 };
}

function hasScript(step: CompiledStep): boolean {
  return step.script !== undefined && step.script.trim() !== '';
}

function own(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

function firstLine(script: string): string {
  const line = script.split('\n').find((l) => l.trim() !== '' && !l.trim().startsWith('#')) ?? script;
  const text = line.trim().replace(/\s*\\$/, '');
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function absolute(folder: string): string {
  const joined = folder.startsWith('/') ? folder : `${workspaceFolder}/${folder}`;
  const parts: string[] = [];
  for (const part of joined.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function sorted(record: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
