import { imageBlob, ociLayoutBlob } from '../blob.ts';
import { decodeDefinition, fromDefinition, type Definition } from '../definition.ts';
import { diff } from '../diff.ts';
import type { Mount, Secret, SshSocket } from '../exec.ts';
import { copy, mkdir, mkfile, rm, symlink, type FileAction, type Owner } from '../file.ts';
import { git } from '../git.ts';
import { http } from '../http.ts';
import { image } from '../image.ts';
import { local } from '../local.ts';
import { marshal } from '../marshal.ts';
import { merge } from '../merge.ts';
import { ociLayout } from '../oci-layout.ts';
import type { OpOptions } from '../op-options.ts';
import { passthrough } from '../passthrough.ts';
import type { Platform } from '../platform.ts';
import type { ImageConfig, StateSettings } from '../settings.ts';
import type { SourceFile, SourceRange } from '../source-file.ts';
import { scratch, type Exec, type State } from '../state.ts';

/** A value of the description language of the vectors (README.md beside them). */
type Value = Readonly<Record<string, unknown>>;

/** One recorded graph. */
export interface VectorGraph {
  readonly name: string;
  readonly platform: Platform;
  readonly constraints: Value;
  readonly graph: {
    readonly sources?: readonly Value[];
    readonly nodes: readonly Value[];
    readonly output: Reference;
  };
  /** The encoded definition in base64. */
  readonly definition?: string;
}

type Reference = string | { readonly node: string; readonly mount?: string; readonly output?: number };

/** What the recorded graphs share. */
export interface VectorSet {
  readonly capSets: Readonly<Record<string, readonly string[]>>;
  readonly graphs: readonly VectorGraph[];
}

/** Makes a recorded graph by calls of the public builder. */
export function marshalVector(vector: VectorGraph, set: VectorSet): Definition {
  const { caps, ...constraints } = vector.constraints;
  const known = typeof caps === 'string' ? set.capSets[caps]! : (caps as readonly string[] | undefined);
  const state = new Interpreter(vector, set).build();
  return marshal(state, {
    ...(constraints as Omit<OpOptions, 'platform'>),
    platform: vector.platform,
    ...(known === undefined ? {} : { caps: known }),
  });
}

interface Built {
  readonly state: State;
  readonly exec?: Exec;
  readonly outputs?: readonly State[];
}

const octal = (text: unknown): number => Number.parseInt(text as string, 8);
const bytesOf = (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const wide = (value: unknown): bigint => BigInt(value as string | number);

/** Returns `{}` or the one property, since `undefined` is not the same as absent. */
function given<K extends string, T>(
  key: K,
  value: unknown,
  map: (value: unknown) => T,
): { readonly [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: map(value) } as { readonly [P in K]?: T });
}

class Interpreter {
  readonly #vector: VectorGraph;
  readonly #set: VectorSet;
  readonly #built = new Map<string, Built>();
  readonly #sources = new Map<string, SourceFile>();

  constructor(vector: VectorGraph, set: VectorSet) {
    this.#vector = vector;
    this.#set = set;
  }

  build(): State {
    const { nodes, output } = this.#vector.graph;
    for (const node of nodes) {
      const built = this.#node(node);
      this.#built.set(
        node['id'] as string,
        'exec' in built || 'outputs' in built ? built : { state: built as State },
      );
    }
    return this.#state(output);
  }

  #state(reference: unknown): State {
    if (typeof reference === 'string') return this.#built.get(reference)!.state;
    const { node, mount, output } = reference as Exclude<Reference, string>;
    const built = this.#built.get(node)!;
    if (mount !== undefined) return built.exec!.mount(mount);
    return built.outputs![output!]!;
  }

  #node({ kind, id: _id, constraints, mode, resolved, ...rest }: Value): State | Built {
    const options: OpOptions = this.#options(constraints as Value | undefined);
    const all = { ...rest, ...options, ...given('mode', mode, octal) } as Record<string, unknown>;
    switch (kind) {
      case 'scratch':
        return scratch();
      case 'image': {
        const { digest, config, resolveDigest } = (resolved ?? {}) as Value;
        const answer = {
          ...(resolveDigest ? { digest: digest as string } : {}),
          ...given('config', config, (v) => v as ImageConfig),
        };
        return image(rest['ref'] as string, {
          ...all,
          ...(resolved === undefined ? {} : { resolved: answer }),
        });
      }
      case 'image-blob':
        return imageBlob(rest['ref'] as string, all);
      case 'oci-layout-blob':
        return ociLayoutBlob(rest['ref'] as string, all);
      case 'oci-layout':
        return ociLayout(rest['ref'] as string, all);
      case 'local':
        return local(rest['name'] as string, all);
      case 'http':
        return http(rest['url'] as string, all);
      case 'git':
        return this.#git(rest, all);
      case 'exec':
        return this.#exec(rest, options);
      case 'file':
        return this.#state(rest['base']).file(this.#actions(rest['actions'] as Value[]), options);
      case 'merge':
        return merge(
          (rest['inputs'] as unknown[]).map((r) => this.#state(r)),
          options,
        );
      case 'diff':
        return diff(this.#state(rest['lower']), this.#state(rest['upper']), options);
      case 'passthrough': {
        const inputs = (rest['inputs'] as Value[]).map(({ from, output }) => ({
          state: this.#state(from),
          output: output === true,
        }));
        const outputs = passthrough(rest['name'] as string, inputs, options);
        return { state: outputs[0]!, outputs };
      }
      case 'requires':
        return this.#state(rest['base']).requires(
          rest['name'] as string,
          (rest['deps'] as unknown[]).map((r) => this.#state(r)),
          options,
        );
      case 'state': {
        const { base, imageConfig, ...settings } = rest;
        const state = this.#state(base).with(this.#settings(settings));
        return imageConfig === undefined ? state : state.withImageConfig(imageConfig as ImageConfig);
      }
      case 'definition': {
        const other = this.#set.graphs.find((g) => g.name === rest['graph'])!;
        return fromDefinition(decodeDefinition(bytesOf(other.definition!)));
      }
      default:
        throw new Error(`The description has an unknown kind ${String(kind)}.`);
    }
  }

  #options({ locations, ...rest }: Value = {}): OpOptions {
    return {
      ...(rest as OpOptions),
      ...given('resources', rest['resources'], (r) =>
        Object.fromEntries(
          Object.entries(r as Value).map(([k, v]) => [k, k.startsWith('cpuset') ? v : wide(v)]),
        ),
      ),
      ...given('locations', locations, (list) =>
        (list as Value[]).map(({ source, ranges }) => ({
          file: this.#source(source as string),
          ranges: ranges as SourceRange[],
        })),
      ),
    };
  }

  #source(id: string): SourceFile {
    const known = this.#sources.get(id);
    if (known !== undefined) return known;
    const { filename, language, text, base64, state } = this.#vector.graph.sources!.find(
      (s) => s['id'] === id,
    )!;
    const file: SourceFile = {
      filename: filename as string,
      language: language as string,
      data: text === undefined ? bytesOf(base64 as string) : (text as string),
      ...given('state', state, (r) => this.#state(r)),
    };
    this.#sources.set(id, file);
    return file;
  }

  #git({ url, gitRef, fragment, knownSSHHosts, mountSSHSock }: Value, all: object): State {
    const [ref = '', ...subdir] = ((fragment ?? '') as string).split(':');
    const name = (gitRef ?? ref) as string;
    return git(url as string, subdir.length === 0 ? name : `${name}:${subdir.join(':')}`, {
      ...all,
      ...given('knownSshHosts', knownSSHHosts, (v) => v as string[]),
      ...given('mountSshSock', mountSSHSock, (v) => v as string),
    });
  }

  #settings({ env, extraHosts, ulimits, ...rest }: Value): StateSettings {
    return {
      ...(rest as StateSettings),
      ...given('env', env, (v) => v as [string, string][]),
      ...given('extraHosts', extraHosts, (v) =>
        (v as [string, string][]).map(([host, address]) => ({ host, address })),
      ),
      ...given('ulimits', ulimits, (v) =>
        (v as Value[]).map(({ name, soft, hard }) => ({
          name: name as string,
          soft: wide(soft),
          hard: wide(hard),
        })),
      ),
    };
  }

  #exec({ base, args, mounts, secrets, ssh, ...rest }: Value, options: OpOptions): Built {
    const withMode = ({ mode, ...entry }: Value): Value => ({ ...entry, ...given('mode', mode, octal) });
    const exec = this.#state(base).run({
      ...this.#settings(rest),
      ...options,
      args: args as string[],
      ...given('mounts', mounts, (v) => (v as Value[]).map((m) => this.#mount(m))),
      ...given('secrets', secrets, (v) => (v as Value[]).map((e) => withMode(e) as unknown as Secret)),
      ...given('ssh', ssh, (v) => (v as Value[]).map((e) => withMode(e) as unknown as SshSocket)),
    });
    return { state: exec.root, exec };
  }

  #mount({ type, source, cacheId, size, ...rest }: Value): Mount {
    return {
      kind: type,
      ...rest,
      ...given('id', cacheId, (v) => v),
      ...given('sizeBytes', size, wide),
      ...given('source', source, (r) => this.#state(r)),
    } as Mount;
  }

  #actions(actions: readonly Value[]): FileAction[] {
    return actions.map(({ action, owner, chown, createdNs, mode, modeStr, ...rest }) => {
      const options = {
        ...given('owner', owner ?? chown, (v) => v as Owner),
        ...given('createdNs', createdNs, wide),
        ...given('mode', mode, octal),
      };
      switch (action) {
        case 'mkdir':
          return mkdir(rest['path'] as string, { ...rest, ...options });
        case 'mkfile': {
          const data =
            rest['base64'] === undefined ? (rest['text'] as string) : bytesOf(rest['base64'] as string);
          return mkfile(rest['path'] as string, data, options);
        }
        case 'rm': {
          const { path, ...flags } = rest;
          return rm(path as string, flags);
        }
        case 'symlink':
          return symlink(rest['oldPath'] as string, rest['newPath'] as string, options);
        case 'copy': {
          const { from, src, dest, ...flags } = rest;
          const chain = from as Value;
          const source =
            typeof from === 'object' && from !== null && 'actions' in from
              ? { base: this.#state(chain['base']), actions: this.#actions(chain['actions'] as Value[]) }
              : this.#state(from);
          return copy(source, src as string, dest as string, {
            ...flags,
            ...options,
            ...given('mode', modeStr ?? options.mode, (v) => v as string | number),
          });
        }
        default:
          throw new Error(`The description has an unknown action ${String(action)}.`);
      }
    });
  }
}
