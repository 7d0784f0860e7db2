import { gzipParallel } from './gzip-parallel.ts';
import type { SigningKey } from './keys.ts';
import { tarHeader } from './tar-header.ts';
import { writeTar } from './write-tar.ts';

/**
 * Makes the signature member that stands in front of what it signs: one `.SIGN.RSA256.` file, no end blocks.
 *
 * `mtime` is the time of the file in seconds: that of the package, 0 for an index.
 */
export async function signatureMember(
  key: SigningKey,
  signed: Uint8Array,
  mtime: number,
): Promise<Uint8Array> {
  const content = key.sign(signed);
  const header = tarHeader({
    name: `.SIGN.RSA256.${key.keyName}`,
    uname: 'root',
    gname: 'root',
    size: content.length,
    mtime,
  });
  const parts: Uint8Array[] = [];
  for await (const chunk of gzipParallel(writeTar([{ header, content }], { end: false }))) parts.push(chunk);
  return Buffer.concat(parts);
}
