import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  TAR_INVALID: { archive: string; offset: number; why: string };
  TAR_TRUNCATED: { archive: string; offset: number };
  TAR_SPARSE_UNSUPPORTED: { archive: string; name: string };
  GZIP_INVALID: { file: string; offset: number; why: string };
  APK_INVALID: { file: string; why: string };
  APK_V3_UNSUPPORTED: { file: string };
  APK_IDENTITY_MISMATCH: { file: string; expected: string; found: string };
  APK_DATA_MISMATCH: { file: string; expected: string; found: string };
  SIGNATURE_MISSING: { file: string };
  SIGNATURE_KEY_UNKNOWN: { file: string; signedBy: readonly string[]; known: readonly string[] };
  SIGNATURE_INVALID: { file: string; keys: readonly string[] };
  KEY_INVALID: { file: string; why: string };
  KEY_PASSPHRASE_MISSING: { file: string };
  KEY_PASSPHRASE_WRONG: { file: string };
  KEY_TOO_SHORT: { file: string; bits: number; minimum: number };
  INDEX_INVALID: { file: string; why: string };
  INDEX_LINE_INVALID: { file: string; line: number; text: string };
  INDEX_RECORD_NAMELESS: { file: string; line: number };
  INSTALLED_LINE_INVALID: { file: string; line: number; text: string };
}

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  TAR_INVALID: {
    title: 'Not a valid tar archive',
    message: ({ archive, offset, why }) =>
      `${archive} is not a valid tar archive: ${why} (at byte ${offset} of the unpacked archive).`,
  },
  TAR_TRUNCATED: {
    title: 'The tar archive is cut short',
    message: ({ archive, offset }) =>
      `${archive} ends in the middle of an entry, after ${offset} bytes of the unpacked archive. Get the file again.`,
  },
  TAR_SPARSE_UNSUPPORTED: {
    title: 'Sparse entries are not supported',
    message: ({ archive, name }) =>
      `${archive} stores ${name} as a sparse file, which no apk reader understands. Write the archive without --sparse.`,
  },
  GZIP_INVALID: {
    title: 'Not valid gzip data',
    message: ({ file, offset, why }) =>
      `${file} is not valid gzip data: ${why} (in the member that starts at byte ${offset}). Get the file again.`,
  },
  APK_INVALID: {
    title: 'Not a valid apk package',
    message: ({ file, why }) => `${file} is not a valid apk package: ${why}.`,
  },
  APK_V3_UNSUPPORTED: {
    title: 'Packages of apk version 3 are not supported',
    message: ({ file }) =>
      `${file} is a package in the format of apk version 3. melange2 reads version 2 packages, as Alpine and Wolfi publish them.`,
  },
  APK_IDENTITY_MISMATCH: {
    title: 'Not the package that the index describes',
    message: ({ file, expected, found }) =>
      `${file} is not the package that the index describes: expected identity ${expected}, found ${found}.`,
  },
  APK_DATA_MISMATCH: {
    title: 'The files of the package were changed',
    message: ({ file, expected, found }) =>
      `The data of ${file} are not those that the package was made with: expected SHA-256 ${expected}, found ${found}.`,
  },
  SIGNATURE_MISSING: {
    title: 'Not signed',
    message: ({ file }) => `${file} is not signed, and a signature is demanded.`,
  },
  SIGNATURE_KEY_UNKNOWN: {
    title: 'Signed with an unknown key',
    message: ({ file, signedBy, known }) =>
      `${file} is signed with ${list(signedBy)}, and the keyring holds ${list(known)}. Append the key with --keyring-append if you trust it.`,
  },
  SIGNATURE_INVALID: {
    title: 'The signature is wrong',
    message: ({ file, keys }) =>
      `The signature of ${file} does not fit its content: expected one by ${list(keys)}, found one that does not verify. The file was changed after it was signed, or the key of that name is another one.`,
  },
  KEY_INVALID: {
    title: 'Not a usable key',
    message: ({ file, why }) => `The key ${file} cannot be used: ${why}.`,
  },
  KEY_PASSPHRASE_MISSING: {
    title: 'The key is encrypted',
    message: ({ file }) => `The key ${file} is encrypted, and no passphrase was given.`,
  },
  KEY_PASSPHRASE_WRONG: {
    title: 'The passphrase is wrong',
    message: ({ file }) => `The key ${file} cannot be decrypted with the passphrase that was given.`,
  },
  KEY_TOO_SHORT: {
    title: 'The key is too short',
    message: ({ file, bits, minimum }) =>
      `The key ${file} has ${bits} bits, which is not safe; at least ${minimum} are needed.`,
  },
  INDEX_INVALID: {
    title: 'Not a valid repository index',
    message: ({ file, why }) => `${file} is not a valid repository index: ${why}.`,
  },
  INDEX_LINE_INVALID: {
    title: 'A line of the index cannot be read',
    message: ({ file, line, text }) =>
      `Line ${line} of the index ${file} is no "letter:value" or has no number where one belongs: ${JSON.stringify(text)}.`,
  },
  INDEX_RECORD_NAMELESS: {
    title: 'A record of the index has no name',
    message: ({ file, line }) =>
      `The record that ends at line ${line} of the index ${file} has no name and is left out.`,
  },
  INSTALLED_LINE_INVALID: {
    title: 'A line of the installed database cannot be read',
    message: ({ file, line, text }) =>
      `Line ${line} of the installed database ${file} cannot be read: ${JSON.stringify(text)}.`,
  },
};

function list(names: readonly string[]): string {
  return names.length === 0 ? 'no key' : names.join(', ');
}
