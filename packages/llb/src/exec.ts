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

/** The op of a step. */
export class ExecNode implements Node {
  readonly options: RunOptions;
  readonly #base: State;
  readonly #settings: Settings;
  /** The given mounts in the order of their destinations. */
  readonly #sorted: readonly Mount[];

  constructor(base: State, options: RunOptions) {
    if (options.args.length === 0) throw buildError(errors, 'LLB_EXEC_WITHOUT_ARGS', {});
    this.options = options;
    this.#base = base;
    this.#settings = applySettings(base.settings, options);
    this.#sorted = sortMounts(options.mounts ?? none);
    for (const { host, address } of this.#settings.extraHosts) {
      if (canonicalIpAddress(address) === undefined) {
        throw buildError(errors, 'LLB_IP_ADDRESS_INVALID', { host, address });
      }
    }
  }

  get dependencies(): readonly Node[] {
    if (!this.#sorted.some(hasSource)) {
      return this.#base.output === undefined ? none : [this.#base.output.node];
    }
    const nodes: Node[] = [];
    for (const mount of this.#mounts()) {
      const output = sourceOf(mount)?.output;
      if (output !== undefined) nodes.push(output.node);
    }
    return nodes;
  }

  /** Output of the root file system; undefined where it is read-only. */
  get rootIndex(): number | undefined {
    if (this.options.readonlyRoot) return undefined;
    // Destinations are absolute paths as a rule, and then the root is the first of them.
    return this.#sorted.filter((m) => hasOutput(m) && compareText(m.dest, '/') < 0).length;
  }

  /** @throws {BuildError} LLB_MOUNT_WITHOUT_RESULT */
  mountResult(dest: string): MountResult {
    const fail = (problem: string): never => {
      throw buildError(errors, 'LLB_MOUNT_WITHOUT_RESULT', { dest, problem });
    };
    const mounts = this.#mounts();
    const at = mounts.findIndex((m) => m.dest === dest);
    const found = mounts[at];
    if (found === undefined) return fail('the step has no such mount');
    if (found.kind === 'cache') return fail('a cache stays on the daemon and is no step’s result');
    if (found.kind === 'tmpfs') return fail('a tmpfs is gone with the step');
    if (found.noOutput && !found.readonly) return fail('it was asked for without a result');
    const index = found.readonly ? undefined : mounts.slice(0, at).filter(hasOutput).length;
    return { index, source: found.source };
  }

  marshal(context: MarshalContext): MarshalledNode {
    const { options } = this;
    const settings = this.#settings;
    const mounts = this.#mounts();
    const inputs = new InputList();
    let outputs = 0;
    const { secrets = none, ssh = none, proxy } = options;
    const plain = mounts.map((mount) =>
      mountMessage(mount, inputs.add(context, sourceOf(mount)?.output), hasOutput(mount) ? outputs++ : -1),
    );
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
          mounts: secrets.length + ssh.length === 0 ? plain : [...plain, ...secretMounts(secrets, ssh)],
          network: networks[settings.network],
          security: settings.security === 'insecure' ? pb.SecurityMode.INSECURE : pb.SecurityMode.SANDBOX,
          secretenv: secretVariables(secrets),
          cdiDevices: options.cdiDevices,
        },
      },
    };
    return {
      bytes: context.encode(pb.Op, op),
      metadata: opMetadata(context.options, options, execCaps(context, options, settings, mounts)),
    };
  }

  /** All mounts in the order of their destinations. */
  #mounts(): readonly Mount[] {
    const root: Mount = {
      kind: 'bind',
      dest: '/',
      source: this.#base,
      readonly: this.options.readonlyRoot ?? false,
    };
    const before = this.#sorted.findIndex((m) => compareText(m.dest, '/') >= 0);
    if (before === 0 || this.#sorted.length === 0) return [root, ...this.#sorted];
    const at = before < 0 ? this.#sorted.length : before;
    return this.#sorted.toSpliced(at, 0, root);
  }
}

function sourceOf(mount: Mount): State | undefined {
  return mount.kind === 'tmpfs' ? undefined : mount.source;
}

function hasSource(mount: Mount): boolean {
  return sourceOf(mount)?.output !== undefined;
}

function hasOutput(mount: Mount): boolean {
  return mount.kind === 'bind' && !mount.readonly && !mount.noOutput;
}

function sortMounts(mounts: readonly Mount[]): readonly Mount[] {
  for (const mount of mounts) {
    if (mount.kind === 'tmpfs' && 'source' in mount && (mount.source as State).output !== undefined) {
      const problem = 'a tmpfs is empty at first and has no source';
      throw buildError(errors, 'LLB_MOUNT_INVALID', { dest: mount.dest, problem });
    }
  }
  const inOrder = mounts.every((m, i) => i === 0 || compareText(mounts[i - 1]!.dest, m.dest) <= 0);
  return inOrder ? mounts : mounts.toSorted((a, b) => compareText(a.dest, b.dest));
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

function mountMessage(mount: Mount, input: number, output: number): Init<pb.Mount> {
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
        input,
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

function secretMounts(secrets: readonly Secret[], sockets: readonly SshSocket[]): readonly Init<pb.Mount>[] {
  return [
    ...secrets.flatMap((secret) => (secret.dest === undefined ? [] : [secretMount(secret, secret.dest)])),
    ...sockets.map(sshMount),
  ];
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
  mounts: readonly Mount[],
): ReadonlyMap<string, boolean> {
  const { secrets = none, ssh = none, cdiDevices = none } = options;
  let bits =
    capBits['exec.meta.base'] |
    when('exec.meta.setsdefaultpath', context.caps?.has('exec.meta.setsdefaultpath') ?? false) |
    when('exec.meta.proxyenv', options.proxy !== undefined) |
    when('exec.meta.network', settings.network !== 'unset') |
    when('exec.meta.security', settings.security !== 'sandbox') |
    when('exec.meta.ulimit', settings.ulimits.length > 0) |
    when('exec.meta.cdi', cdiDevices.length > 0) |
    when('exec.meta.linux.resources', options.resources !== undefined) |
    when('exec.validexitcode', options.validExitCodes !== undefined) |
    when('exec.mount.secret', secrets.length > 0) |
    when('exec.mount.ssh', ssh.length > 0);
  for (const mount of mounts) bits |= mountBits(mount);
  if (secrets.some((s) => s.env !== undefined)) bits |= capBits['exec.secretenv'];
  return context.capsOf(bits, capsOfBits);
}

function when(cap: CapName, needed: boolean): number {
  return needed ? capBits[cap] : 0;
}

function mountBits(mount: Mount): number {
  switch (mount.kind) {
    case 'bind':
      return (
        when('exec.mount.bind', hasSource(mount)) |
        when('exec.mount.selector', mount.selector !== undefined && mount.selector !== '') |
        when('exec.mount.cache.content', (mount.contentCache ?? 'default') !== 'default')
      );
    case 'cache':
      return (
        capBits['exec.mount.cache'] |
        capBits['exec.mount.cache.sharing'] |
        when('exec.mount.selector', mount.selector !== undefined && mount.selector !== '')
      );
    case 'tmpfs':
      return (
        capBits['exec.mount.tmpfs'] |
        when('exec.mount.tmpfs.size', mount.sizeBytes !== undefined && BigInt(mount.sizeBytes) > 0n)
      );
  }
}
