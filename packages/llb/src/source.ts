import { pb } from '@melange2/proto/llb';
import type { MarshalContext, Node } from './node.ts';
import { capsOf, opMetadata, workerConstraints, type OpOptions } from './op-options.ts';
import { platformMessage } from './platform.ts';

/** What all kinds of sources have in common. */
export interface SourceContent {
  readonly identifier: string;
  readonly source: SourceAttributes;
  /** Whether the op carries a platform: only images and OCI layouts do. */
  readonly hasPlatform?: boolean;
  /** Whether the client's identity is part of the op. */
  readonly isUnique?: boolean;
}

/** Makes the node of a source. */
export function sourceNode(content: SourceContent, options: OpOptions): Node {
  const { source } = content;
  return {
    options,
    dependencies: [],
    marshal: ({ options: base, encode }: MarshalContext) => {
      const platform = options.platform ?? base.platform;
      const unique = content.isUnique ? (options.localUniqueId ?? base.localUniqueId) : undefined;
      return {
        bytes: encode(pb.Op, {
          op: {
            kind: 'source',
            value: {
              identifier: content.identifier,
              attrs:
                unique === undefined ? source.attributes : { ...source.attributes, 'local.unique': unique },
            },
          },
          platform: content.hasPlatform ? platformMessage(platform) : undefined,
          constraints: workerConstraints(base, options),
        }),
        metadata: opMetadata(
          base,
          options,
          capsOf(unique === undefined ? source.caps : [...source.caps, 'source.local.unique']),
        ),
      };
    },
  };
}

/** Collects attributes and capabilities of a source. */
export class SourceAttributes {
  readonly attributes: Record<string, string> = {};
  readonly caps: string[];

  constructor(cap: string) {
    this.caps = [cap];
  }

  /** Sets an attribute when there is a value, and asks for what the daemon has to know then. */
  set(name: string, value: string | number | undefined, cap?: string): this {
    if (value === undefined) return this;
    this.attributes[name] = String(value);
    return this.need(cap);
  }

  /** Sets `true` when asked to. */
  flag(name: string, on: boolean | undefined, cap?: string): this {
    return this.set(name, on ? 'true' : undefined, cap);
  }

  /** Sets a list in the form that Go's JSON encoder gives it; nothing when it is empty. */
  list(name: string, values: readonly string[] | undefined, cap?: string): this {
    return this.set(name, values === undefined || values.length === 0 ? undefined : goJson(values), cap);
  }

  need(cap: string | undefined): this {
    if (cap !== undefined && !this.caps.includes(cap)) this.caps.push(cap);
    return this;
  }
}

/** As Go's `json.Marshal`: it escapes what HTML and JavaScript could trip on. */
function goJson(values: readonly string[]): string {
  return JSON.stringify(values).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A file made of a download or blob: its name, mode and owner. */
export interface DownloadedFile {
  /** Name of the file in the result. */
  readonly filename?: string;
  /** Permission bits; 0 is the daemon's default. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Sets the attributes of a downloaded file; zero means absent. */
export function setDownloadedFile(
  attributes: SourceAttributes,
  { filename, mode = 0, uid = 0, gid = 0 }: DownloadedFile,
  caps: { readonly mode?: string; readonly owner?: string } = {},
): void {
  const permissions = mode & 0o777;
  attributes
    .set('http.filename', filename === '' ? undefined : filename)
    .set('http.perm', permissions === 0 ? undefined : `0${permissions.toString(8)}`, caps.mode)
    .set('http.uid', uid === 0 ? undefined : uid, caps.owner)
    .set('http.gid', gid === 0 ? undefined : gid, caps.owner);
}
