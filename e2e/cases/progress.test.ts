import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { eventSchema } from '@melange2/progress-json';
import { describe, expect, inject, test } from 'vitest';
import { repositoryRoot } from '../harness/melange2.ts';
import { buildPackage, type BuiltPackages } from '../harness/build-package.ts';
import { onTerminal } from '../harness/on-terminal.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

/** A build file in `dir` whose second step prints what a terminal and a CI system would obey. */
function writeFile(dir: string, last: string): string {
  mkdirSync(join(dir, 'source'), { recursive: true });
  const file = join(dir, 'source/sample.yaml');
  writeFileSync(
    file,
    `package:
  name: sample
  version: 1.0.0
  epoch: 0
environment:
  contents:
    packages: [busybox]
pipeline:
  - name: Talks
    runs: |
      # ${Date.now()}
      sleep 1
      printf '::error::forged\\n\\033[2J##[add-path]/x\\n'
      mkdir -p melange-out/sample/etc && echo 1 > melange-out/sample/etc/x
  - name: Ends
    runs: ${last}
`,
  );
  return file;
}

function build(
  address: string,
  dir: string,
  progress: Readonly<Record<string, string>>,
  last = '"true"',
): Promise<BuiltPackages> {
  return buildPackage({ file: writeFile(dir, last), apkCache, address, world, dir, env: progress });
}

describe.each(daemons)('on BuildKit %s', (_, address) => {
  test('json is lines that fit the schema, up to the reason of a failure', async () => {
    const { stdout } = await build(address, testFolder(), { MELANGE2_PROGRESS: 'json' }, 'frobnicate');
    const validate = new Ajv2020({ strict: false }).compile(eventSchema);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; failure?: { code: string; span?: unknown } });
    const wrong = events.filter((event) => !validate(event));
    expect(wrong).toEqual([]);
    expect(new Set(events.map(({ type }) => type))).toContain('stepLog');
    const last = events.at(-1);
    expect([last?.type, last?.failure?.code, last?.failure?.span === undefined]).toEqual([
      'buildFinished',
      'BUILD_STEP_FAILED',
      false,
    ]);
  });

  test('github has groups, an annotation at the line, and no command of a log', async () => {
    const { stderr, code } = await build(address, testFolder(), { GITHUB_ACTIONS: 'true' }, 'frobnicate');
    expect(code).toBe(1);
    const commands = stderr.split('\n').filter((line) => /^\s*(?:::|##\[)/.test(line));
    expect(commands.filter((line) => !/^::(?:group::|endgroup::$)/.test(line))).toEqual([
      expect.stringMatching(/^::error file=.*sample\.yaml,line=16,.*title=BUILD_STEP_FAILED::/),
    ]);
    expect(stderr).toContain('| ::error::forged');
  });

  test('quiet names the packages alone', async () => {
    const { stdout, stderr, repository } = await build(address, testFolder(), {
      MELANGE2_PROGRESS: 'quiet',
    });
    expect(stdout + stderr).toBe(`${join(repository, world.arch, 'sample-1.0.0-r0.apk')}\n`);
  });

  test('a dumb terminal gets lines, a real one a picture that fits, however narrow', async () => {
    for (const [term, columns] of [
      ['dumb', 80],
      ['xterm-256color', 40],
    ] as const) {
      const dir = testFolder();
      const file = writeFile(dir, '"true"');
      const args = ['build', file, '--arch', world.arch, '-r', world.repository, '-k', world.keyring];
      const { text, code } = await onTerminal(
        [join(repositoryRoot, 'node_modules/.bin/melange2'), ...args, '--apk-cache-dir', apkCache],
        {
          cwd: dir,
          columns,
          env: { TERM: term, NO_COLOR: '1', BUILDKIT_HOST: address, MELANGE2_STATE: join(dir, 'state') },
        },
      );
      expect(code, text).toBe(0);
      // Of what the step printed, nothing clears the screen.
      expect(text).not.toContain('\u001b[2J');
      expect(text).not.toMatch(/\u001b\[\d*m/);
      const frames = text.split('\u001b[?2026h').slice(1, -1);
      expect(frames.length > 0, text).toBe(term !== 'dumb');
      const lines = frames.flatMap((frame) =>
        stripVTControlCharacters(frame).replaceAll('\r', '').split('\n'),
      );
      expect(lines.filter((line) => line.length >= columns)).toEqual([]);
      expect(text).toContain('Built sample-1.0.0-r0');
    }
  });

  test('an earlier build says how long a step takes', async () => {
    const dir = testFolder();
    expect((await build(address, dir, {})).code).toBe(0);
    const { stdout } = await build(address, dir, { MELANGE2_PROGRESS: 'json' });
    const planned = stdout.split('\n').find((line) => line.includes('"name":"Talks"')) ?? '{}';
    const { expectedMs, logFile } = JSON.parse(planned) as { expectedMs?: number; logFile?: string };
    expect(expectedMs, planned).toBeGreaterThan(900);
    expect(readFileSync(logFile ?? '', 'utf8')).toContain('::error::forged');
  });
});
