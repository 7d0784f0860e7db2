import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  createKeyPair,
  openPackage,
  parseSigningKey,
  signIndex,
  type SigningKey,
  signPackage,
  readIndex,
} from '@melange2/apk';
import { buildError } from '@melange2/diagnostics';
import { errors } from '../errors.ts';
import { openFileSource, unreadable } from '../file-source.ts';
import { writeAside } from '../write-aside.ts';

/**
 * Reads the private key of a file; a passphrase comes from `MELANGE2_KEY_PASSPHRASE`.
 *
 * @throws {BuildError} FILE_UNREADABLE, and those of `parseSigningKey`
 */
export async function readSigningKey(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SigningKey> {
  const pem = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  const passphrase = env['MELANGE2_KEY_PASSPHRASE'];
  return parseSigningKey(pem, { file, ...(passphrase === undefined ? {} : { passphrase }) });
}

/**
 * Makes a key pair: the private key at `file`, readable for its owner only, the public one at `file.pub`.
 *
 * @throws {BuildError} KEY_EXISTS rather than overwrite one; KEY_TOO_SHORT
 */
export async function writeKeyPair(file: string, bits: number): Promise<void> {
  const publicFile = `${file}.pub`;
  for (const path of [file, publicFile]) {
    const there = await stat(path).then(
      () => true,
      () => false,
    );
    if (there) throw buildError(errors, 'KEY_EXISTS', { file: path });
  }
  const pair = await createKeyPair(bits);
  await writeAside(file, pair.privatePem, { mode: 0o600 });
  await writeAside(publicFile, pair.publicPem);
}

/** Signs packages in place; an older signature is replaced. `signed` is told of each. */
export async function signPackages(
  files: readonly string[],
  key: SigningKey,
  signed: (file: string) => void,
): Promise<void> {
  for (const file of files) {
    const source = await openFileSource(file);
    try {
      const pkg = await openPackage(source, { file });
      const { mode } = await stat(file);
      await writeAside(file, signPackage(pkg, key), { mode: mode & 0o777 });
    } finally {
      await source.close();
    }
    signed(file);
  }
}

/** Signs an index in place. One that has a signature already is left alone unless `force`; returns whether it was signed. */
export async function signIndexFile(file: string, key: SigningKey, force: boolean): Promise<boolean> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  const { signatures } = await readIndex(bytes, { file: basename(file) });
  if (signatures.length > 0 && !force) return false;
  await writeAside(file, await signIndex(bytes, key, { file: basename(file) }));
  return true;
}
