import type { Span } from '@melange2/diagnostics';
import {
  copy,
  mkfile,
  rangeOfSpan,
  scratch,
  type Exec,
  type LinuxResources,
  type Mount,
  type SourceFile,
  type SourceLocation,
  State,
} from '@melange2/llb';
import type { BuildPlan, NetworkMode, PlannedStep } from './build-plan.ts';
import { failedLogMount, failedLogPath } from './failed-log.ts';
import { collectSources, lowerSources, type KeptSource } from './fetched-sources.ts';
import { prepareWorkspace } from './prepare-workspace.ts';
import { cacheMountOf, logMount } from './step-mounts.ts';
import { logFile, logFolder, stepCommand, type StepCommandOptions } from './step-command.ts';
import { cacheFolder, outputFolder, workspaceFolder } from './workspace.ts';

export interface LowerOptions {
  /** The build environment. Its settings (variables, platform) hold for all steps. */
  readonly base: State;
  /** The folder with the sources, as it is sent by the session; its contents go to `/home/build`. */
  readonly source?: State | undefined;
  /** A folder whose contents go to `/var/cache/melange` before the first step. */
  readonly cacheContents?: State | undefined;
  /**
   * The state whose root holds the file of this name (see {@link cacheNames}) of the offline cache, if the cache has
   * it. What is found is mounted into the step that wants it, and that step gets no network.
   */
  readonly cached?: (name: string) => State | undefined;
  /** Whether the offline cache is to get what is fetched under this name, see {@link LoweredBuild.sources}. */
  readonly keeps?: (name: string) => boolean;
  /** Lets the daemon itself download a file with a known SHA-256, instead of a step. Default true. */
  readonly nativeSources?: boolean;
  /** Seconds since 1970: the time of everything that is put into the workspace. */
  readonly sourceDateEpoch: number;
  /** The text of a file that places in the plan are in, for the source map. */
  readonly readSource?: (file: string) => string | undefined;
  /** Keeps what each step prints, see {@link LoweredBuild.logs}. Default true. */
  readonly logs?: boolean;
  /** Keeps what a step printed that fails, for {@link takeFailedLog}: for daemons that keep nothing of it. Default false. */
  readonly failedLogs?: boolean;
  /** Prints each command before it runs. */
  readonly trace?: boolean;
  /** The program of the environment, `setpriv` or `capsh`, that takes capabilities from steps; without, they keep them. */
  readonly capabilityTool?: string | undefined;
  /** What each step may use at most, on daemons that know `exec.meta.linux.resources`. */
  readonly resources?: LinuxResources;
  /** How many layers `base` is made of, and how many a root may have on the daemon; without, there is no limit. */
  readonly layers?: { readonly base: number; readonly max: number };
  /** Small files to put into the workspace, by path below it. */
  readonly workspaceFiles?: Readonly<Record<string, string>>;
  /** Replaces a step by something else, or answers `undefined`. */
  readonly lowerStep?: (step: PlannedStep, before: State) => State | undefined;
}

/** What one step became. */
export interface LoweredStep {
  readonly step: PlannedStep;
  /** The root file system that it finds. */
  readonly before: State;
  /** The root file system after it. */
  readonly after: State;
  /** Holds what the step printed in the file {@link LoweredBuild.logPath}; absent without logs. */
  readonly log: State | undefined;
  /** What it got from elsewhere, where that is to be kept. */
  readonly sources: readonly KeptSource[];
}

/** A plan as a graph. */
export interface LoweredBuild {
  /** Its root holds what `melange-out` holds: one folder for each package. */
  readonly output: State;
  /** The root file system before the first step. */
  readonly prepared: State;
  /** The root file system after the last step. */
  readonly workspace: State;
  readonly steps: readonly LoweredStep[];
  /** One file for each step, named by its number in {@link steps}: `0`, `1`, …; undefined without logs. */
  readonly logs: State | undefined;
  /** What the offline cache is to get, one file for each name; undefined for nothing. */
  readonly sources: State | undefined;
  /** Where a step's own log is in {@link LoweredStep.log}. */
  readonly logPath: string;
}

/** The key of an op's description that names the step it is: `PlannedStep.id`. */
export const stepDescription = 'melange2.step';

/**
 * Makes the graph of a build: workspace, sources, one exec a step, and last a copy of `melange-out`.
 *
 * It needs nothing that BuildKit 0.8 lacks. Steps are not privileged.
 */
export function lower(plan: BuildPlan, options: LowerOptions): LoweredBuild {
  const files = sourceFiles(options);
  const { user } = plan;
  let state = prepareWorkspace(options.base, {
    user,
    outputs: plan.outputs,
    sourceDateEpoch: options.sourceDateEpoch,
    files: options.workspaceFiles ?? {},
    folders: plan.steps.flatMap((step) => step.mounts.map(({ target }) => target)),
  });
  if (options.source !== undefined) {
    state = state.file(
      copy(options.source, '/', `${workspaceFolder}/`, {
        copyDirContentsOnly: true,
        createDestPath: true,
        owner: { user: user.uid, group: user.gid },
        createdNs: BigInt(options.sourceDateEpoch) * 1_000_000_000n,
      }),
      { customName: 'copy the sources into the workspace' },
    );
  }
  if (options.cacheContents !== undefined) {
    state = state.file(
      copy(options.cacheContents, '/', `${cacheFolder}/`, {
        copyDirContentsOnly: true,
        createDestPath: true,
        owner: { user: user.uid, group: user.gid },
      }),
      { customName: 'copy the cache folder into the workspace' },
    );
  }
  const prepared = state;
  const steps: LoweredStep[] = [];
  const { base: baseLayers, max: maxLayers } = options.layers ?? { base: 0, max: Infinity };
  let layers = baseLayers + workspaceLayers;
  for (const step of plan.steps) {
    if (layers >= maxLayers) {
      state = flatten(state);
      layers = 1;
    }
    layers += 1;
    const replaced = options.lowerStep?.(step, state);
    const lowered =
      replaced === undefined
        ? lowerStep(step, state, plan, options, files)
        : { step, before: state, after: replaced, log: undefined, sources: [] };
    steps.push(lowered);
    state = lowered.after;
  }
  const output = scratch().file(
    copy(state, outputFolder, '/', { copyDirContentsOnly: true, createDestPath: true }),
    { customName: `collect ${plan.outputs.join(', ')}` },
  );
  return {
    output,
    prepared,
    workspace: state,
    steps,
    logs: collectLogs(steps),
    sources: collectSources(steps.flatMap(({ sources }) => sources)),
    logPath: `/log/${logFile}`,
  };
}

/**
 * The longest script that is an argument; a longer one is a file.
 *
 * When a step fails, the daemon sends its op and the files it comes from in one header block, and a connection ends
 * at one of more than 64 KiB. The kernel takes no argument of more than 128 KiB.
 */
export const maxArgument: number = 4000;
/** The longest text of a file that goes into the source map; of others only the lines do. */
export const maxSource: number = 8000;

/** Where a script lies inside of its step when it is too long for an argument. */
const scriptFolder = '/.melange2-script';

/** What {@link prepareWorkspace}, the sources and the cache folder put on top of the environment, at most. */
const workspaceLayers = 5;

/**
 * The same files as one layer; BuildKit 0.8 leaves named pipes out. A merge would not read all of them, but with several
 * in a chain a daemon took 24 GB of memory: docs/adr/0013.
 */
function flatten(state: State): State {
  const { output } = scratch().file(copy(state, '/', '/', { copyDirContentsOnly: true }), {
    customName: 'bring the layers of many steps together',
  });
  return new State(output, state.settings);
}

function lowerStep(
  step: PlannedStep,
  before: State,
  { architecture }: BuildPlan,
  options: LowerOptions,
  files: (file: string) => SourceFile | undefined,
): LoweredStep {
  const withLog = options.logs ?? true;
  const locations = locationsOf(step, files);
  const isLong = step.script.length > maxArgument;
  const common: Mount[] = step.mounts.map((mount) => cacheMountOf(mount, step.user));
  if (isLong) {
    const file = scratch().file(mkfile('/script', `${step.script}\nexit 0\n`), {
      customName: 'write a long script',
    });
    common.push({ kind: 'bind', dest: scriptFolder, source: file, readonly: true });
  }
  const run = (
    mounts: readonly Mount[],
    network: NetworkMode,
    name: string,
    how: Omit<StepCommandOptions, 'notes'>,
  ): Exec =>
    before.run({
      args: stepCommand(isLong ? `. ${scriptFolder}/script` : step.script, {
        ...how,
        without: withoutOf(step, options),
        notes: step.mounts.flatMap(({ note }) => (note === undefined ? [] : [note])),
      }),
      env: Object.entries(step.env),
      cwd: step.workingDirectory,
      user: `${step.user.uid}:${step.user.gid}`,
      network: network === 'sandbox' ? 'unset' : network,
      ...(step.insecure === true ? { security: 'insecure' } : {}),
      mounts: [...mounts, ...common],
      ...(options.resources === undefined ? {} : { resources: options.resources }),
      customName: `${step.package}: ${name}`,
      description: { [stepDescription]: step.id },
      locations,
    });
  const sources = lowerSources(step, options, {
    described: { description: { [stepDescription]: step.id }, locations },
    // Not traced: it would be done a second time for that.
    run: (mount, name) => run([mount], step.network, name, {}).mount(mount.dest),
  });
  const mounts = [...sources.mounts];
  if (withLog) {
    mounts.push(logMount(step.user));
    if (options.failedLogs) mounts.push(failedLogMount(step.user));
  }
  const exec = run(mounts, sources.offline ? 'none' : step.network, step.name, {
    log: withLog,
    trace: options.trace ?? false,
    keepFailed: options.failedLogs ? failedLogPath(architecture, step.id) : undefined,
  });
  return {
    step,
    before,
    // Variables and directory are the step's own, not those of the next.
    after: exec.root,
    log: withLog ? exec.mount(logFolder) : undefined,
    sources: sources.kept((dest) => exec.mount(dest)),
  };
}

/** The capabilities that a step is to lose, and what takes them. */
export function withoutOf(
  { drop }: Pick<PlannedStep, 'drop'>,
  { capabilityTool }: Pick<LowerOptions, 'capabilityTool'>,
): StepCommandOptions['without'] {
  return drop === undefined || capabilityTool === undefined
    ? undefined
    : { tool: capabilityTool, capabilities: drop };
}

// A pattern, since a plain path that is not there fails: a step without tee has no log.
const logPattern = '/log/outpu[t]';

function collectLogs(steps: readonly LoweredStep[]): State | undefined {
  const copies = steps.flatMap(({ log }, i) =>
    log === undefined
      ? []
      : [copy(log, logPattern, `/${i}`, { allowWildcard: true, allowEmptyWildcard: true })],
  );
  return copies.length === 0 ? undefined : scratch().file(copies, { customName: 'collect the logs' });
}

function sourceFiles(options: LowerOptions): (file: string) => SourceFile | undefined {
  const known = new Map<string, SourceFile | undefined>();
  return (file) => {
    if (!known.has(file)) {
      const data = options.readSource?.(file);
      // Without its text, the daemon still tells the lines.
      const source = { filename: file, data: data !== undefined && data.length <= maxSource ? data : '' };
      known.set(file, data === undefined ? undefined : { ...source, language: 'YAML' });
    }
    return known.get(file);
  };
}

/** The place in the build file first: its lines are what the user can change. */
function locationsOf(
  step: PlannedStep,
  files: (file: string) => SourceFile | undefined,
): readonly SourceLocation[] {
  const spans: Span[] = [];
  if (step.calledAt !== undefined) spans.push(step.calledAt);
  if (step.place !== undefined && step.place.file !== step.calledAt?.file) spans.push(step.place);
  return spans.flatMap((span) => {
    const file = files(span.file);
    return file === undefined ? [] : [{ file, ranges: [rangeOfSpan(span)] }];
  });
}
