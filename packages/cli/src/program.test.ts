import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { runInFolder } from './testing/run-in-folder.ts';

test.each([[[]], [['cache']]])(
  'without a command %j prints the list of commands, and no error',
  async (argv) => {
    const { code, stderr } = await runInFolder(tmpdir(), ...argv);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Usage: melange2/);
  },
);

test('a mistyped command is an error with the nearest one', async () => {
  await expect(runInFolder(tmpdir(), 'buid')).rejects.toMatchObject({
    code: 'CLI_USAGE',
    message: expect.stringContaining('Did you mean build?'),
  });
});
