import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { melange2, repositoryRoot } from '../harness/melange2.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = inject('daemons');
const world = inject('world');

describe.skipIf(Object.keys(daemons).length === 0)('compile --llb', () => {
  test.each(Object.entries(daemons))(
    'prints the graph for BuildKit %s, the same each time',
    async (age, address) => {
      const dir = testFolder();
      const draw = async (...llb: string[]): Promise<string> => {
        const { code, stderr, stdout } = await melange2(
          [
            'compile',
            join(repositoryRoot, 'examples/zip.yaml'),
            `--arch=${world.arch}`,
            `--repository-append=${world.repository}`,
            `--keyring-append=${world.keyring}`,
            `--apk-cache-dir=${inject('apkCache')}`,
            ...llb,
          ],
          { cwd: dir, env: { BUILDKIT_HOST: address, XDG_STATE_HOME: join(dir, 'state') } },
        );
        expect(stderr).toBe('');
        expect(code).toBe(0);
        return stdout;
      };
      const text = await draw('--llb');
      const lines = text.trimEnd().split('\n');
      expect(lines.at(-1)).toMatch(/^result %\d+/);
      expect(lines.slice(0, -1).every((line) => /^%\d+ (source|exec|file|merge|diff) /.test(line))).toBe(
        true,
      );
      expect(lines.filter((line) => line.includes(' exec ')).length).toBeGreaterThan(3);
      // What an old daemon cannot merge is unpacked.
      if (age !== 'host') expect(text.includes(' merge ')).toBe(age !== '0.8');
      expect(await draw('--llb')).toBe(text);
      expect(await draw('--llb=dot')).toMatch(/^digraph /);
      expect(await draw('--llb=mermaid')).toMatch(/^(graph|flowchart) /);
    },
  );
});
