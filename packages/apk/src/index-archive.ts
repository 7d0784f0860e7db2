import { BuildError, buildError, hasErrors, type Diagnostic } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { gzipParallel } from './gzip-parallel.ts';
import { readGzipMembers } from './gzip-members.ts';
import type { SigningKey } from './keys.ts';
import { readTar } from './read-tar.ts';
import { formatIndex, parseIndex, type IndexRecord } from './repository-index.ts';
import { parseSignatureName, verifySignatures, type Keyring, type Signature } from './signature.ts';
import { signatureMember } from './signature-member.ts';
import { tarHeader } from './tar-header.ts';
import { writeTar } from './write-tar.ts';

/** Most that an index may unpack to. */
const maxIndexBytes = 300 * 1024 * 1024;

/** An `APKINDEX.tar.gz`, read. */
export interface RepositoryIndex {
  readonly records: readonly IndexRecord[];
  /** Text of `DESCRIPTION`; empty when there is none. */
  readonly description: string;
  readonly signatures: readonly Signature[];
  /** The key whose signature was found good; absent when no keyring was given. */
  readonly verifiedBy?: string;
  /** Warnings about single records. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface ReadIndexOptions {
  /** Names the index in errors: its path or URL. */
  readonly file: string;
  /** Demands a good signature by one of these keys. */
  readonly keyring?: Keyring;
}

/**
 * Reads a repository index, signed or not, and verifies its signature when a keyring is given.
 *
 * @throws {BuildError} INDEX_INVALID, SIGNATURE_MISSING, SIGNATURE_KEY_UNKNOWN, SIGNATURE_INVALID,
 * GZIP_INVALID, TAR_INVALID, TAR_TRUNCATED.
 */
export async function readIndex(bytes: Uint8Array, options: ReadIndexOptions): Promise<RepositoryIndex> {
  const { file } = options;
  const invalid = (why: string): Error => buildError(errors, 'INDEX_INVALID', { file, why });
  if (Buffer.from(bytes.subarray(0, 3)).toString('latin1') === 'ADB') {
    throw invalid('it is an index of apk version 3, and only version 2 is read');
  }
  const signatures: Signature[] = [];
  let text: string | undefined;
  let description = '';
  let signedFrom = 0;
  let total = 0;
  for await (const member of readGzipMembers([bytes], { file })) {
    const limited = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of member.content) {
        total += chunk.length;
        if (total > maxIndexBytes) throw invalid(`it unpacks to more than ${maxIndexBytes} bytes`);
        yield chunk;
      }
    };
    let signatureOnly = member.index === 0;
    for await (const entry of readTar(limited(), { archive: file })) {
      const content = await entry.bytes();
      if (entry.name.startsWith('.SIGN.')) {
        if (!signatureOnly) {
          throw invalid(
            'its signature lies among what it signs; it belongs into a member of its own in front',
          );
        }
        const known = parseSignatureName(entry.name);
        if (known !== undefined) signatures.push({ ...known, bytes: content });
        continue;
      }
      signatureOnly = false;
      if (entry.name === 'APKINDEX') text = Buffer.from(content).toString('utf8');
      else if (entry.name === 'DESCRIPTION') description = Buffer.from(content).toString('utf8');
      else throw invalid(`it contains the unexpected file ${entry.name}`);
    }
    if (signatureOnly) signedFrom = member.offset + (member.length() ?? 0);
  }
  if (text === undefined) throw invalid('it contains no APKINDEX');
  let verifiedBy: string | undefined;
  if (options.keyring !== undefined) {
    if (signatures.length > 0 && signedFrom === 0) {
      throw invalid('its signature lies among what it signs; it belongs into a member of its own in front');
    }
    verifiedBy = await verifySignatures(file, signatures, [bytes.subarray(signedFrom)], options.keyring);
  }
  const parsed = parseIndex(text, file);
  if (parsed.value === undefined || hasErrors(parsed.diagnostics)) {
    const [first] = parsed.diagnostics.filter((d) => d.severity === 'error');
    const why = first?.message ?? 'its text cannot be read';
    throw new BuildError(
      'INDEX_INVALID',
      errors.INDEX_INVALID.title,
      why,
      { file, why },
      { diagnostics: parsed.diagnostics },
    );
  }
  return {
    records: parsed.value,
    description,
    signatures,
    ...(verifiedBy === undefined ? {} : { verifiedBy }),
    diagnostics: parsed.diagnostics,
  };
}

export interface WriteIndexOptions {
  /** Text of `DESCRIPTION`. Default empty. */
  readonly description?: string;
  /** Signs the index; without a key it stays unsigned. */
  readonly key?: SigningKey;
}

/** Writes an `APKINDEX.tar.gz`: equal records, description and key give equal bytes. */
export async function writeIndex(
  records: Iterable<IndexRecord>,
  options: WriteIndexOptions = {},
): Promise<Uint8Array> {
  const files = [
    ['APKINDEX', Buffer.from(formatIndex(records))],
    ['DESCRIPTION', Buffer.from(options.description ?? '')],
  ] as const;
  const archive = writeTar(
    files.map(([name, content]) => ({ header: tarHeader({ name, size: content.length }), content })),
  );
  const index: Uint8Array[] = [];
  for await (const chunk of gzipParallel(archive)) index.push(chunk);
  const unsigned = Buffer.concat(index);
  if (options.key === undefined) return unsigned;
  return Buffer.concat([await signatureMember(options.key, unsigned, 0), unsigned]);
}

/**
 * Signs an index as it is: all of its bytes behind a signature member, which takes the place of an old one.
 *
 * @throws {BuildError} as {@link readIndex}.
 */
export async function signIndex(
  bytes: Uint8Array,
  key: SigningKey,
  options: Pick<ReadIndexOptions, 'file'>,
): Promise<Uint8Array> {
  await readIndex(bytes, options);
  let from = 0;
  for await (const member of readGzipMembers([bytes], options)) {
    let only = member.index === 0;
    for await (const entry of readTar(member.content, { archive: options.file })) {
      only &&= entry.name.startsWith('.SIGN.');
    }
    if (only) from = member.offset + (member.length() ?? 0);
    break;
  }
  const unsigned = bytes.subarray(from);
  return Buffer.concat([await signatureMember(key, unsigned, 0), unsigned]);
}
