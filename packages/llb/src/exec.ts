import { buildError } from '@melange2/diagnostics';
import { compareText, pb, type Init } from '@melange2/proto/llb';
import { errors } from './errors.ts';
import { canonicalIpAddress } from './ip-address.ts';
import { InputList, type MarshalContext, type MarshalledNode, type Node } from './node.ts';
import { opMetadata, workerConstraints, type OpOptions } from './op-options.ts';
import { platformMessage } from './platform.ts';
import { applySettings, type Settings, type StateSettings } from './settings.ts';
import type { State } from './state.ts';

/** Another file system in a step. Without a source it is empty; unless read-only, its result can be used. */
export interface BindMount {
  readonly kind: 'bind';
  readonly dest: string;
  readonly source?: State;
  readonly readonly?: boolean;
  /** Path within the source. */
  readonly selector?: string;
  /** Writable, but what is written is thrown away. */
  readonly noOutput?: boolean;
  /** Whether the cache key is made of the contents instead of how they were made. */
  readonly contentCache?: 'on' | 'off' | 'default';
}

/** A directory that is kept on the daemon from build to build. */
export interface CacheMount {
  readonly kind: 'cache';
  readonly dest: string;
  readonly id: string;
  /** What two builds at once do: share it, get one each, or wait. Default `shared`. */
  readonly sharing?: 'shared' | 'private' | 'locked';
  /** What is in it at first. */
  readonly source?: State;
  readonly selector?: string;
  readonly readonly?: boolean;
}

/** A directory in memory. */
export interface TmpfsMount {
  readonly kind: 'tmpfs';
  readonly dest: string;
  readonly sizeBytes?: bigint | number;
}

export type Mount = BindMount | CacheMount | TmpfsMount;

/** A secret as a file, a variable, or both. */
export interface Secret {
  readonly id: string;
  /** Path of the file. */
  readonly dest?: string;
  /** Name of the variable. */
  readonly env?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Default 0400. */
  readonly mode?: number;
  /** The step runs without it when there is none. */
  readonly optional?: boolean;
}

/** A socket of an ssh agent. `SSH_AUTH_SOCK` names the first unless it is set. */
export interface SshSocket {
  readonly id?: string;
  /** Default `/run/buildkit/ssh_agent.N`. */
  readonly dest?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Default 0600. */
  readonly mode?: number;
  readonly optional?: boolean;
}

export interface ProxySettings {
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  readonly ftpProxy?: string;
  readonly noProxy?: string;
  readonly allProxy?: string;
}

export interface CdiDevice {
  readonly name: string;
  readonly optional?: boolean;
}

export interface RunOptions extends OpOptions, StateSettings {
  /** The command with its arguments; no shell is added. */
  readonly args: readonly string[];
  readonly readonlyRoot?: boolean;
  readonly mounts?: readonly Mount[];
  readonly secrets?: readonly Secret[];
  readonly ssh?: readonly SshSocket[];
  /** Exit codes that are a success; absent: 0. */
  readonly validExitCodes?: readonly number[];
  /** Variables of proxies, kept out of the cache key. */
  readonly proxy?: ProxySettings;
  readonly cdiDevices?: readonly CdiDevice[];
}

/** Result of a mount: the op's output with this index, or, without one, the source itself. */
interface MountResult {
  readonly index: number | undefined;
  /** Undefined is the empty file system. */
  readonly source: State | undefined;
}

interface PlannedMount {
  readonly mount: Mount;
  readonly isRoot: boolean;
  readonly source: State | undefined;
  /** -1 when nothing is kept. */
  readonly output: number;
}

const networks = { unset: pb.NetMode.UNSET, host: pb.NetMode.HOST, none: pb.NetMode.NONE } as const;
const sharings = {
  shared: pb.CacheSharingOpt.SHARED,
  private: pb.CacheSharingOpt.PRIVATE,
  locked: pb.CacheSharingOpt.LOCKED,
} as const;
const contentCaches = {
  default: pb.MountContentCache.DEFAULT,
  on: pb.MountContentCache.ON,
  off: pb.MountContentCache.OFF,
} as const;

/** The op of a step. Its mounts are put in order when they are asked for, which most often is at marshalling. */
export class ExecNode implements Node {
  readonly options: RunOptions;
  readonly #base: State;
  readonly #settings: Settings;

  constructor(base: State, options: RunOptions) {
    if (options.args.length === 0) throw buildError(errors, 'LLB_EXEC_WITHOUT_ARGS', {});
    this.options = options;
    this.#base = base;
    this.#settings = applySettings(base.settings, options);
    if (options.mounts !== undefined) checkMounts(options.mounts);
    for (const { host, address } of this.#settings.extraHosts) {
      if (canonicalIpAddress(address) === undefined) {
        throw buildError(errors, 'LLB_IP_ADDRESS_INVALID', { host, address });
      }
    }
  }

  get dependencies(): readonly Node[] {
    const { mounts = none } = this.options;
    const nodes: Node[] = [];
    if (mounts.every((m) => m.dest > '/') && isSorted(mounts)) {
      if (this.#base.output !== undefined) nodes.push(this.#base.output.node);
      for (const mount of mounts) addSource(nodes, mount.kind === 'tmpfs' ? undefined : mount.source);
    } else for (const { source } of this.#plan()) addSource(nodes, source);
    return nodes;
  }

  /** Output of the root file system; undefined where it is read-only. */
  get rootIndex(): number | undefined {
    const { readonlyRoot, mounts } = this.options;
    if (readonlyRoot) return undefined;
    // Destinations are absolute paths as a rule, and then the root is the first of them.
    return mounts === undefined || mounts.every((m) => m.dest.startsWith('/') && m.dest !== '/')
      ? 0
      : this.#plan().find((p) => p.isRoot)!.output;
  }

  /** @throws {BuildError} LLB_MOUNT_WITHOUT_RESULT */
  mountResult(dest: string): MountResult {
    const fail = (problem: string): never => {
      throw buildError(errors, 'LLB_MOUNT_WITHOUT_RESULT', { dest, problem });
    };
    const found = this.#plan().find((p) => p.mount.dest === dest);
    if (found === undefined) return fail('the step has no such mount');
    if (found.mount.kind === 'cache') return fail('a cache stays on the daemon and is no step’s result');
    if (found.mount.kind === 'tmpfs') return fail('a tmpfs is gone with the step');
    if (found.mount.noOutput && !found.mount.readonly) return fail('it was asked for without a result');
    return { index: found.output < 0 ? undefined : found.output, source: found.source };
  }

  marshal(context: MarshalContext): MarshalledNode {
    const { options } = this;
    const settings = this.#settings;
    const planned = this.#plan();
    const inputs = new InputList();
    const mounts: Init<pb.Mount>[] = [];
    for (const p of planned) mounts.push(mountMessage(p, inputs.add(context, p.source?.output)));
    const { secrets = [], ssh = [], proxy } = options;
    for (const secret of secrets) {
      if (secret.dest !== undefined) mounts.push(secretMount(secret, secret.dest));
    }
    for (const [i, socket] of ssh.entries()) mounts.push(sshMount(socket, i));
    const op: Init<pb.Op> = {
      inputs: inputs.inputs,
      platform: platformMessage(options.platform ?? settings.platform ?? context.options.platform),
      constraints: workerConstraints(context.options, options),
      op: {
        kind: 'exec',
        value: {
          meta: {
            args: options.args,
            env: environment(context, settings, ssh),
            cwd: settings.cwd,
            user: settings.user,
            proxy_env: proxy === undefined ? undefined : proxyMessage(proxy),
            extraHosts: hostMessages(settings),
            hostname: settings.hostname,
            ulimit: limitMessages(settings),
            cgroupParent: settings.cgroupParent,
            removeMountStubsRecursive: true,
            validExitCodes: options.validExitCodes,
          },
          mounts,
          network: networks[settings.network],
          security: settings.security === 'insecure' ? pb.SecurityMode.INSECURE : pb.SecurityMode.SANDBOX,
          secretenv: secretVariables(secrets),
          cdiDevices: options.cdiDevices,
        },
      },
    };
    return {
      bytes: context.encode(pb.Op, op),
      metadata: opMetadata(context.options, options, execCaps(context, options, settings, planned)),
    };
  }

  /** Not kept: in large graphs it would be a third of the memory, and it is asked for twice. */
  #plan(): readonly PlannedMount[] {
    return planMounts(this.#base, this.options);
  }
}

function addSource(nodes: Node[], source: State | undefined): void {
  if (source?.output !== undefined) nodes.push(source.output.node);
}

function checkMounts(mounts: readonly Mount[]): void {
  for (const mount of mounts) {
    if (mount.kind === 'tmpfs' && 'source' in mount && (mount.source as State).output !== undefined) {
      const problem = 'a tmpfs is empty at first and has no source';
      throw buildError(errors, 'LLB_MOUNT_INVALID', { dest: mount.dest, problem });
    }
  }
}

function planMounts(base: State, { mounts = [], readonlyRoot = false }: RunOptions): readonly PlannedMount[] {
  const root: Mount = { kind: 'bind', dest: '/', source: base, readonly: readonlyRoot };
  const sorted = sortMounts([root, ...mounts]);
  const planned: PlannedMount[] = [];
  let outputs = 0;
  for (const mount of sorted) {
    planned.push({
      mount,
      isRoot: mount === root,
      source: mount.kind === 'tmpfs' ? undefined : mount.source,
      output: mount.kind === 'bind' && !mount.readonly && !mount.noOutput ? outputs++ : -1,
    });
  }
  return planned;
}

function isSorted(mounts: readonly Mount[]): boolean {
  for (let i = 1; i < mounts.length; i++) {
    if (compareText(mounts[i - 1]!.dest, mounts[i]!.dest) > 0) return false;
  }
  return true;
}

/** Sorts in place, by insertion: there are few, and they are almost in order. Equal ones stay in theirs. */
function sortMounts(mounts: Mount[]): readonly Mount[] {
  for (let i = 1; i < mounts.length; i++) {
    const mount = mounts[i]!;
    let at = i;
    for (; at > 0 && compareText(mounts[at - 1]!.dest, mount.dest) > 0; at--) mounts[at] = mounts[at - 1]!;
    mounts[at] = mount;
  }
  return mounts;
}

function proxyMessage(proxy: ProxySettings): Init<pb.ProxyEnv> {
  return {
    http_proxy: proxy.httpProxy,
    https_proxy: proxy.httpsProxy,
    ftp_proxy: proxy.ftpProxy,
    no_proxy: proxy.noProxy,
    all_proxy: proxy.allProxy,
  };
}

const none: readonly never[] = [];

function hostMessages({ extraHosts }: Settings): readonly Init<pb.HostIP>[] {
  if (extraHosts.length === 0) return none;
  return extraHosts.map(({ host, address }) => ({ Host: host, IP: canonicalIpAddress(address) }));
}

function limitMessages({ ulimits }: Settings): readonly Init<pb.Ulimit>[] {
  if (ulimits.length === 0) return none;
  return ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard }));
}

function secretVariables(secrets: readonly Secret[]): readonly Init<pb.SecretEnv>[] {
  if (secrets.length === 0) return none;
  return secrets.flatMap(({ id, env, optional }) =>
    env === undefined ? [] : [{ ID: id, name: env, optional }],
  );
}

function mountMessage({ mount, source, output }: PlannedMount, input: number): Init<pb.Mount> {
  switch (mount.kind) {
    case 'bind':
      return {
        input,
        selector: mount.selector,
        dest: mount.dest,
        output,
        readonly: mount.readonly,
        contentCache: contentCaches[mount.contentCache ?? 'default'],
      };
    case 'cache':
      return {
        input: source === undefined ? -1 : input,
        selector: mount.selector,
        dest: mount.dest,
        output: -1,
        readonly: mount.readonly,
        mountType: pb.MountType.CACHE,
        cacheOpt: { ID: mount.id, sharing: sharings[mount.sharing ?? 'shared'] },
      };
    case 'tmpfs':
      return {
        input: -1,
        dest: mount.dest,
        output: -1,
        mountType: pb.MountType.TMPFS,
        TmpfsOpt: { size: mount.sizeBytes },
      };
  }
}

// Go leaves the output of secrets and sockets at 0 instead of -1, and the digest depends on it.
function secretMount({ id, uid, gid, mode, optional }: Secret, dest: string): Init<pb.Mount> {
  return {
    input: -1,
    dest,
    mountType: pb.MountType.SECRET,
    secretOpt: { ID: id, uid, gid, mode: mode ?? 0o400, optional },
  };
}

function sshMount({ id, dest, uid, gid, mode, optional }: SshSocket, number: number): Init<pb.Mount> {
  return {
    input: -1,
    dest: dest ?? socketPath(number),
    mountType: pb.MountType.SSH,
    SSHOpt: { ID: id, uid, gid, mode: mode ?? 0o600, optional },
  };
}

function socketPath(number: number): string {
  return `/run/buildkit/ssh_agent.${number}`;
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function environment(
  { caps, options }: MarshalContext,
  { env }: Settings,
  sockets: readonly SshSocket[],
): readonly string[] {
  const needsSocket = sockets.length > 0 && !isSet(env, 'SSH_AUTH_SOCK');
  const needsPath =
    caps !== undefined &&
    !caps.has('exec.meta.setsdefaultpath') &&
    options.platform.os !== 'windows' &&
    !isSet(env, 'PATH');
  const texts = variableTexts(env);
  if (!needsSocket && !needsPath) return texts;
  return [
    ...texts,
    ...(needsSocket ? [`SSH_AUTH_SOCK=${sockets[0]!.dest ?? socketPath(0)}`] : []),
    ...(needsPath ? [`PATH=${defaultPath}`] : []),
  ];
}

function isSet(env: Settings['env'], wanted: string): boolean {
  return env.some(([name]) => name === wanted);
}

const knownTexts = new WeakMap<Settings['env'], readonly string[]>();

/** Many steps share the variables of one state. */
function variableTexts(env: Settings['env']): readonly string[] {
  const known = knownTexts.get(env);
  if (known !== undefined) return known;
  const texts = env.map(([name, value]) => `${name}=${value}`);
  knownTexts.set(env, texts);
  return texts;
}

// In the order of the bits that a set of them is remembered by.
const capNames = [
  'exec.meta.base',
  'exec.meta.setsdefaultpath',
  'exec.meta.proxyenv',
  'exec.meta.network',
  'exec.meta.security',
  'exec.meta.ulimit',
  'exec.meta.cdi',
  'exec.meta.linux.resources',
  'exec.validexitcode',
  'exec.mount.bind',
  'exec.mount.selector',
  'exec.mount.cache.content',
  'exec.mount.cache',
  'exec.mount.cache.sharing',
  'exec.mount.tmpfs',
  'exec.mount.tmpfs.size',
  'exec.mount.secret',
  'exec.secretenv',
  'exec.mount.ssh',
] as const;
type CapName = (typeof capNames)[number];

const capBits = Object.fromEntries(capNames.map((name, i) => [name, 1 << i])) as Readonly<
  Record<CapName, number>
>;

function capsOfBits(bits: number): readonly string[] {
  return capNames.filter((_, i) => bits & (1 << i));
}

/** The capabilities a step needs. Steps with equal needs share one map: it is half of what a graph weighs. */
function execCaps(
  context: MarshalContext,
  options: RunOptions,
  settings: Settings,
  planned: readonly PlannedMount[],
): ReadonlyMap<string, boolean> {
  const { secrets = [], ssh = [], cdiDevices = [] } = options;
  let bits = capBits['exec.meta.base'];
  const need = (cap: CapName, when: boolean): void => {
    if (when) bits |= capBits[cap];
  };
  need('exec.meta.setsdefaultpath', context.caps?.has('exec.meta.setsdefaultpath') ?? false);
  need('exec.meta.proxyenv', options.proxy !== undefined);
  need('exec.meta.network', settings.network !== 'unset');
  need('exec.meta.security', settings.security !== 'sandbox');
  need('exec.meta.ulimit', settings.ulimits.length > 0);
  need('exec.meta.cdi', cdiDevices.length > 0);
  need('exec.meta.linux.resources', options.resources !== undefined);
  need('exec.validexitcode', options.validExitCodes !== undefined);
  for (const { mount, source } of planned) {
    switch (mount.kind) {
      case 'bind':
        need('exec.mount.bind', source?.output !== undefined);
        need('exec.mount.selector', mount.selector !== undefined && mount.selector !== '');
        need('exec.mount.cache.content', (mount.contentCache ?? 'default') !== 'default');
        break;
      case 'cache':
        bits |= capBits['exec.mount.cache'] | capBits['exec.mount.cache.sharing'];
        need('exec.mount.selector', mount.selector !== undefined && mount.selector !== '');
        break;
      case 'tmpfs':
        bits |= capBits['exec.mount.tmpfs'];
        need('exec.mount.tmpfs.size', mount.sizeBytes !== undefined && BigInt(mount.sizeBytes) > 0n);
        break;
    }
  }
  need('exec.mount.secret', secrets.length > 0);
  need(
    'exec.secretenv',
    secrets.some((s) => s.env !== undefined),
  );
  need('exec.mount.ssh', ssh.length > 0);
  return context.capsOf(bits, capsOfBits);
}
