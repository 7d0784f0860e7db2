import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, isSolveError, type Client, type Gateway } from '@melange2/buildkit-client';
import { parseConfig } from '@melange2/config';
import { marshal, type State } from '@melange2/llb';
import {
  builtinCatalogue,
  compile,
  lower,
  lowerTest,
  pipelineLibrary,
  plan,
  planTests,
  type CompiledPackage,
} from '@melange2/pipeline';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { busyboxState } from '../harness/busybox.ts';

const daemons = Object.entries(inject('daemons'));
const head = 'package: {name: app, version: 1, epoch: 0}\n';
const sourceDateEpoch = 1_700_000_000;

function compiled(text: string): CompiledPackage {
  const { value: config, diagnostics } = parseConfig(text, 'app.yaml', { warnings: false });
  if (config === undefined) throw new Error(JSON.stringify(diagnostics));
  const library = pipelineLibrary(builtinCatalogue);
  const { value, diagnostics: problems } = compile(config, { architecture: 'x86_64', library });
  if (value === undefined) throw new Error(JSON.stringify(problems));
  return value;
}

describe.skipIf(daemons.length === 0).each(daemons)('pipelines on BuildKit %s', (_, address) => {
  let client: Client;
  let base: State;
  /** What the server below was asked for. */
  const asked: string[] = [];
  let server: Server;
  let archive: Buffer;
  let uri: string;

  beforeAll(async () => {
    client = await connect(address);
    // A variable of its own keeps runs of these tests apart.
    base = (await busyboxState())
      .run({ args: ['/bin/busybox', '--install', '-s', '/bin'], network: 'none' })
      .root.with({ env: { SALT: randomUUID() } });
    const folder = mkdtempSync(join(tmpdir(), 'melange2-e2e-'));
    mkdirSync(join(folder, 'app-1'));
    writeFileSync(join(folder, 'app-1/file'), randomUUID());
    execFileSync('tar', ['-czf', join(folder, 'app-1.tar.gz'), '-C', folder, 'app-1']);
    archive = readFileSync(join(folder, 'app-1.tar.gz'));
    rmSync(folder, { recursive: true });
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end(archive);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const bound = server.address();
    uri = `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}/app-1.tar.gz`;
  });
  afterAll(() => {
    server.close();
    client?.close();
  });

  async function solve(
    state: State,
    look: (read: (path: string) => Promise<string>) => Promise<void>,
  ): Promise<void> {
    await client.build({
      run: async (gateway: Gateway) => {
        const definition = marshal(state, { platform: 'linux/amd64' });
        const { ref } = await gateway.solve({ definition, evaluate: true });
        await look(async (path) => Buffer.from((await ref?.readFile(path)) ?? []).toString());
        return undefined;
      },
    });
  }

  const lowered = (text: string): ReturnType<typeof lower> => {
    const planned = plan(compiled(head + text), { sourceDateEpoch });
    return lower(planned.value!, { base, sourceDateEpoch, readSource: () => head + text });
  };

  test('steps run as the build user, without a network, and their whole output is kept', async () => {
    const { logs } = lowered(
      'pipeline:\n  - runs: id -u; stat -c "%a %u" /tmp /home/build /var/cache/melange; pwd\n  - runs: i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo line $i of output; done\n  - working-directory: sub/dir\n    runs: pwd; touch it; ls /sys/class/net\n',
    );
    await solve(logs!, async (read) => {
      expect(await read('/0')).toBe('1000\n1777 0\n755 1000\n755 1000\n/home/build\n');
      expect((await read('/1')).split('\n')).toHaveLength(30_001);
      expect(await read('/2')).toBe('/home/build/sub/dir\nlo\n');
    });
  });

  test('a file with a known checksum is fetched by the daemon, once, and the step takes it from there', async () => {
    const sum = createHash('sha256').update(archive).digest('hex');
    const fetch = (expected: string): string =>
      `pipeline:\n  - uses: fetch\n    with:\n      uri: ${uri}\n      expected-sha256: ${expected}\n  - runs: cp file melange-out/app/\n`;
    const { output, logs } = lowered(fetch(sum));
    asked.length = 0;
    await solve(output, async (read) => {
      expect(await read('/app/file')).toMatch(/^[0-9a-f-]{36}$/);
    });
    await solve(logs!, async (read) => {
      expect(await read('/0')).toContain('comes from the cache');
    });
    expect(asked).toEqual(['/app-1.tar.gz']);
    const wrong = solve(lowered(fetch('0'.repeat(64))).output, () => Promise.resolve());
    await expect(wrong).rejects.toThrow(new RegExp(`${sum}.*${'0'.repeat(64)}`));
  });

  test('a script may be longer than an argument', async () => {
    const long = Array.from({ length: 10_000 }, (_, i) => `      : line ${i} of a long script`).join('\n');
    const { logs } = lowered(
      `pipeline:\n  - runs: |\n${long}\n      echo "$0 $#"; [ -e /nowhere ] && echo there\n`,
    );
    await solve(logs!, async (read) => {
      expect(await read('/0')).toBe('/bin/sh 0\n');
    });
  });

  test('a failing step keeps its exit code, and what it leaves in the background does not hold the build', async () => {
    const failing = solve(
      lowered('pipeline:\n  - runs: |\n      sleep 600 &\n      echo $SALT\n      exit 42\n').output,
      () => Promise.resolve(),
    );
    const error: unknown = await failing.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(isSolveError(error) && error.details.exitCode).toBe(42);
  });

  test('a failing step of a long build file keeps its exit code too', async () => {
    // The daemon sends the file and the script with the failure, and a connection bears only so much.
    const notes = Array.from({ length: 10_000 }, (_, i) => `# note ${i}`).join('\n');
    const script = Array.from({ length: 3000 }, (_, i) => `      : line ${i} of $SALT`).join('\n');
    const failing = solve(
      lowered(`${notes}\npipeline:\n  - runs: |\n${script}\n      exit 43\n`).output,
      () => Promise.resolve(),
    );
    const error: unknown = await failing.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(isSolveError(error) && error.details.exitCode).toBe(43);
  });

  test('the steps of a test share processes, but not variables', async () => {
    const text = `${head}test:\n  pipeline:\n    - name: start\n      runs: |\n        export LEAK=1\n        sleep 600 &\n        echo $! >/tmp/pid\n    - environment: {WHO: "it's me"}\n      runs: kill -0 "$(cat /tmp/pid)"; echo "[$LEAK] $WHO"\n`;
    const [first] = planTests(compiled(text), { sourceDateEpoch }).value ?? [];
    const { log, logPath } = lowerTest(first!, { base, sourceDateEpoch });
    await solve(log, async (read) => {
      expect(await read(logPath)).toBe(
        `==> 1/2 start\n==> 2/2 kill -0 "$(cat /tmp/pid)"; echo "[$LEAK] $WHO"\n[] it's me\n`,
      );
    });
  });
});
