import { buildError } from '@melange2/diagnostics';
import { compareText, encode, pb, type Init } from '@melange2/proto';
import { errors } from './errors.ts';
import { canonicalIpAddress } from './ip-address.ts';
import { InputList, type MarshalContext, type MarshalledNode, type Node } from './node.ts';
import { opMetadata, type OpOptions } from './op-options.ts';
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

interface ExecParts {
  readonly node: Node;
  /** Undefined where the root is read-only. */
  readonly rootIndex: number | undefined;
  readonly mounts: (dest: string) => MountResult;
}

interface PlannedMount {
  readonly mount: Mount;
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

/** Makes the node of a step on `base`. */
export function execNode(base: State, options: RunOptions): ExecParts {
  if (options.args.length === 0) throw buildError(errors, 'LLB_EXEC_WITHOUT_ARGS', {});
  const settings = applySettings(base.settings, withoutPlatform(options));
  const hosts = settings.extraHosts.map(({ host, address }) => {
    const canonical = canonicalIpAddress(address);
    if (canonical === undefined) throw buildError(errors, 'LLB_IP_ADDRESS_INVALID', { host, address });
    return { Host: host, IP: canonical };
  });
  const root: Mount = { kind: 'bind', dest: '/', source: base, readonly: options.readonlyRoot ?? false };
  const planned = planMounts(root, options.mounts ?? []);
  const rootIndex = planned.find((p) => p.mount === root)!.output;
  const node: Node = {
    options,
    dependencies: planned.flatMap(({ source }) => (source?.output === undefined ? [] : [source.output.node])),
    marshal: (context) => marshalExec(context, options, settings, hosts, planned),
  };
  return {
    node,
    rootIndex: rootIndex < 0 ? undefined : rootIndex,
    mounts: (dest) => mountResult(planned, dest),
  };
}

/** The platform of a step is the op's, as given; it is not a setting to be normalised. */
function withoutPlatform({ platform: _, ...settings }: RunOptions): StateSettings {
  return settings;
}

function planMounts(root: Mount, others: readonly Mount[]): PlannedMount[] {
  for (const mount of others) {
    if (mount.kind === 'tmpfs' && 'source' in mount && (mount.source as State).output !== undefined) {
      throw buildError(errors, 'LLB_MOUNT_INVALID', {
        dest: mount.dest,
        problem: 'a tmpfs is empty at first and has no source',
      });
    }
  }
  let outputs = 0;
  return [root, ...others]
    .toSorted((a, b) => compareText(a.dest, b.dest))
    .map((mount) => ({
      mount,
      source: mount.kind === 'tmpfs' ? undefined : mount.source,
      output: mount.kind === 'bind' && !mount.readonly && !mount.noOutput ? outputs++ : -1,
    }));
}

function mountResult(planned: readonly PlannedMount[], dest: string): MountResult {
  const fail = (problem: string): never => {
    throw buildError(errors, 'LLB_MOUNT_WITHOUT_RESULT', { dest, problem });
  };
  const found = planned.find((p) => p.mount.dest === dest);
  if (found === undefined) return fail('the step has no such mount');
  if (found.mount.kind === 'cache') return fail('a cache stays on the daemon and is nobody’s result');
  if (found.mount.kind === 'tmpfs') return fail('a tmpfs is gone with the step');
  if (found.mount.noOutput && !found.mount.readonly) return fail('it was asked for without a result');
  return { index: found.output < 0 ? undefined : found.output, source: found.source };
}

function marshalExec(
  context: MarshalContext,
  options: RunOptions,
  settings: Settings,
  hosts: readonly pb.HostIP[],
  planned: readonly PlannedMount[],
): MarshalledNode {
  const { options: base } = context;
  const inputs = new InputList();
  const mounts = planned.map((p) => mountMessage(p, inputs.add(context, p.source?.output)));
  const secrets = options.secrets ?? [];
  const sockets = options.ssh ?? [];
  for (const secret of secrets) if (secret.dest !== undefined) mounts.push(secretMount(secret, secret.dest));
  sockets.forEach((socket, i) => mounts.push(sshMount(socket, i)));
  const { proxy } = options;
  const bytes = encode(pb.Op, {
    inputs: inputs.inputs,
    platform: platformMessage(options.platform ?? settings.platform ?? base.platform),
    constraints: { filter: [...(base.workerFilter ?? []), ...(options.workerFilter ?? [])] },
    op: {
      kind: 'exec',
      value: {
        meta: {
          args: options.args,
          env: environment(context, settings, sockets),
          cwd: settings.cwd,
          user: settings.user,
          proxy_env:
            proxy === undefined
              ? undefined
              : {
                  http_proxy: proxy.httpProxy,
                  https_proxy: proxy.httpsProxy,
                  ftp_proxy: proxy.ftpProxy,
                  no_proxy: proxy.noProxy,
                  all_proxy: proxy.allProxy,
                },
          extraHosts: hosts,
          hostname: settings.hostname,
          ulimit: settings.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
          cgroupParent: settings.cgroupParent,
          removeMountStubsRecursive: true,
          validExitCodes: options.validExitCodes,
        },
        mounts,
        network: networks[settings.network],
        security: settings.security === 'insecure' ? pb.SecurityMode.INSECURE : pb.SecurityMode.SANDBOX,
        secretenv: secrets.flatMap(({ id, env, optional }) =>
          env === undefined ? [] : [{ ID: id, name: env, optional }],
        ),
        cdiDevices: options.cdiDevices,
      },
    },
  });
  return { bytes, metadata: opMetadata(base, options, execCaps(context, options, settings, planned)) };
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
  const texts = env.map(([name, value]) => `${name}=${value}`);
  const isSet = (wanted: string): boolean => env.some(([name]) => name === wanted);
  if (sockets.length > 0 && !isSet('SSH_AUTH_SOCK')) {
    texts.push(`SSH_AUTH_SOCK=${sockets[0]!.dest ?? socketPath(0)}`);
  }
  const needsPath = caps !== undefined && !caps.has('exec.meta.setsdefaultpath');
  if (needsPath && options.platform.os !== 'windows' && !isSet('PATH')) texts.push(`PATH=${defaultPath}`);
  return texts;
}

function execCaps(
  { caps: known }: MarshalContext,
  options: RunOptions,
  settings: Settings,
  planned: readonly PlannedMount[],
): ReadonlySet<string> {
  const caps = new Set(['exec.meta.base']);
  const need = (cap: string, when: boolean): void => {
    if (when) caps.add(cap);
  };
  need('exec.meta.setsdefaultpath', known?.has('exec.meta.setsdefaultpath') ?? false);
  need('exec.meta.proxyenv', options.proxy !== undefined);
  need('exec.meta.network', settings.network !== 'unset');
  need('exec.meta.security', settings.security !== 'sandbox');
  need('exec.meta.ulimit', settings.ulimits.length > 0);
  need('exec.meta.cdi', (options.cdiDevices ?? []).length > 0);
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
        caps.add('exec.mount.cache').add('exec.mount.cache.sharing');
        need('exec.mount.selector', mount.selector !== undefined && mount.selector !== '');
        break;
      case 'tmpfs':
        caps.add('exec.mount.tmpfs');
        need('exec.mount.tmpfs.size', mount.sizeBytes !== undefined && BigInt(mount.sizeBytes) > 0n);
        break;
    }
  }
  need('exec.mount.secret', (options.secrets ?? []).length > 0);
  need(
    'exec.secretenv',
    (options.secrets ?? []).some((s) => s.env !== undefined),
  );
  need('exec.mount.ssh', (options.ssh ?? []).length > 0);
  return caps;
}
