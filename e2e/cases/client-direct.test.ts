import { createHash, randomUUID } from 'node:crypto';
import {
  connect,
  isSolveError,
  type BuildOptions,
  type Client,
  type SolveRoute,
  type StatusEvent,
} from '@melange2/buildkit-client';
import { marshal, type Definition, type Exec, type State } from '@melange2/llb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { busyboxState, sh } from '../harness/busybox.ts';
import { slack } from '../harness/slack.ts';

const addresses = Object.entries(inject('daemons'));
const routes: readonly SolveRoute[] = ['gateway', 'direct'];

// A daemon without a gateway cannot be had; every daemon can be asked without it.
describe.skipIf(addresses.length === 0).each(addresses)(
  'builds without a gateway on BuildKit %s',
  (_, address) => {
    let client: Client;
    let base: State;
    const definitionOf = (state: State): Definition => marshal(state, { platform: 'linux/amd64' });
    const step = (script: string, customName: string): Exec =>
      base.run({
        args: sh(script),
        network: 'none',
        customName,
        locations: [
          {
            file: { filename: 'zip.yaml', data: 'a\nb\n', language: 'YAML' },
            ranges: [{ start: { line: 2, character: 0 }, end: { line: 2, character: 1 } }],
          },
        ],
        mounts: [{ kind: 'bind', dest: '/out' }],
      });

    beforeAll(async () => {
      client = await connect(address);
      base = await busyboxState();
    });
    afterAll(() => client?.close());

    /** What is told of a build, without what differs from one build to the next. */
    async function told(
      script: string,
      route: SolveRoute,
      options: BuildOptions = {},
    ): Promise<readonly string[]> {
      const names = new Map<string, string>();
      const lines: string[] = [];
      const onEvent = (event: StatusEvent): void => {
        if (event.type === 'vertexAdded') names.set(event.vertex, event.name);
        const name = names.get('vertex' in event ? event.vertex : '') ?? '';
        if (event.type === 'vertexLog') lines.push(`${name} log ${Buffer.from(event.bytes).toString()}`);
        else if (event.type === 'vertexAdded' || event.type === 'vertexCompleted')
          lines.push(`${name} ${event.type}`);
      };
      await client.build({
        definition: definitionOf(step(script, 'the step').mount('/out')),
        route,
        onEvent,
        ...options,
      });
      return [...new Set(lines)].toSorted();
    }

    test('tell the same and export the same', async () => {
      const salt = randomUUID();
      const digests: string[] = [];
      const events: (readonly string[])[] = [];
      for (const route of routes) {
        const hash = createHash('sha256');
        const output = async (stream: AsyncIterable<Uint8Array>): Promise<void> => {
          for await (const chunk of stream) hash.update(chunk);
        };
        // The blank makes it another step, which is built and not taken from the cache.
        const script = `echo said; echo made > /out/made;${' '.repeat(digests.length)} touch -d @0 /out/made # ${salt}`;
        const found = await told(script, route, { exports: [{ kind: 'tar', output }] });
        events.push(found);
        digests.push(hash.digest('hex'));
      }
      expect(events[0]).toContain('the step log said\n');
      expect(events[1]).toEqual(events[0]);
      expect(digests[1]).toBe(digests[0]);
    });

    test('fail with the same error', async () => {
      const errors: unknown[] = [];
      for (const route of routes) {
        const error = await told(`echo ${randomUUID()}; exit 42`, route).catch((cause: unknown) => cause);
        if (!isSolveError(error)) throw error;
        const { exitCode, grpcCode, places, vertex } = error.details;
        errors.push({ message: error.message, exitCode, grpcCode, places, vertex: vertex?.name });
      }
      expect(errors[0]).toMatchObject({
        message: 'The step "the step" ended with exit code 42.',
        exitCode: 42,
      });
      expect(errors[1]).toEqual(errors[0]);
    });

    test('end in the daemon too when they are aborted', async () => {
      const stop = new AbortController();
      let startedMs = 0;
      const build = client.build({
        definition: definitionOf(step(`echo ${randomUUID()}; sleep 600`, 'sleeps').root),
        route: 'direct',
        signal: stop.signal,
        onEvent: (event) => {
          if (event.type !== 'vertexLog') return;
          startedMs = performance.now();
          stop.abort(new Error('enough'));
        },
      });
      await expect(build).rejects.toThrow('enough');
      expect(performance.now() - startedMs).toBeLessThan(slack * 2000);
    });
  },
);
