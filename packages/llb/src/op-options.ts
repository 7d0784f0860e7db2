import type { pb } from '@melange2/proto/llb';
import type { Platform } from './platform.ts';
import type { SourceLocation } from './source-file.ts';

/** Ops that share an id are shown as one line of progress. */
export interface ProgressGroup {
  readonly id: string;
  readonly name: string;
  /** A weak group gives way to another one that the same op is a member of. */
  readonly weak?: boolean;
}

/** Limits of a step. They are metadata: changing them keeps the cache. */
export interface LinuxResources {
  readonly memory?: bigint | number;
  readonly memorySwap?: bigint | number;
  readonly cpuShares?: bigint | number;
  readonly cpuPeriod?: bigint | number;
  readonly cpuQuota?: bigint | number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
}

/** What can be said of every op. Only `platform` and `workerFilter` are part of its digest. */
export interface OpOptions {
  /** Platform the op runs on, as given. */
  readonly platform?: Platform;
  /** Name to show. Without one the daemon makes one of the whole command. */
  readonly customName?: string;
  readonly description?: Readonly<Record<string, string>>;
  readonly ignoreCache?: boolean;
  /** Whether remote caches get the result; absent: as the exporter decides. */
  readonly exportCache?: boolean;
  readonly progressGroup?: ProgressGroup;
  readonly workerFilter?: readonly string[];
  /** Identity of the client that `local` sources come from; overrides that of marshalling. */
  readonly localUniqueId?: string;
  readonly locations?: readonly SourceLocation[];
  readonly resources?: LinuxResources;
}

/** What can be said of all ops at once. A description cannot: it names one op. */
export type OpDefaults = Pick<
  OpOptions,
  'ignoreCache' | 'exportCache' | 'progressGroup' | 'workerFilter' | 'localUniqueId'
>;

const none: ReadonlyMap<string, string> = new Map();

/** Returns the filters of an op: those of marshalling come first. */
export function workerConstraints(base: OpDefaults, own: OpOptions): { readonly filter: readonly string[] } {
  if (base.workerFilter === undefined && own.workerFilter === undefined) return noFilter;
  return { filter: [...(base.workerFilter ?? []), ...(own.workerFilter ?? [])] };
}

const noFilter = { filter: [] };

/** Returns the metadata of an op: what marshalling says of all ops, overridden by what was said of this one. */
export function opMetadata(
  base: OpDefaults,
  own: OpOptions,
  caps: ReadonlyMap<string, boolean>,
): pb.OpMetadata {
  const exportCache = own.exportCache ?? base.exportCache;
  const group = own.progressGroup ?? base.progressGroup;
  const { resources } = own;
  return {
    ignore_cache: (base.ignoreCache ?? false) || (own.ignoreCache ?? false),
    description: descriptionOf(own),
    export_cache: exportCache === undefined ? undefined : { Value: exportCache },
    caps,
    progress_group:
      group === undefined ? undefined : { id: group.id, name: group.name, weak: group.weak ?? false },
    linux_resources:
      resources === undefined
        ? undefined
        : {
            memory: BigInt(resources.memory ?? 0),
            memorySwap: BigInt(resources.memorySwap ?? 0),
            cpuShares: BigInt(resources.cpuShares ?? 0),
            cpuPeriod: BigInt(resources.cpuPeriod ?? 0),
            cpuQuota: BigInt(resources.cpuQuota ?? 0),
            cpusetCpus: resources.cpusetCpus ?? '',
            cpusetMems: resources.cpusetMems ?? '',
          },
  };
}

function descriptionOf({ description, customName }: OpOptions): ReadonlyMap<string, string> {
  if (description === undefined && customName === undefined) return none;
  const texts = new Map<string, string>();
  if (description !== undefined) {
    for (const [key, value] of Object.entries(description)) texts.set(key, value);
  }
  if (customName !== undefined) texts.set('llb.customname', customName);
  return texts;
}

/** Returns capabilities in the form of metadata. */
export function capsOf(names: Iterable<string>): ReadonlyMap<string, boolean> {
  return new Map(Array.from(names, (name) => [name, true]));
}

/** Merges the metadata of two equal ops: what the later one says wins. */
export function mergeMetadata(before: pb.OpMetadata, after: pb.OpMetadata): pb.OpMetadata {
  return {
    ignore_cache: before.ignore_cache || after.ignore_cache,
    description: new Map([...before.description, ...after.description]),
    export_cache: after.export_cache ?? before.export_cache,
    caps: new Map([...before.caps, ...after.caps]),
    progress_group: after.progress_group ?? before.progress_group,
    linux_resources: after.linux_resources ?? before.linux_resources,
  };
}
