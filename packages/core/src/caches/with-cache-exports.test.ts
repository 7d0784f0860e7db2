import { BuildError } from '@melange2/diagnostics';
import { expect, test } from 'vitest';
import { withCacheExports } from './with-cache-exports.ts';

const solveError = (message: string): BuildError =>
  new BuildError('BUILDKIT_SOLVE_FAILED', 'x', message, { text: message });
const s3 = { type: 's3', attributes: {} };
const local = { type: 'local', attributes: { dest: '/c' } };

/** Runs with a daemon that answers with these, one for each time it is asked; `undefined` is success. */
async function run(
  answers: readonly (string | undefined)[],
  state: { received?: boolean; started?: boolean } = {},
): Promise<{ asked: string[]; warnings: string[]; failure: string | undefined }> {
  const asked: string[] = [];
  const warnings: string[] = [];
  let failure: string | undefined;
  await withCacheExports([s3, local], {
    ask: (exports) => {
      asked.push(exports.map(({ type }) => type).join());
      const answer = answers[asked.length - 1];
      return answer === undefined ? Promise.resolve() : Promise.reject(solveError(answer));
    },
    isReceived: () => state.received ?? false,
    isStarted: () => state.started ?? false,
    onNotWritten: (why, type) => void warnings.push(`${type ?? 'all'}: ${why}`),
  }).catch((error: unknown) => (failure = String(error)));
  return { asked, warnings, failure };
}

test.each(['unknown cache exporter: "s3"', 'failed to configure s3 cache exporter: no region'])(
  'a kind of cache that the daemon refuses at once is left out: %s',
  async (why) => {
    const { asked, warnings, failure } = await run([why, undefined]);
    expect({ asked, warnings, failure }).toEqual({
      asked: ['s3,local', 'local'],
      warnings: [`s3: ${why}`],
      failure: undefined,
    });
  },
);

test('a daemon that takes one cache at a time is given the first', async () => {
  const why = 'specifying multiple cache exports is not supported currently';
  const { asked, warnings } = await run([why, undefined]);
  expect({ asked, warnings }).toEqual({ asked: ['s3,local', 's3'], warnings: [`local: ${why}`] });
});

test('what fails after the result came is a warning, and nothing is asked again', async () => {
  const { asked, warnings, failure } = await run(['401 Unauthorized'], { received: true, started: true });
  expect({ asked, warnings, failure }).toEqual({
    asked: ['s3,local'],
    warnings: ['all: 401 Unauthorized'],
    failure: undefined,
  });
});

test('a build that fails is failed, though its words are those of a cache', async () => {
  const { asked, failure } = await run(['unknown cache exporter: "s3"'], { started: true });
  expect(asked).toEqual(['s3,local']);
  expect(failure).toContain('unknown cache exporter');
});

test('caches that take too long after the result came are given up with a warning', async () => {
  const stalled = AbortSignal.abort(new Error('nothing was heard for 3 s'));
  const warnings: string[] = [];
  await withCacheExports([s3], {
    ask: () => Promise.reject(stalled.reason),
    isReceived: () => true,
    isStarted: () => true,
    stalled,
    onNotWritten: (why) => void warnings.push(why),
  });
  expect(warnings).toEqual(['nothing was heard for 3 s']);
});
