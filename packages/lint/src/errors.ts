import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  LINT_FINDING: { linter: string; message: string; explain: string; places: readonly string[] };
  LINT_DUPLICATE: { name: string };
  LINT_UNKNOWN: { name: string; near: string | undefined };
}

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  LINT_FINDING: {
    title: 'Something that should not be in a package',
    message: ({ linter, message, places }) => `[${linter}] ${message}${shown(places)}.`,
    hint: ({ explain }) => explain,
  },
  LINT_DUPLICATE: {
    title: 'Two linters of one name',
    message: ({ name }) => `There are two linters called ${JSON.stringify(name)}.`,
    hint: () => 'One of them comes from a plugin: build without it, or ask its authors to name it otherwise.',
  },
  LINT_UNKNOWN: {
    title: 'No linter of that name',
    message: ({ name, near }) =>
      `There is no linter called ${JSON.stringify(name)}.${near === undefined ? '' : ` Was ${near} meant?`}`,
  },
};

const mostPlaces = 5;

function shown(places: readonly string[]): string {
  if (places.length === 0) return '';
  const more = places.length - mostPlaces;
  return `: ${places.slice(0, mostPlaces).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
