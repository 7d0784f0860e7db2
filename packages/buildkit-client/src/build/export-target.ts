import type { Readable } from 'node:stream';
import type { ExportReceiver } from '../session-contract.ts';

type Attrs = Readonly<Record<string, string>>;

/** Where the bytes of an archive go: a function that reads them, or a file that appears whole or not at all. */
export type ArchiveOutput =
  | {
      /** Has to read the stream to its end; the daemon is told of success when it resolves. */
      readonly output: (stream: Readable, metadata: Readonly<Record<string, string>>) => Promise<void>;
    }
  | { readonly file: string };

/** What is to be done with the result of a build. `attrs` are the exporter's own options. */
export type ExportTarget =
  /** The files as a tar stream: owners, modes, links, devices and extended attributes are in it. */
  | ({ readonly kind: 'tar'; readonly attrs?: Attrs } & ArchiveOutput)
  /** The files into a folder of the client. */
  | { readonly kind: 'local'; readonly dir: string; readonly attrs?: Attrs }
  /** An image as an archive, in OCI's layout or as `docker load` takes it. */
  | ({ readonly kind: 'oci' | 'docker'; readonly attrs?: Attrs } & ArchiveOutput)
  /** An image as an OCI layout in a folder of the client; only blobs that are missing there are sent. */
  | { readonly kind: 'oci'; readonly layoutDir: string; readonly attrs?: Attrs }
  /** An image in the daemon's own store, or pushed to a registry by it: `name`, `push`, … in `attrs`. */
  | { readonly kind: 'image' | 'moby'; readonly attrs: Attrs };

/** One exporter of a solve, and what the session has to take for it. */
export interface PlannedExport {
  readonly type: string;
  readonly attrs: Attrs;
  readonly receiver: ExportReceiver | undefined;
  /** The folder of the client that takes the blobs of an image. */
  readonly layoutDir: string | undefined;
}

/** Returns what a target asks of the daemon and of the session. */
export function planExport(target: ExportTarget): PlannedExport {
  const { attrs = {} } = target;
  switch (target.kind) {
    case 'local':
      return { type: 'local', attrs, receiver: { kind: 'dir', path: target.dir }, layoutDir: undefined };
    case 'image':
    case 'moby':
      return { type: target.kind, attrs, receiver: undefined, layoutDir: undefined };
    case 'tar':
    case 'oci':
    case 'docker':
      if ('layoutDir' in target)
        return {
          type: target.kind,
          attrs: { ...attrs, tar: 'false' },
          receiver: undefined,
          layoutDir: target.layoutDir,
        };
      return { type: target.kind, attrs, receiver: archiveReceiver(target), layoutDir: undefined };
  }
}

function archiveReceiver(output: ArchiveOutput): ExportReceiver {
  return 'file' in output ? { kind: 'file', path: output.file } : { kind: 'stream', output: output.output };
}
