import { BuildError, redactor } from '@melange2/diagnostics';
import { expect, test } from 'vitest';
import { redactError } from './redact-error.ts';
import { redactStream } from './redact-stream.ts';

test('an error shows no secret, in its message, its details or its problems', () => {
  const problem = { code: 'X', severity: 'error', message: 'has hunter22' } as const;
  const error = new BuildError(
    'X',
    'x',
    'says hunter22',
    { tail: ['a', 'b hunter22'], exitCode: 1 },
    { diagnostics: [problem], hint: 'try hunter22' },
  );
  const clean = redactError(error, redactor(['hunter22']));
  expect(clean).toMatchObject({
    message: 'says ***',
    details: { tail: ['a', 'b ***'], exitCode: 1 },
    diagnostics: [{ message: 'has ***' }],
    hint: 'try ***',
  });
  const bug = new TypeError('hunter22');
  expect(redactError(bug, redactor())).toBe(bug);
});

test('a log loses its secrets and nothing else, however it is cut into chunks', async () => {
  const log = Buffer.concat([
    Buffer.from('one hunter22\ntwo ä '),
    Buffer.from([0xff, 0x00]),
    Buffer.from('\nhunter22'),
  ]);
  for (const size of [1, 5, 1000]) {
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < log.length; at += size) yield log.subarray(at, at + size);
    }
    const out: Uint8Array[] = [];
    for await (const chunk of redactStream(redactor(['hunter22']))(chunks())) out.push(chunk);
    expect(Buffer.concat(out)).toEqual(
      Buffer.concat([Buffer.from('one ***\ntwo ä '), Buffer.from([0xff, 0x00]), Buffer.from('\n***')]),
    );
  }
});
