import type { SendCounts } from './fsutil/send-tree.ts';
import type { SessionHost } from './session-host.ts';

/** Tells the host how far a transfer is. */
export interface TransferReports {
  readonly progress: (counts: SendCounts) => void;
  readonly done: (counts: SendCounts) => void;
}

/** Makes the reports of one transfer. */
export function transferReports(kind: 'send' | 'receive', name: string, host: SessionHost): TransferReports {
  const report = (counts: SendCounts, done: boolean): void =>
    host.transferred({
      kind,
      name,
      entries: counts.entries,
      files: counts.files,
      sizeBytes: counts.bytes,
      done,
    });
  return { progress: (counts) => report(counts, false), done: (counts) => report(counts, true) };
}
