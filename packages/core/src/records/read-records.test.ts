import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBuilder } from '../builder.ts';
import { openBuildRecord } from './build-record.ts';
import { listRecords, readLog, readRecord } from './read-records.ts';

let env: { MELANGE2_STATE: string };
beforeEach(() => {
  env = { MELANGE2_STATE: mkdtempSync(join(tmpdir(), 'melange2-records-')) };
});
afterEach(() => rmSync(env.MELANGE2_STATE, { recursive: true, force: true }));

function record(name: string, startedMs: number, error?: string): string {
  const open = openBuildRecord(env.MELANGE2_STATE, name, startedMs);
  open.receive({
    type: 'buildStarted',
    atMs: startedMs,
    build: open.id,
    file: `${name}.yaml`,
    package: name,
    architectures: [],
  });
  for (const step of ['configure', 'make']) {
    const logFile = open.logFile(step, step);
    open.receive({ type: 'stepPlanned', atMs: 0, step, name: step, kind: 'command', logFile });
    open.receive({ type: 'stepLog', atMs: 0, step, stream: 'stdout', text: `${name} ${step}` });
  }
  const failed = error === undefined ? {} : { error };
  open.receive({ type: 'stepFinished', atMs: 0, step: 'configure', cached: false, durationMs: 1, ...failed });
  open.close(error === undefined ? 'succeeded' : 'failed');
  return open.id;
}

test('the latest build comes first, and its failed step is what is asked about', async () => {
  record('old', 1000);
  const id = record('new', 2000, 'exit code: 1');
  expect((await listRecords(env)).map((r) => r.file)).toEqual(['new.yaml', 'old.yaml']);
  expect((await readLog(env, undefined, undefined)).text).toBe('new configure\n');
  expect((await readLog(env, id, 'mak')).text).toBe('new make\n');
  const { step, text } = await readLog(env, id, 'make');
  expect(await readLog(env, id, basename(step.logFile ?? ''))).toMatchObject({ text });
  expect((await readLog(env, '19700101', 'make')).text).toContain(' make\n');
});

test('the step of a build that ended before its build file was read cannot be opened again', async () => {
  const id = record('early', 1000, 'exit code: 1');
  const builder = createBuilder({ plugins: [], host: { env, cwd: '/', now: () => 2000, version: '1.0.0' } });
  const early = await readRecord(env, id);
  await expect(builder.trace({ record: early }, new AbortController().signal)).rejects.toMatchObject({
    code: 'RECORD_INCOMPLETE',
    message: expect.stringContaining(id),
  });
  await builder.close();
});

test('two builds of one second have two records', () => {
  expect(record('same', 1000)).not.toBe(record('same', 1000));
});

test('what is not recorded is said', async () => {
  await expect(readLog(env, undefined, undefined)).rejects.toMatchObject({ code: 'RECORD_NOT_FOUND' });
  record('x', 1000);
  await expect(readLog(env, undefined, 'nothing')).rejects.toThrow('a step "nothing"');
});

test.runIf(process.platform === 'linux')('only the logs of steps that run are open files', () => {
  const open = openBuildRecord(env.MELANGE2_STATE, 'many', 1000);
  const openLogs = (): number =>
    readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(open.folder)).length;
  const say = (step: string): void =>
    open.receive({ type: 'stepLog', atMs: 0, step, stream: 'stdout', text: step });
  const first = open.logFile('step-0', 'step-0');
  for (let i = 0; i < 100; i++) {
    open.logFile(`step-${i}`, `step-${i}`);
    say(`step-${i}`);
    expect(openLogs()).toBe(1);
    open.receive({ type: 'stepFinished', atMs: 0, step: `step-${i}`, cached: false, durationMs: 1 });
  }
  // It began again.
  say('step-0');
  open.close('succeeded');
  expect(openLogs()).toBe(0);
  expect(readFileSync(first, 'utf8')).toBe('step-0\nstep-0\n');
});

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // That of the folder itself is closed by now.
  }
}
