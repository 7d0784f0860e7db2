import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  LINT_FINDING: { linter: string; message: string; explain: string };
  LINT_UNKNOWN: { name: string; near: string | undefined };
}

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  LINT_FINDING: {
    title: 'Something that should not be in a package',
    message: ({ linter, message }) => `[${linter}] ${message}.`,
    hint: ({ explain }) => explain,
  },
  LINT_UNKNOWN: {
    title: 'No linter of that name',
    message: ({ name, near }) =>
      `There is no linter called ${JSON.stringify(name)}.${near === undefined ? '' : ` Was ${near} meant?`}`,
  },
};
