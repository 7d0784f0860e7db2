import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type ApkPackage, openPackage, type PackageTree } from '@melange2/apk';
import { openTransport } from '@melange2/environment';
import { openTree } from '@melange2/packager';
import type { Host } from '../build-request.ts';
import { openFileSource, unreadable } from '../file-source.ts';
import { httpCredentials } from '../http-credentials.ts';
import { writeAside } from '../write-aside.ts';

/** A written package while it is open. */
export interface OpenedPackage {
  readonly pkg: ApkPackage;
  readonly tree: PackageTree;
}

/**
 * Opens a written package, from a file or an `http` or `https` URL, and hands it out while it is open.
 *
 * @throws {BuildError} FILE_UNREADABLE, ENVIRONMENT_DOWNLOAD_FAILED, those of reading packages; what `use` throws
 */
export async function withWritten<T>(
  place: string,
  host: Pick<Host, 'env'>,
  signal: AbortSignal,
  use: (opened: OpenedPackage) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'melange2-package-'));
  try {
    const file = /^https?:\/\//.test(place) ? await download(place, folder, host, signal) : place;
    const source = await openFileSource(file);
    try {
      const pkg = await openPackage(source, { file: place });
      const { tree, close } = await openTree(pkg, { spoolDir: folder, signal });
      try {
        return await use({ pkg, tree });
      } finally {
        await close();
      }
    } finally {
      await source.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function download(
  url: string,
  folder: string,
  { env }: Pick<Host, 'env'>,
  signal: AbortSignal,
): Promise<string> {
  const transport = openTransport({ credentials: httpCredentials(env) });
  try {
    const answer = await transport.get(url, { signal });
    if (answer.status !== 'ok') throw unreadable(url, new Error('the server does not have it'));
    const file = join(folder, basename(new URL(url).pathname) || 'package.apk');
    await writeAside(file, answer.body);
    return file;
  } finally {
    await transport.close();
  }
}
