import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  LICENSE_NOT_DECLARED: { path: string; found: string; restrictive: boolean };
  LICENSE_DIFFERS: { path: string; declared: string; found: string };
  LICENSE_OVERRIDE_STALE: { path: string; override: string; declared: string; found: string };
  LICENSE_UNCLEAR: { path: string };
}

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  LICENSE_NOT_DECLARED: {
    title: 'A licence was found that is not declared',
    message: ({ path, found, restrictive }) =>
      `${path} holds ${found}, which the build file does not declare.${restrictive ? ' That licence asks something of those who pass the software on.' : ''}`,
  },
  LICENSE_DIFFERS: {
    title: 'A file holds another licence than declared',
    message: ({ path, declared, found }) => `${path} is declared to hold ${declared}, and holds ${found}.`,
  },
  LICENSE_OVERRIDE_STALE: {
    title: 'A correction that corrects nothing any more',
    message: ({ path, override, declared, found }) =>
      `The build file says that ${path} is ${declared} where ${override} is detected, but now ${found} is detected.`,
  },
  LICENSE_UNCLEAR: {
    title: 'It is unclear which licence a file holds',
    message: ({ path }) => `${path} is called like a licence, and its text is none that is known.`,
  },
};
