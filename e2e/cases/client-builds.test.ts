import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connect,
  isSolveError,
  logLines,
  shortcomings,
  type Client,
  type SolveError,
  type StatusEvent,
} from '@melange2/buildkit-client';
import { marshal, mkdir, mkfile, scratch, type Definition, type State } from '@melange2/llb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { busyboxState, sh } from '../harness/busybox.ts';
import { lacks, noteLack } from '../harness/lacks.ts';
import { slack } from '../harness/slack.ts';

const addresses = Object.entries(inject('daemons'));
const definitionOf = (state: State): Definition => marshal(state, { platform: 'linux/amd64' });
/** Keeps what the tests build apart from what earlier runs built. */
const salt = randomUUID();

async function failure(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (cause) {
    return cause as Error;
  }
  throw new Error('It succeeded.');
}

describe.skipIf(addresses.length === 0).each(addresses)('the client on BuildKit %s', (age, address) => {
  let client: Client;
  let base: State;
  const modern = age !== '0.8';
  const run = (state: State, script: string, name = script): State =>
    state.run({ args: sh(script), network: 'none', customName: name }).root;

  beforeAll(async () => {
    client = await connect(address);
    base = await busyboxState();
  });
  afterAll(() => client?.close());

  test('Ping, ListWorkers, Info, health: tells what the daemon is and can', async () => {
    const capabilities = await client.capabilities();
    expect(capabilities.has('file.base')).toBe(true);
    expect(capabilities.has('mergeop')).toBe(modern);
    expect((await client.workers()).length).toBeGreaterThan(0);
    expect((await client.info()) === undefined).toBe(!modern);
    expect(['serving', 'unknown']).toContain(await client.health());
    for (const { instead } of shortcomings(capabilities)) expect(instead).not.toBe('');
  });

  test('Solve, Status: runs steps and tells of them in order, with their output', async () => {
    const events: StatusEvent[] = [];
    const first = run(base, `echo first ${salt}; echo complaint >&2; echo -n half`, 'first');
    await client.build({
      definition: definitionOf(run(first, 'echo second', 'second')),
      onEvent: (event) => events.push(event),
    });
    const names = new Map(
      events.flatMap((event) => (event.type === 'vertexAdded' ? [[event.vertex, event.name]] : [])),
    );
    const lines = logLines();
    const output = events
      .flatMap((event) => (event.type === 'vertexLog' ? lines.push(event) : []))
      .concat(lines.flush());
    expect(
      output.map(({ vertex, stream, text }) => `${names.get(vertex)} ${stream}: ${text}`).toSorted(),
    ).toEqual([
      'first stderr: complaint',
      `first stdout: first ${salt}`,
      'first stdout: half',
      'second stdout: second',
    ]);
    const completed = events.flatMap((event) =>
      event.type === 'vertexCompleted' ? [names.get(event.vertex)] : [],
    );
    expect(completed.lastIndexOf('first')).toBeLessThan(completed.lastIndexOf('second'));
  });

  test('has unchanged steps from the cache', async () => {
    const definition = definitionOf(run(base, `echo cached ${salt}`, 'step'));
    const cached: boolean[] = [];
    for (let i = 0; i < 2; i++) {
      let last = false;
      let step = '';
      await client.build({
        definition,
        onEvent: (event) => {
          if (event.type === 'vertexAdded' && event.name === 'step') step = event.vertex;
          if (event.type === 'vertexCompleted' && event.vertex === step) last = event.cached;
        },
      });
      cached.push(last);
    }
    expect(cached).toEqual([false, true]);
  });

  test('names the failed step, its exit code and its place', async () => {
    const file = { filename: 'zip.yaml', data: 'a\nb\nc\n', language: 'YAML' };
    const bad = base.run({
      args: sh(`echo ${salt} > /left; exit 42`),
      network: 'none',
      customName: 'configure',
      locations: [
        {
          file,
          ranges: [{ start: { line: 2, character: 0 }, end: { line: 2, character: 1 } }],
        },
      ],
    }).root;
    const error = (await failure(
      client.build({ definition: definitionOf(run(bad, 'echo never')) }),
    )) as SolveError;
    expect(isSolveError(error)).toBe(true);
    expect(error.message).toBe('The step "configure" ended with exit code 42.');
    expect(error.details.places.map(({ file, ranges }) => [file, ranges[0]?.start.line])).toEqual(
      modern ? [['zip.yaml', 2]] : [],
    );
  });

  test('NewContainer: opens the state after a failed command', async ({ task }) => {
    const bad = run(base, `echo ${salt} > /left; exit 3`, 'fails');
    let found = '';
    let code: number | undefined;
    const error = await failure(
      client.build({
        definition: definitionOf(bad),
        async onFailure({ details }, gateway) {
          if (!modern) {
            expect(details.step).toBeUndefined();
            return;
          }
          const container = await gateway.newContainer({
            mounts: [{ dest: '/', resultId: details.step!.mountIds[0]! }],
            network: 'none',
          });
          const process = await container.exec({ args: sh('cat /left; cat; exit 7'), stdin: true });
          process.stdin.end('typed');
          for await (const chunk of process.stdout) found += String(chunk);
          code = await process.exited;
          await container.release();
        },
      }),
    );
    expect(isSolveError(error)).toBe(true);
    if (!modern) noteLack(task, 'error details');
    else expect([found, code]).toEqual([`${salt}\ntyped`, 7]);
  });

  test('NewContainer, ExecProcess: runs a process with a terminal, resizes it, and gets its exit code', async () => {
    let output = '';
    await client.build({
      async run(gateway) {
        const { ref } = await gateway.solve({ definition: definitionOf(base) });
        const container = await gateway.newContainer({
          mounts: [{ dest: '/', resultId: ref!.id }],
          network: 'none',
        });
        const process = await container.exec({
          // A daemon takes the size and what is typed by different ways: the size may be the later one.
          args: sh(
            'echo ready; read x; i=0; while [ "$(stty size)" != "33 111" ] && [ $i -lt 100 ]; do i=$((i+1)); busybox sleep 0.1; done; stty size; echo "got $x"; exit 5',
          ),
          tty: true,
          env: ['PATH=/bin'],
        });
        for await (const chunk of process.stdout) {
          // A size that comes before the process has printed something may be lost.
          if (output === '') {
            await process.resize(33, 111);
            process.stdin.write('hello\n');
          }
          output += String(chunk);
        }
        expect(await process.exited).toBe(5);
        return undefined;
      },
    });
    expect(output).toContain('33 111');
    expect(output).toContain('got hello');
  });

  test('ExecProcess: sends signals to a process', async ({ task }) => {
    const refused = await lacks(task, client, age, 'gateway.exec.signals');
    await client.build({
      async run(gateway) {
        const { ref } = await gateway.solve({ definition: definitionOf(base) });
        const container = await gateway.newContainer({
          mounts: [{ dest: '/', resultId: ref!.id }],
          network: 'none',
        });
        const process = await container.exec({
          args: sh('trap "exit 9" TERM; echo ready; busybox sleep 5 & wait $!; exit 3'),
          env: ['PATH=/bin'],
        });
        process.stdout.once('data', () => {
          process.kill('SIGTERM').catch((cause: unknown) => {
            expect(refused && cause).toMatchObject({ code: 'BUILDKIT_CAPABILITY_MISSING' });
          });
        });
        expect(await process.exited).toBe(refused ? 3 : 9);
        expect((await gateway.inputs()).size).toBe(0);
        return undefined;
      },
    });
  });

  test('a program that is not there is an error of the process', async () => {
    await client.build({
      async run(gateway) {
        const { ref } = await gateway.solve({ definition: definitionOf(base) });
        const container = await gateway.newContainer({
          mounts: [{ dest: '/', resultId: ref!.id }],
          network: 'none',
        });
        const outcome = await container
          .exec({ args: ['/no/such/program'] })
          .then((process) => process.exited)
          .then(String, (cause: Error) => cause.message);
        expect(outcome).not.toBe('0');
        return undefined;
      },
    });
  });

  test('ReadFile, ReadDir, StatFile, Evaluate: reads files and folders of a result', async () => {
    const long = 'x'.repeat(5_000_000);
    const state = run(
      scratch().file([mkdir('/bin'), mkdir('/d'), mkfile('/d/f', `content ${salt}`)]),
      'true',
    );
    expect(state).toBeDefined();
    await client.build({
      async run(gateway) {
        const made = run(
          base,
          `mkdir /d; echo ${salt} > /d/f; ln -s f /d/l; head -c 5000000 /dev/zero | tr '\\0' x > /d/long`,
        );
        const { ref } = await gateway.solve({ definition: definitionOf(made) });
        expect(Buffer.from(await ref!.readFile('/d/f')).toString()).toBe(`${salt}\n`);
        expect(Buffer.from(await ref!.readFile('/d/long')).toString()).toBe(long);
        expect(Buffer.from(await ref!.readFile('/d/f', { offset: 2, length: 3 })).toString()).toBe(
          salt.slice(2, 5),
        );
        expect((await ref!.readDir('/d')).map(({ path, isSymlink }) => [path, isSymlink])).toEqual([
          ['f', false],
          ['l', true],
          ['long', false],
        ]);
        expect((await ref!.statFile('/d/f')).sizeBytes).toBe(salt.length + 1);
        await ref!.evaluate();
        const missing = await failure(ref!.readFile('/d/missing'));
        expect('code' in missing && missing.code).toBe('BUILDKIT_CALL_FAILED');
        return ref;
      },
    });
  });

  test('an abort ends the step in the daemon within two seconds', async () => {
    const stop = new AbortController();
    const started = performance.now();
    let abortedMs = 0;
    const error = await failure(
      client.build({
        definition: definitionOf(run(base, `echo ${salt}; sleep 600`, 'sleeps')),
        signal: stop.signal,
        onEvent: (event) => {
          if (event.type !== 'vertexLog') return;
          abortedMs = performance.now() - started;
          stop.abort(new Error('enough'));
        },
      }),
    );
    expect(error.message).toBe('enough');
    expect(performance.now() - started - abortedMs).toBeLessThan(slack * 2000);
  });

  test('Status: another client can follow a build by its id', async () => {
    const ref = randomUUID().replaceAll('-', '');
    const other = await connect(address);
    try {
      const build = client.build({
        definition: definitionOf(run(base, `sleep 1; echo followed ${salt}`)),
        ref,
      });
      let text = '';
      for await (const event of other.status(ref))
        if (event.type === 'vertexLog') text += String(Buffer.from(event.bytes));
      await build;
      expect(text).toBe(`followed ${salt}\n`);
    } finally {
      other.close();
    }
  });

  test('a frontend in the daemon builds what its file says', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'm2-frontend-'));
    try {
      await writeFile(join(dir, 'Dockerfile'), `FROM scratch\nCOPY Dockerfile /copied-${salt}\n`);
      await client.build({
        frontend: { name: 'dockerfile.v0' },
        session: { localDirs: { context: { path: dir }, dockerfile: { path: dir } } },
        exports: [{ kind: 'local', dir: join(dir, 'out') }],
      });
      expect(await readdir(join(dir, 'out'))).toEqual([`copied-${salt}`]);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  test('Warn: warnings of the client are told to all who follow the build', async ({ task }) => {
    const silent = await lacks(task, client, age, 'gateway.warnings');
    const warnings: StatusEvent[] = [];
    await client.build({
      async run(gateway) {
        const { ref } = await gateway.solve({ definition: definitionOf(base), evaluate: true });
        await gateway.warn({
          short: 'careful',
          detail: ['a', 'b'],
          url: 'https://example.invalid/why',
          level: 1,
        });
        return ref;
      },
      onEvent: (event) => {
        if (event.type === 'vertexWarning') warnings.push(event);
      },
    });
    if (silent) {
      expect(warnings).toEqual([]);
      return;
    }
    expect(warnings).toEqual([
      {
        type: 'vertexWarning',
        vertex: '',
        level: 1,
        short: 'careful',
        detail: ['a', 'b'],
        url: 'https://example.invalid/why',
        ranges: [],
      },
    ]);
  });

  test('a session that was prepared is used, and one that is not needed leaves nothing', async () => {
    const step = base.run({
      args: sh('cat /run/secrets/token'),
      network: 'none',
      secrets: [{ id: 'token', dest: '/run/secrets/token' }],
      ignoreCache: true,
    }).root;
    const other = await connect(address);
    for (let i = 0; i < 2; i++) {
      let text = '';
      other.prepareSession();
      await other.build({
        definition: definitionOf(step),
        session: { secrets: { token: salt } },
        onEvent: (event) => {
          if (event.type === 'vertexLog') text += String(Buffer.from(event.bytes));
        },
      });
      expect(text).toBe(salt);
    }
    other.prepareSession();
    other.close();
  });

  test('an entitlement that was not asked for is refused', async () => {
    const state = base.run({ args: sh('true'), network: 'none', security: 'insecure' }).root;
    const error = await failure(client.build({ definition: definitionOf(state) }));
    expect(isSolveError(error) && error.message).toContain('security.insecure is not allowed');
  });

  test('host network works with its entitlement', async () => {
    const state = base.run({ args: sh(`echo ${salt} host`), network: 'host' }).root;
    await client.build({ definition: definitionOf(state), entitlements: ['network.host'] });
  });

  test('eight builds at once do not disturb each other', async () => {
    const results = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        let text = '';
        await client.build({
          definition: definitionOf(run(base, `echo ${salt} ${i}`)),
          onEvent: (event) => {
            if (event.type === 'vertexLog') text += String(Buffer.from(event.bytes));
          },
        });
        return text;
      }),
    );
    expect(results).toEqual(Array.from({ length: 8 }, (_, i) => `${salt} ${i}\n`));
  });

  test('DiskUsage, Prune: lists and prunes the cache', async () => {
    const records = await client.diskUsage();
    expect(records.every(({ id, sizeBytes }) => id !== '' && sizeBytes >= 0)).toBe(true);
    const removed = [];
    for await (const record of client.prune({ filter: ['description==nothing'] })) removed.push(record);
    expect(removed).toEqual([]);
  });

  test('ListenBuildHistory, UpdateBuildHistory: keeps builds, where they can be pinned and removed', async ({
    task,
  }) => {
    const { ref } = await client.build({ definition: definitionOf(run(base, `echo history ${salt}`)) });
    const found = async (): Promise<readonly boolean[]> => {
      const pins = [];
      for await (const { type, record } of client.history({ ref, earlyExit: true }))
        if (type !== 'deleted') pins.push(record.pinned);
      return pins;
    };
    if (!modern) {
      expect(await failure(found())).toMatchObject({ code: 'BUILDKIT_CALL_FAILED' });
      noteLack(task, 'history');
      return;
    }
    expect(await found()).toEqual([false]);
    await client.updateHistory(ref, { pinned: true });
    expect(await found()).toEqual([true]);
    await client.updateHistory(ref, { pinned: false });
    await client.updateHistory(ref, { delete: true });
    expect((await failure(found())).message).toContain('deleted');
  });
});
