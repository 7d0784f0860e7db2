import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  EXPORT_TARGET_INVALID: { target: string; problem: string };
  EXPORT_FAILED: { target: string; problem: string };
}

export const errors: ErrorCatalogue<Details> = {
  EXPORT_TARGET_INVALID: {
    title: 'An export target is not understood',
    message: ({ target, problem }) => `The export target ${target} is not understood: ${problem}.`,
    hint: () =>
      'Write it as KIND with --export-ref: docker (an image name), tarball (a path) or registry (an image name).',
  },
  EXPORT_FAILED: {
    title: 'An export failed',
    message: ({ target, problem }) => `The export to ${target} failed: ${problem}`,
  },
};
