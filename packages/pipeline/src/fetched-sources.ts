import {
  copy,
  digestOfBytes,
  http,
  mkdir,
  scratch,
  type Mount,
  type OpOptions,
  type State,
} from '@melange2/llb';
import type { PlannedStep } from './build-plan.ts';
import { cacheFolder } from './workspace.ts';

/**
 * The names under which the offline cache may hold what this step gets from elsewhere; empty for a step that gets
 * nothing, or nothing that is pinned.
 *
 * `sha256:HEX` and `sha512:HEX` are the files that `fetch` wants. `git:COMMIT-QUESTION` is an archive of the
 * repositories that `git-checkout` needs for one commit; the 16 digits after it stand for what else was asked for
 * (the address, the branch or tag, how much history, submodules, picked commits), since that decides what is in it.
 */
export function cacheNames(step: PlannedStep): readonly string[] {
  switch (step.uses.at(-1)) {
    case 'fetch':
      return (['sha256', 'sha512'] as const).flatMap((algorithm) => {
        const sum = step.inputs[`expected-${algorithm}`]?.toLowerCase() ?? '';
        return sum === '' ? [] : [`${algorithm}:${sum}`];
      });
    case 'git-checkout': {
      const commit = step.inputs['expected-commit']?.toLowerCase() ?? '';
      if (!/^[0-9a-f]{40}$/.test(commit)) return [];
      const question = JSON.stringify(checkoutInputs.map((name) => step.inputs[name] ?? ''));
      const digest = digestOfBytes(new TextEncoder().encode(question)).slice('sha256:'.length);
      return [`git:${commit}-${digest.slice(0, 16)}`];
    }
    default:
      return [];
  }
}

/** What decides which commits a checkout needs. The order is part of the names in people's caches. */
const checkoutInputs = [
  'repository',
  'branch',
  'tag',
  'depth',
  'expected-commit-is-branch-tip',
  'recurse-submodules',
  'shallow-submodules',
  'cherry-picks',
  'sparse-paths',
] as const;

/** Where `git-checkout` looks for repositories, and puts those that are to be kept. */
const checkoutFolder = `${cacheFolder}/git-checkout`;
/** Where `fetch` puts the file that is to be kept. */
const fetchFolder = `${cacheFolder}/fetch`;

/** Something that a step got from elsewhere. */
export interface KeptSource {
  /** Its name in the cache. */
  readonly name: string;
  readonly state: State;
  /** A pattern for its path in {@link state}; a step that could not keep it leaves nothing there. */
  readonly pattern: string;
}

export interface SourceOptions {
  readonly cached?: ((name: string) => State | undefined) | undefined;
  readonly keeps?: ((name: string) => boolean) | undefined;
  readonly nativeSources?: boolean | undefined;
}

/** What a graph needs to know to get the sources of one step. */
export interface SourceContext {
  /** Goes to the ops that are made: whose they are. */
  readonly described: Pick<OpOptions, 'description' | 'locations'>;
  /** Runs the script of the step, with one more mount, and gives what is in the mount then. */
  readonly run: (mount: Mount, name: string) => State;
}

/** How a step gets its sources. */
export interface SourceLowering {
  readonly mounts: readonly Mount[];
  /** Whether all of it is there before the step starts, so that it needs no network. */
  readonly offline: boolean;
  /** What there is to keep, once the step is an exec whose mounts can be asked for. */
  readonly kept: (mount: (dest: string) => State) => readonly KeptSource[];
}

/** Decides how a step gets its sources: from the cache, from the daemon, or by itself. */
export function lowerSources(
  step: PlannedStep,
  options: SourceOptions,
  context: SourceContext,
): SourceLowering {
  const names = cacheNames(step);
  const isCheckout = step.uses.at(-1) === 'git-checkout';
  const folder = isCheckout ? checkoutFolder : cacheFolder;
  for (const name of names) {
    const found = options.cached?.(name);
    if (found !== undefined) return ready({ name, state: found, pattern: '' }, folder, []);
  }
  const wanted = names.filter((name) => options.keeps?.(name) ?? false);
  const [first] = names;
  if (first === undefined) return { mounts: [], offline: false, kept: () => [] };
  if (isCheckout) return ready(checkout(step, first, context), folder, wanted);
  const native = nativeFetch(step, names, options, context);
  if (native !== undefined) return ready(native, folder, wanted);
  const [name] = wanted;
  if (name === undefined) return { mounts: [], offline: false, kept: () => [] };
  return {
    mounts: [emptyMount(step, fetchFolder)],
    offline: false,
    kept: (mount) => [{ name, state: mount(fetchFolder), pattern: keptFile }],
  };
}

/** A lowering whose source is a file at the top of a state. */
function ready(source: KeptSource, dest: string, wanted: readonly string[]): SourceLowering {
  const path = `/${source.name}`;
  // A copy: its place in the daemon's cache goes by what is copied, so that it is no matter where that came from.
  const mounted = scratch().file(copy(source.state, path, path), { customName: `keep ${source.name}` });
  return {
    mounts: [{ kind: 'bind', dest, source: mounted, readonly: true }],
    offline: true,
    kept: () => (wanted.includes(source.name) ? [source] : []),
  };
}

const keptFile = '/kept/sourc[e]';

/** An empty folder of the step's user, to be filled by the step. */
function emptyMount({ user }: PlannedStep, dest: string): Mount {
  const owner = { user: user.uid, group: user.gid };
  const empty = scratch().file(mkdir('/kept', { mode: 0o755, owner }), {
    customName: 'make an empty folder for sources',
  });
  return { kind: 'bind', dest, source: empty, selector: '/kept' };
}

/**
 * The repositories of a checkout as one file: the script runs once to get them, and a second time, as the step itself,
 * to check out from them. So what a step sees is the same whether they come from the network or from the cache.
 */
function checkout(step: PlannedStep, name: string, { run }: SourceContext): KeptSource {
  const repository = step.inputs['repository'] ?? '';
  const filled = run(emptyMount(step, checkoutFolder), `download ${repository}`);
  const asSent = { owner: { user: 0, group: 0 }, mode: 0o644 };
  const state = scratch().file(copy(filled, '/kept/source', `/${name}`, asSent), {
    customName: `keep ${repository}`,
  });
  return { name, state, pattern: `/${name}` };
}

/** The download of the file that a step fetches, by the daemon, where that gives the same as the step would. */
function nativeFetch(
  step: PlannedStep,
  names: readonly string[],
  { nativeSources }: SourceOptions,
  { described }: SourceContext,
): KeptSource | undefined {
  const [uri = '', ...mirrors] = (step.inputs['uri'] ?? '').trim().split(/\s+/);
  const name = names.find((n) => n.startsWith('sha256:'));
  if (nativeSources === false || name === undefined || mirrors.length > 0) return undefined;
  if (!/^https?:\/\/[^\s"'`$\\]+$/.test(uri)) return undefined;
  const state = http(uri, {
    checksum: name,
    filename: name,
    // The daemon's own choice is readable for root only.
    mode: 0o644,
    customName: `${step.package}: download ${uri}`,
    ...described,
  });
  return { name, state, pattern: `/${name}` };
}

/** One state whose root holds all of these by their names in the cache; `undefined` for none. */
export function collectSources(kept: readonly KeptSource[]): State | undefined {
  const byName = new Map(kept.map((source) => [source.name, source]));
  const copies = [...byName.values()].map(({ name, state, pattern }) =>
    copy(state, pattern, `/${name}`, { allowWildcard: true, allowEmptyWildcard: true }),
  );
  return copies.length === 0 ? undefined : scratch().file(copies, { customName: 'collect the sources' });
}
