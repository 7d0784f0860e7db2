import { buildError } from '@melange2/diagnostics';
import { readRange } from './byte-source.ts';
import { errors } from './errors.ts';
import type { SigningKey } from './keys.ts';
import type { ApkPackage } from './open-package.ts';
import { signatureMember } from './signature-member.ts';

/**
 * Writes a package with a new signature in the place of any old one; control and data stay as they are.
 *
 * The time of the signature is that of `.PKGINFO`, so signing again with the same key gives the same bytes.
 *
 * @throws {BuildError} APK_INVALID when `.PKGINFO` is not the first control file, or has no data hash: then
 * the signature would protect nothing but the description.
 */
export async function* signPackage(
  pkg: ApkPackage,
  key: SigningKey,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { file, source, control } = pkg;
  const [first] = pkg.controlFiles;
  if (first === undefined || first.name !== '.PKGINFO') {
    const why = `its control member begins with ${first?.name ?? 'nothing'}, not with .PKGINFO`;
    throw buildError(errors, 'APK_INVALID', { file, why });
  }
  if (pkg.info.dataHash === undefined) {
    const why = 'its .PKGINFO has no datahash, so a signature would not protect its files';
    throw buildError(errors, 'APK_INVALID', { file, why });
  }
  const signed = await source.read(control.offset, control.length);
  yield await signatureMember(key, signed, first.mtime);
  yield* readRange(source, control.offset, source.size - control.offset);
}
