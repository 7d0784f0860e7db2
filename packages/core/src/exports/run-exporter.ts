import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import type { Exported, Exporter, ExportSource, ExportTarget } from '@melange2/exporters';
import type { ArchitectureBuild } from '../architecture-build.ts';
import { errors } from '../errors.ts';

/**
 * Finds the exporter of a target's kind.
 *
 * @throws {BuildError} EXPORT_KIND_UNKNOWN
 */
export function exporterOf({ kernel }: Pick<ArchitectureBuild, 'kernel'>, target: ExportTarget): Exporter {
  const exporter = kernel.hooks.resolveExporter.for(target.kind).call(target);
  if (exporter === undefined) throw buildError(errors, 'EXPORT_KIND_UNKNOWN', { kind: target.kind });
  return exporter;
}

/**
 * Has an exporter take files to a target, with its progress told.
 *
 * @throws {BuildError} EXPORT_…; the signal's reason when aborted
 */
export async function runExporter(
  { kernel, bus, record, signal }: ArchitectureBuild,
  exporter: Exporter,
  target: ExportTarget,
  source: ExportSource,
): Promise<Exported> {
  const temporaryDir = await mkdtemp(join(record.folder, 'export-'));
  const id = `export ${target.ref}`;
  let sent = 0;
  const progress = (finished: boolean): void =>
    bus.emit({ type: 'transfer', id, name: id, direction: 'down', currentBytes: sent, finished });
  try {
    const done = await exporter.export(source, {
      signal,
      temporaryDir,
      env: kernel.host.env,
      cwd: kernel.host.cwd,
      onProgress: (bytes) => {
        sent = bytes;
        progress(false);
      },
    });
    progress(true);
    return done;
  } finally {
    await rm(temporaryDir, { recursive: true, force: true });
  }
}
