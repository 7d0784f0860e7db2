import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  TAR_INVALID: { archive: string; offset: number; why: string };
  TAR_TRUNCATED: { archive: string; offset: number };
  TAR_SPARSE_UNSUPPORTED: { archive: string; name: string };
  GZIP_INVALID: { file: string; offset: number; why: string };
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
};
