import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  CACHE_SPEC_INVALID: { spec: string; problem: string };
}

export const errors: ErrorCatalogue<Details> = {
  CACHE_SPEC_INVALID: {
    title: 'A remote cache is not described rightly',
    message: ({ spec, problem }) => `The cache "${spec}" is not understood: ${problem}.`,
    hint: () =>
      'Write it as type=TYPE,KEY=VALUE,…, for instance type=registry,ref=localhost:5000/cache,mode=max.',
  },
};
