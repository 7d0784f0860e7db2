import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logFolder, stepCommand, type StepCommandOptions } from './step-command.ts';
import { has } from './testing/run-built-in.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'step-command-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly output: string;
  readonly log: string;
}

/** Runs a step with another shell in place of `/bin/sh`, and its log in a folder of the test. */
function run(shell: string, script: string, options: StepCommandOptions = { log: true }): Ran {
  // One folder each: what an earlier step left in the background may still write to its own.
  const own = mkdtempSync(join(folder, 'run-'));
  const args = stepCommand(script, options).map((arg, i) =>
    i === 4 ? arg : arg.replaceAll('/bin/sh', shell).replaceAll(logFolder, own),
  );
  const output = join(own, 'terminal');
  const file = openSync(output, 'w');
  const { status } = spawnSync(args[0] ?? '', args.slice(1), {
    stdio: ['ignore', file, file],
    timeout: 20_000,
  });
  closeSync(file);
  const log = join(own, 'output');
  return {
    code: status,
    output: readFileSync(output, 'utf8'),
    log: existsSync(log) ? readFileSync(log, 'utf8') : '',
  };
}

const shells = ['/bin/dash', '/bin/bash'].filter((s) => existsSync(s));

describe.each(shells)('with %s', (shell) => {
  test('a script that ends well prints to both the output and the log', () => {
    expect(run(shell, 'echo out; echo err >&2')).toMatchObject({
      code: 0,
      output: 'out\nerr\n',
      log: 'out\nerr\n',
    });
  });

  test('the log of a script that fails is copied to where it is asked for, and no other', () => {
    const kept = join(folder, `kept-${shell.replaceAll('/', '-')}`);
    run(shell, 'echo fine', { log: true, keepFailed: kept });
    expect(existsSync(kept)).toBe(false);
    expect(run(shell, 'echo one; exit 7', { log: true, keepFailed: kept })).toMatchObject({ code: 7 });
    expect(readFileSync(kept, 'utf8')).toBe('one\n');
    const nowhere = join(folder, 'not/there');
    expect(run(shell, 'exit 7', { log: true, keepFailed: nowhere })).toMatchObject({ code: 7, output: '' });
  });

  test('notes are no arguments of the script', () => {
    const ran = run(shell, 'echo "$#" "$@"', { log: true, notes: ['cache:a/b:/c'] });
    expect(ran).toMatchObject({ code: 0, output: '0\n' });
  });

  test('a failing command ends the step with its exit code', () => {
    expect(run(shell, 'echo one\n(exit 42)\necho two')).toMatchObject({ code: 42, log: 'one\n' });
    expect(run(shell, 'exit 7')).toMatchObject({ code: 7 });
    expect(run(shell, 'kill -9 $$')).toMatchObject({ code: 137 });
    expect(run(shell, 'if true; then')).toMatchObject({ code: 2 });
  });

  test('a false condition on the last line is no failure', () => {
    expect(run(shell, '[ -e /nowhere ] && echo there')).toMatchObject({ code: 0 });
  });

  test('a background process that keeps the output open does not hold the step', () => {
    const { code, log } = run(shell, 'sleep 30 &\necho $!');
    expect(code).toBe(0);
    expect(process.kill(Number(log), 'SIGKILL')).toBe(true);
  });

  test('a script cannot reach beyond its end', () => {
    expect(run(shell, 'cat <<EOF\n)')).toMatchObject({ code: 0 });
    expect(run(shell, "echo 'it''s' # )")).toMatchObject({ code: 0, log: 'its\n' });
  });

  test('a line number in a message is that of the script', () => {
    expect(run(shell, 'true\n\nnot-a-command-at-all').log).toMatch(/(line 3|: 3):/);
  });

  test('nothing of a long output is lost', () => {
    const { log, code } = run(
      shell,
      'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done; exit 3',
    );
    expect(code).toBe(3);
    expect(log.split('\n')).toHaveLength(20_001);
  });

  test('without a log the exit code is that of the script as well', () => {
    expect(run(shell, 'echo x; exit 9', {})).toMatchObject({ code: 9, output: 'x\n', log: '' });
  });
});

test.skipIf(!has('/bin/bash'))('a failing command in a pipe fails the step where the shell can tell', () => {
  expect(run('/bin/bash', 'false | cat')).toMatchObject({ code: 1 });
});

const canDrop = process.getuid?.() === 0 && has('setpriv', 'capsh');

test.skipIf(!canDrop).each(['/usr/bin/setpriv', '/usr/sbin/capsh'])('%s takes capabilities away', (tool) => {
  const script = 'grep CapEff /proc/self/status';
  const effective = (capabilities?: readonly string[]): bigint => {
    const without = capabilities === undefined ? undefined : { tool, capabilities };
    const { code, output } = run('/bin/sh', script, { log: true, without });
    expect(code, output).toBe(0);
    return BigInt(`0x${output.trim().split(/\s+/)[1] ?? ''}`);
  };
  expect(effective() & 1n).toBe(1n);
  expect(effective(['chown', 'net_raw'])).toBe(effective() & ~(1n | (1n << 13n)));
  expect(effective(['all'])).toBe(0n);
});
