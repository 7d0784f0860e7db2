import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { spawn } from 'node:child_process';
import { buildError } from '@melange2/diagnostics';
import {
  countBytes,
  errors,
  type Exported,
  type ExportContext,
  type ExportSource,
  type ExportTarget,
  imageArchive,
  ociImage,
  writeChunks,
  writeLayer,
} from '@melange2/exporters';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

/**
 * Exports to a file or folder: `type=oci` (the default) is an image archive that docker, podman and skopeo read,
 * `type=tar` the plain files, `type=dir` a folder with them.
 */
export function exporterTarball(): Plugin {
  const name = '@melange2/exporter-tarball';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.resolveExporter.for('tarball').tap(name, (target) => ({
        export: (source, context) => exportTarball(target, source, context),
      }));
    },
  };
}

const writers: Readonly<
  Record<
    string,
    (
      source: ExportSource,
      aside: string,
      target: ExportTarget,
      context: ExportContext,
    ) => Promise<string | undefined>
  >
> = { oci: writeImage, tar: writePlain, dir: writeFolder };

async function exportTarball(
  target: ExportTarget,
  source: ExportSource,
  context: ExportContext,
): Promise<Exported> {
  const type = target.attributes['type'] ?? 'oci';
  const write = writers[type];
  const fail = (problem: string): never => {
    throw buildError(errors, 'EXPORT_TARGET_INVALID', { target: `tarball ${target.ref}`, problem });
  };
  if (target.ref === '') return fail('it names no file');
  if (write === undefined) return fail(`the type "${type}" is not one of ${Object.keys(writers).join(', ')}`);
  const path = resolve(context.cwd, target.ref);
  const aside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.new`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const digest = await write(source, aside, target, context);
    if (type === 'dir') await rm(path, { recursive: true, force: true });
    await rename(aside, path);
    const next =
      type === 'oci' ? `docker load -i ${path}` : type === 'tar' ? `tar -tvf ${path}` : `ls ${path}`;
    return { location: path, next, ...(digest === undefined ? {} : { digest }) };
  } catch (cause) {
    // What cannot be removed was not made, and the first failure is the one to tell.
    await rm(aside, { recursive: true, force: true }).catch(() => {});
    context.signal.throwIfAborted();
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw buildError(errors, 'EXPORT_FAILED', { target: path, problem }, { cause });
  }
}

async function writeImage(
  source: ExportSource,
  aside: string,
  { attributes }: ExportTarget,
  context: ExportContext,
): Promise<string> {
  const layer = await writeLayer(await source.openTar(context.signal), context.temporaryDir, context.signal);
  try {
    const image = ociImage(layer, source.config, source.platform);
    const archive = imageArchive(image, layer, attributes['name']);
    await writeChunks(aside, countBytes(archive, context), context.signal);
    return image.manifest.digest;
  } finally {
    await layer.remove();
  }
}

async function writePlain(
  source: ExportSource,
  aside: string,
  _target: ExportTarget,
  context: ExportContext,
): Promise<undefined> {
  const { signal } = context;
  await writeChunks(aside, countBytes(await source.openTar(signal), context), signal);
}

async function writeFolder(
  source: ExportSource,
  aside: string,
  _target: ExportTarget,
  context: ExportContext,
): Promise<undefined> {
  const { signal } = context;
  await mkdir(aside);
  // GNU tar and busybox keep links and modes, and refuse paths that lead out of the folder.
  const tar = spawn('tar', ['-x', '-f', '-', '-C', aside], { stdio: ['pipe', 'ignore', 'pipe'], signal });
  const said: Buffer[] = [];
  tar.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const ended = new Promise<number>((done, fail) =>
    tar.on('close', (code) => done(code ?? 1)).on('error', fail),
  );
  // Awaited below; when the stream fails before, its failure is the one that is told.
  ended.catch(() => {});
  await pipeline(countBytes(await source.openTar(signal), context), tar.stdin);
  const code = await ended;
  if (code !== 0)
    throw new Error(`tar ended with exit code ${code}: ${Buffer.concat(said).toString().trim()}`);
}
