import { encode, pb, sharedEncoder } from '@melange2/proto/llb';
import type { Definition } from './definition.ts';
import { digestOfBytes } from './digest.ts';
import type { ImportedLocation, MarshalContext, Node, OutputDigest } from './node.ts';
import { capsOf, mergeMetadata, type OpDefaults } from './op-options.ts';
import { parsePlatform, type Platform } from './platform.ts';
import type { SourceFile } from './source-file.ts';
import type { State } from './state.ts';

/** What is said of all ops that do not say otherwise. */
export interface MarshalOptions extends OpDefaults {
  /** Platform of images and steps that have none of their own. */
  readonly platform: Platform;
  /** Capabilities of the daemon, where they are known: an old one is given a PATH. */
  readonly caps?: Iterable<string>;
}

export interface MarshalInput extends Omit<MarshalOptions, 'platform'> {
  /** Platform of images and steps that have none of their own; text such as `linux/arm64` is normalised. */
  readonly platform: Platform | string;
}

/**
 * Makes the definition of a state: what a daemon is asked to build.
 *
 * Equal states give equal bytes, those that Go's `client/llb` gives; an op that occurs twice is written once. What
 * the state does not need is left out. The empty file system has an empty definition.
 *
 * @throws {BuildError} LLB_PLATFORM_INVALID
 */
export function marshal(state: State, input: MarshalInput): Definition {
  const { platform } = input;
  const options = { ...input, platform: typeof platform === 'string' ? parsePlatform(platform) : platform };
  return new Marshaller(options).marshal(state);
}

interface Location {
  readonly info: SourceFile | pb.SourceInfo;
  readonly ranges: readonly pb.Range[];
}

class Marshaller {
  readonly #options: MarshalOptions;
  readonly #context: MarshalContext;
  readonly #digests = new Map<Node, string>();
  readonly #caps = new Map<number, ReadonlyMap<string, boolean>>();
  readonly #def: Uint8Array[] = [];
  readonly #metadata = new Map<string, pb.OpMetadata>();
  /** Digests of `#def`, and where its ops come from. */
  readonly #ops: string[] = [];
  readonly #locations: (readonly Location[])[] = [];

  constructor(options: MarshalOptions) {
    this.#options = options;
    this.#context = {
      options,
      caps: options.caps === undefined ? undefined : new Set(options.caps),
      digestOf: ({ node, index }) => ({ digest: this.#digests.get(node)!, index }),
      encode: sharedEncoder(),
      capsOf: (bits, namesOf) => {
        const known = this.#caps.get(bits) ?? capsOf(namesOf(bits));
        this.#caps.set(bits, known);
        return known;
      },
    };
  }

  marshal({ output }: State): Definition {
    if (output === undefined) return { def: [], metadata: new Map(), Source: undefined, head: undefined };
    this.#addAll(output.node);
    const head = this.#context.digestOf(output);
    const Source = this.#source();
    this.#addTerminal(head);
    return { def: this.#def, metadata: this.#metadata, Source, head };
  }

  /** Adds a node after all that it needs. Without recursion: chains of steps can be long. */
  #addAll(last: Node): void {
    const path = [last];
    const wanted = [last.dependencies];
    const next = [0];
    for (let top = 0; top >= 0; top = path.length - 1) {
      const dependency = wanted[top]![next[top]!++];
      if (dependency === undefined) {
        this.#add(path.pop()!);
        wanted.pop();
        next.pop();
      } else if (!this.#digests.has(dependency)) {
        path.push(dependency);
        wanted.push(dependency.dependencies);
        next.push(0);
      }
    }
  }

  #add(node: Node): void {
    // Two paths may lead here.
    if (this.#digests.has(node)) return;
    const { bytes, metadata } = node.marshal(this.#context);
    const digest = digestOfBytes(bytes);
    this.#digests.set(node, digest);
    const found = locationsOf(node);
    const before = this.#metadata.get(digest);
    if (before === undefined) {
      this.#def.push(bytes);
      this.#ops.push(digest);
      this.#locations.push(found);
      this.#metadata.set(digest, metadata);
    } else {
      this.#metadata.set(digest, mergeMetadata(before, metadata));
      const known = this.#ops.indexOf(digest);
      this.#locations[known] = [...this.#locations[known]!, ...found];
    }
  }

  #addTerminal(head: OutputDigest): void {
    const caps = new Map([
      ['constraints', true],
      ['platform', true],
    ]);
    for (const metadata of this.#metadata.values()) {
      if (metadata.description.size > 0) caps.set('meta.description', true);
      if (metadata.export_cache !== undefined) caps.set('meta.exportcache', true);
      if (metadata.ignore_cache) caps.set('meta.ignorecache', true);
    }
    const bytes = encode(pb.Op, { inputs: [head] });
    this.#def.push(bytes);
    this.#metadata.set(digestOfBytes(bytes), {
      ignore_cache: false,
      description: new Map(),
      export_cache: undefined,
      caps,
      progress_group: undefined,
      linux_resources: undefined,
    });
  }

  #source(): pb.Source {
    const infos = new InfoList(this.#options);
    const locations = new Map<string, pb.Locations>();
    for (const [i, found] of this.#locations.entries()) {
      locations.set(
        this.#ops[i]!,
        found.length === 0
          ? noLocations
          : { locations: found.map(({ info, ranges }) => ({ sourceIndex: infos.add(info), ranges })) },
      );
    }
    return { locations, infos: infos.infos };
  }
}

const noLocations: pb.Locations = { locations: [] };
const nowhere: readonly ImportedLocation[] = [];

function locationsOf({ options, importedLocations = nowhere }: Node): readonly Location[] {
  if (options.locations === undefined) return importedLocations;
  return options.locations.map(({ file, ranges }) => ({ info: file, ranges }));
}

/** Collects files that ops come from; equal ones are one. */
class InfoList {
  readonly infos: pb.SourceInfo[] = [];
  readonly #options: MarshalOptions;
  readonly #known = new Map<SourceFile | pb.SourceInfo, number>();
  readonly #byContent = new Map<string, number>();

  constructor(options: MarshalOptions) {
    this.#options = options;
  }

  add(file: SourceFile | pb.SourceInfo): number {
    const known = this.#known.get(file);
    if (known !== undefined) return known;
    const info = 'definition' in file ? file : this.#info(file);
    const content = digestOfBytes(encode(pb.SourceInfo, info));
    const index = this.#byContent.get(content) ?? this.infos.push(info) - 1;
    this.#byContent.set(content, index);
    this.#known.set(file, index);
    return index;
  }

  #info({ filename, data, language = '', state }: SourceFile): pb.SourceInfo {
    return {
      filename,
      data: typeof data === 'string' ? new TextEncoder().encode(data) : data,
      definition: state === undefined ? undefined : this.#definition(state),
      language,
    };
  }

  #definition(state: State): pb.Definition {
    const { head: _, ...message } = marshal(state, this.#options);
    return message;
  }
}
