import { buildError } from '@melange2/diagnostics';
import { pb, type Init } from '@melange2/proto/llb';
import { errors } from './errors.ts';
import { InputList, type MarshalContext, type MarshalledNode, type Node } from './node.ts';
import { capsOf, opMetadata, workerConstraints, type OpOptions } from './op-options.ts';
import { resolveDestination, resolvePath } from './path.ts';
import type { State } from './state.ts';

/**
 * Owner of a file: `user:group` as `chown` takes it (numbers and `root` are ids, the rest names), or its parts
 * (numbers are ids, texts are names). Names are looked up in the file system that is changed.
 */
export type Owner =
  | string
  | { readonly user?: string | number | undefined; readonly group?: string | number | undefined };

interface Stamp {
  readonly owner?: Owner;
  /** Modification time in nanoseconds since 1970; absent: the time of the build, or of what is copied. */
  readonly createdNs?: bigint | number;
}

export interface MkdirOptions extends Stamp {
  /** Permission bits; default 0755. */
  readonly mode?: number;
  readonly makeParents?: boolean;
}

export interface MkfileOptions extends Stamp {
  /** Permission bits; default 0644. */
  readonly mode?: number;
}

export interface RmOptions {
  readonly allowNotFound?: boolean;
  /** Takes `*`, `?` and `[…]` in the last part of the path as a pattern. */
  readonly allowWildcard?: boolean;
}

export interface CopyOptions extends Stamp {
  /** A number with all bits, or text such as `u=rwX,go=rX`; absent: as in the source. */
  readonly mode?: number | string;
  readonly followSymlinks?: boolean;
  /** Copies what is in the directory, not the directory. */
  readonly copyDirContentsOnly?: boolean;
  readonly includePatterns?: readonly string[];
  readonly excludePatterns?: readonly string[];
  /** Paths that have to be there. */
  readonly requiredPaths?: readonly string[];
  /** Unpacks archives. Patterns do not apply to what is in them. */
  readonly attemptUnpack?: boolean;
  readonly createDestPath?: boolean;
  readonly allowWildcard?: boolean;
  readonly allowEmptyWildcard?: boolean;
  readonly alwaysReplaceExistingDestPaths?: boolean;
}

/** Files that are only made to be copied from, by the same op. */
export interface FileChain {
  readonly base: State;
  readonly actions: readonly FileAction[];
}

/** One change of a file system. Relative paths start at the working directory of the state. */
export type FileAction =
  | { readonly kind: 'mkdir'; readonly path: string; readonly options: MkdirOptions }
  | {
      readonly kind: 'mkfile';
      readonly path: string;
      readonly data: Uint8Array;
      readonly options: MkfileOptions;
    }
  | { readonly kind: 'rm'; readonly path: string; readonly options: RmOptions }
  | { readonly kind: 'symlink'; readonly oldPath: string; readonly newPath: string; readonly options: Stamp }
  | {
      readonly kind: 'copy';
      readonly from: State | FileChain;
      readonly src: string;
      readonly dest: string;
      readonly options: CopyOptions;
    };

/** Makes a directory. The parents have to be there unless asked for. */
export function mkdir(path: string, options: MkdirOptions = {}): FileAction {
  return { kind: 'mkdir', path, options };
}

/** Makes a file. Keep it small: the data is part of the graph. */
export function mkfile(path: string, data: string | Uint8Array, options: MkfileOptions = {}): FileAction {
  return {
    kind: 'mkfile',
    path,
    data: typeof data === 'string' ? new TextEncoder().encode(data) : data,
    options,
  };
}

/** Removes a file or directory. */
export function rm(path: string, options: RmOptions = {}): FileAction {
  return { kind: 'rm', path, options };
}

/** Makes a link at `newPath` that says `oldPath`; both are taken as they are. */
export function symlink(oldPath: string, newPath: string, options: Stamp = {}): FileAction {
  return { kind: 'symlink', oldPath, newPath, options };
}

/** Copies from another state, or from files that are made for it. A slash at the end of `dest` makes it a directory. */
export function copy(
  from: State | FileChain,
  src: string,
  dest: string,
  options: CopyOptions = {},
): FileAction {
  return { kind: 'copy', from, src, dest, options };
}

/** Makes the node that changes `base`. */
export function fileNode(base: State, actions: readonly FileAction[], options: OpOptions): Node {
  const chain: FileChain = { base, actions };
  requireActions(chain);
  return {
    options,
    dependencies: dependencies(chain),
    marshal: (context) => marshalFile(context, chain, options),
  };
}

function requireActions({ actions }: FileChain): void {
  if (actions.length === 0) throw buildError(errors, 'LLB_FILE_WITHOUT_ACTIONS', {});
  for (const action of actions) {
    if (action.kind === 'copy' && 'actions' in action.from) requireActions(action.from);
  }
}

function dependencies({ base, actions }: FileChain): readonly Node[] {
  return [
    ...(base.output === undefined ? [] : [base.output.node]),
    ...actions.toReversed().flatMap((action) => {
      if (action.kind !== 'copy') return [];
      if ('actions' in action.from) return dependencies(action.from);
      return action.from.output === undefined ? [] : [action.from.output.node];
    }),
  ];
}

/** An input of an action: a result of another op, or of the action with this number in this op. */
type Reference = { readonly input: number } | { readonly action: number };

interface Collected {
  readonly action: FileAction;
  readonly from: Reference;
  readonly second: Reference;
  /** Op input in which names of owners are looked up. */
  readonly base: number;
  readonly dir: string;
}

function marshalFile(context: MarshalContext, chain: FileChain, options: OpOptions): MarshalledNode {
  const inputs = new InputList();
  const collected: Collected[] = [];
  collect(context, chain, inputs, collected);
  const { options: marshalOptions } = context;
  const number = (reference: Reference): number =>
    'input' in reference ? reference.input : inputs.inputs.length + reference.action;
  const bytes = context.encode(pb.Op, {
    inputs: inputs.inputs,
    constraints: workerConstraints(marshalOptions, options),
    op: {
      kind: 'file',
      value: {
        actions: collected.map((c, i) => ({
          input: number(c.from),
          secondaryInput: number(c.second),
          output: i === collected.length - 1 ? 0 : -1,
          action: actionMessage(c),
        })),
      },
    },
  });
  return { bytes, metadata: opMetadata(marshalOptions, options, capsOf(fileCaps(collected))) };
}

/** Adds the actions of a chain; returns what the last one gives. */
function collect(
  context: MarshalContext,
  { base, actions }: FileChain,
  inputs: InputList,
  collected: Collected[],
): Reference {
  const baseInput = inputs.add(context, base.output);
  let from: Reference = { input: baseInput };
  for (const action of actions) {
    let second: Reference = { input: -1 };
    if (action.kind === 'copy') {
      second =
        'actions' in action.from
          ? collect(context, action.from, inputs, collected)
          : { input: inputs.add(context, action.from.output) };
    }
    collected.push({ action, from, second, base: baseInput, dir: base.settings.cwd });
    from = { action: collected.length - 1 };
  }
  return from;
}

function actionMessage({ action, base, dir }: Collected): Init<pb.FileAction>['action'] {
  switch (action.kind) {
    case 'mkdir': {
      const { mode = 0o755, makeParents, owner, createdNs } = action.options;
      const value = { path: resolvePath(dir, action.path), mode: mode & 0o777, makeParents };
      return {
        kind: 'mkdir',
        value: { ...value, owner: ownerMessage(owner, base), timestamp: createdNs ?? -1 },
      };
    }
    case 'mkfile': {
      const { mode = 0o644, owner, createdNs } = action.options;
      const value = { path: resolvePath(dir, action.path), mode: mode & 0o777, data: action.data };
      return {
        kind: 'mkfile',
        value: { ...value, owner: ownerMessage(owner, base), timestamp: createdNs ?? -1 },
      };
    }
    case 'rm':
      return { kind: 'rm', value: { path: resolvePath(dir, action.path), ...action.options } };
    case 'symlink': {
      const { owner, createdNs } = action.options;
      const value = { oldpath: action.oldPath, newpath: action.newPath };
      return {
        kind: 'symlink',
        value: { ...value, owner: ownerMessage(owner, base), timestamp: createdNs ?? -1 },
      };
    }
    case 'copy':
      return { kind: 'copy', value: copyMessage(action, base, dir) };
  }
}

function copyMessage(
  { from, src, dest, options }: FileAction & { kind: 'copy' },
  base: number,
  dir: string,
): Init<pb.FileActionCopy> {
  const { mode } = options;
  const source = 'actions' in from ? from.base : from;
  return {
    src: resolvePath(source.settings.cwd, src),
    dest: resolveDestination(dir, dest),
    owner: ownerMessage(options.owner, base),
    mode: typeof mode === 'number' ? mode : mode === undefined ? -1 : 0,
    modeStr: typeof mode === 'string' ? mode : '',
    followSymlink: options.followSymlinks,
    dirCopyContents: options.copyDirContentsOnly,
    attemptUnpackDockerCompatibility: options.attemptUnpack,
    createDestPath: options.createDestPath,
    allowWildcard: options.allowWildcard,
    allowEmptyWildcard: options.allowEmptyWildcard,
    timestamp: options.createdNs ?? -1,
    include_patterns: options.includePatterns,
    exclude_patterns: options.excludePatterns,
    alwaysReplaceExistingDestPaths: options.alwaysReplaceExistingDestPaths,
    required_paths: options.requiredPaths,
  };
}

function ownerMessage(owner: Owner | undefined, base: number): Init<pb.ChownOpt> | undefined {
  if (owner === undefined) return undefined;
  const { user, group } = typeof owner === 'string' ? parseOwner(owner) : owner;
  return { user: userMessage(user, base), group: userMessage(group, base) };
}

function parseOwner(text: string): { user: string | number; group?: string | number } {
  const [user = '', group] = text.split(/:(.*)/s);
  return group === undefined ? { user: parseUser(user) } : { user: parseUser(user), group: parseUser(group) };
}

function parseUser(text: string): string | number {
  if (text === '' || text === 'root') return 0;
  return /^[+-]?\d+$/.test(text) ? Number(text) : text;
}

function userMessage(user: string | number | undefined, base: number): Init<pb.UserOpt> | undefined {
  if (user === undefined) return undefined;
  if (typeof user === 'string') return { user: { kind: 'byName', value: { name: user, input: base } } };
  return { user: { kind: 'byID', value: user >>> 0 } };
}

/** Go forgets all but the first of these; an old daemon would fail without saying why. */
function fileCaps(collected: readonly Collected[]): ReadonlySet<string> {
  const caps = new Set(['file.base']);
  for (const { action } of collected) {
    if (action.kind === 'symlink') caps.add('file.symlink.create');
    if (action.kind !== 'copy') continue;
    const { includePatterns = [], excludePatterns = [], requiredPaths = [], mode } = action.options;
    if (includePatterns.length + excludePatterns.length > 0) caps.add('file.copy.includeexcludepatterns');
    if (requiredPaths.length > 0) caps.add('file.copy.requiredpaths');
    if (action.options.alwaysReplaceExistingDestPaths) caps.add('file.copy.alwaysreplaceexistingdestpaths');
    if (typeof mode === 'string') caps.add('file.copy.modestring');
  }
  return caps;
}
