import { rmSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isBuildError, type BuildError } from '@melange2/diagnostics';
import { control, decode, gateway } from '@melange2/proto';
import { afterEach, describe, expect, test } from 'vitest';
import type { Client } from '../client.ts';
import { connect, type ConnectOptions } from '../connect.ts';
import type { StatusEvent } from '../status/status-event.ts';
import {
  answer,
  buildingHandlers,
  bytesOf,
  firstRequest,
  startFakeDaemon,
  type FakeDaemon,
  type FakeHandler,
} from '../testing/fake-daemon.ts';

const { Solve, Status } = control.Control.methods;
const bridge = gateway.LLBBridge.methods;
const definition = { def: [Buffer.of(1)] };
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function clientOn(
  handlers: Readonly<Record<string, FakeHandler>>,
  options: ConnectOptions = {},
): Promise<{ client: Client; daemon: FakeDaemon }> {
  const daemon = await startFakeDaemon(handlers);
  cleanups.push(daemon.stop);
  const client = await connect(daemon.address, options);
  cleanups.push(client.close);
  return { client, daemon };
}

async function failure(work: Promise<unknown>): Promise<Error & Partial<BuildError>> {
  try {
    await work;
  } catch (cause) {
    return cause as Error;
  }
  throw new Error('It succeeded.');
}

describe('a build', () => {
  test('goes through the gateway: open, ask, solve, return', async () => {
    const { client, daemon } = await clientOn(buildingHandlers());
    await client.build({ definition });
    expect(daemon.calls.filter((path) => path !== bridge.Ping.path)).toEqual([
      Status.path,
      Solve.path,
      bridge.Solve.path,
      bridge.Return.path,
    ]);
  });

  test('sends no definition with the control solve, and the only export in the old fields too', async () => {
    let request: control.SolveRequest | undefined;
    const { client } = await clientOn({
      ...buildingHandlers(),
      [Solve.path]: async (call) => {
        request = decode(control.SolveRequest, await firstRequest(call));
        call.end(2, 'enough');
      },
    });
    await failure(
      client.build({
        definition,
        exports: [{ kind: 'image', attrs: { name: 'x' } }],
        entitlements: ['network.host'],
        cacheImports: [{ type: 'registry', attrs: { ref: 'r' } }],
        cacheExports: [{ type: 'inline', attrs: {} }],
      }),
    );
    expect(request).toMatchObject({
      Definition: undefined,
      ExporterDeprecated: 'image',
      ExporterAttrsDeprecated: new Map([['name', 'x']]),
      Exporters: [{ Type: 'image', Attrs: new Map([['name', 'x']]) }],
      Entitlements: ['network.host'],
      Cache: {
        Imports: [{ Type: 'registry', Attrs: new Map([['ref', 'r']]) }],
        Exports: [{ Type: 'inline', Attrs: new Map() }],
      },
    });
  });

  test('solves once for each export on a daemon that takes only one', async () => {
    const solved: string[] = [];
    const handlers = buildingHandlers();
    const { client } = await clientOn({
      ...handlers,
      [Solve.path]: async (call) => {
        const request = await firstRequest(call);
        const { ExporterDeprecated, Exporters } = decode(control.SolveRequest, request);
        if (ExporterDeprecated !== '') solved.push(`${ExporterDeprecated} ${Exporters.length}`);
        await handlers[Solve.path]?.({
          ...call,
          requests: (async function* () {
            yield request;
          })(),
        });
      },
    });
    await client.build({
      definition,
      exports: [
        { kind: 'image', attrs: {} },
        { kind: 'moby', attrs: {} },
      ],
    });
    expect(solved).toEqual(['image 1', 'moby 1']);
  });

  test('that the daemon refuses at once ends at once, though the status never ends', async () => {
    const { client } = await clientOn({
      [Status.path]: () => {},
      [Solve.path]: (call) => call.end(2, 'granting entitlement device is not allowed'),
    });
    const error = await failure(client.build({ definition, entitlements: ['device'] }));
    expect([error.code, (error.details as { text: string }).text]).toEqual([
      'BUILDKIT_SOLVE_FAILED',
      'granting entitlement device is not allowed',
    ]);
  });

  test('tells the caller of failures in its own function as they are, and the daemon why it ends', async () => {
    let returned: gateway.ReturnRequest | undefined;
    const handlers = buildingHandlers();
    const { client } = await clientOn({
      ...handlers,
      [bridge.Return.path]: async (call) => {
        const request = await firstRequest(call);
        returned = decode(gateway.ReturnRequest, request);
        await handlers[bridge.Return.path]?.({
          ...call,
          requests: (async function* () {
            yield request;
          })(),
        });
      },
    });
    const error = await failure(client.build({ run: () => Promise.reject(new Error('my own')) }));
    expect([error.message, returned?.error?.message]).toEqual(['my own', 'my own']);
  });

  test('hands a failed solve to onFailure while it is open', async () => {
    const handlers = buildingHandlers();
    const { client, daemon } = await clientOn({
      ...handlers,
      [bridge.Solve.path]: (call) => call.end(2, 'exit code: 3'),
    });
    let open = false;
    const error = await failure(
      client.build({
        definition,
        onFailure: (_, { buildRef }) => {
          open = buildRef !== '' && !daemon.calls.includes(bridge.Return.path);
          return Promise.resolve();
        },
      }),
    );
    expect([error.code, open]).toEqual(['BUILDKIT_SOLVE_FAILED', true]);
    expect(daemon.calls.at(-1)).toBe(bridge.Return.path);
  });

  test('asks again when the daemon gives up a step for no fault of it, three times at most', async () => {
    let failures = 2;
    const fine = buildingHandlers();
    const { client, daemon } = await clientOn({
      ...fine,
      [bridge.Solve.path]: async (call) => {
        if (failures-- > 0) call.end(2, 'flightcontrol: exceeded retry timeout');
        else await fine[bridge.Solve.path]?.(call);
      },
    });
    const solves = (): number => daemon.calls.filter((path) => path === bridge.Solve.path).length;
    let asked = false;
    const onFailure = async (): Promise<void> => {
      asked = true;
    };
    await client.build({ definition, onFailure });
    expect([solves(), asked]).toEqual([3, false]);
    failures = 9;
    expect((await failure(client.build({ definition }))).code).toBe('BUILDKIT_SOLVE_FAILED');
    expect(solves()).toBe(6);
  });

  test.each([
    ['has none', 12],
    ['refuses it', 7],
  ])(
    'hands the graph over directly where the gateway %s, and says what it cannot do then',
    async (_, code) => {
      const { [bridge.Solve.path]: _solve, ...handlers } = buildingHandlers();
      const { client, daemon } = await clientOn({
        ...handlers,
        ...answer(control.Control.methods.ListWorkers, () => ({ record: [{ ID: 'here' }] })),
        [bridge.Ping.path]: (call) => call.end(code, 'not for you'),
      });
      await client.build({ definition, ref: 'mine' });
      expect(daemon.calls).toEqual([bridge.Ping.path, Status.path, Solve.path]);
      const capabilities = await client.capabilities();
      expect([capabilities.workers.map(({ id }) => id), capabilities.has('solve.base')]).toEqual([
        ['here'],
        false,
      ]);
      expect((await failure(client.build({ run: () => Promise.resolve(undefined) }))).code).toBe(
        'BUILDKIT_CAPABILITY_MISSING',
      );
    },
  );

  test('hands the graph over directly where the gateway is too poor for it', async () => {
    const { client, daemon } = await clientOn(buildingHandlers({ gatewayCaps: ['readfile'] }));
    await client.build({ definition });
    expect(daemon.calls.filter((path) => path !== bridge.Ping.path)).toEqual([
      Status.path,
      Solve.path,
      bridge.Return.path,
      Status.path,
      Solve.path,
    ]);
  });

  test('that fails has the same error on both ways', async () => {
    const refusal: FakeHandler = (call) => call.end(2, 'exit code: 3');
    const errorOn = async (handlers: Readonly<Record<string, FakeHandler>>): Promise<unknown> => {
      const { client } = await clientOn({ ...buildingHandlers(), ...handlers });
      const { code, details, message } = await failure(client.build({ definition }));
      return { code, details, message };
    };
    const direct = await errorOn({
      [bridge.Ping.path]: (call) => call.end(12, 'unknown service'),
      [Solve.path]: refusal,
    });
    expect(direct).toMatchObject({ code: 'BUILDKIT_SOLVE_FAILED' });
    expect(await errorOn({ [bridge.Solve.path]: refusal })).toEqual(direct);
  });

  test('says that the daemon is gone when no session can be opened', async () => {
    const { client, daemon } = await clientOn(buildingHandlers());
    rmSync(daemon.address.slice('unix://'.length));
    const error = await failure(client.build({ definition, session: { secrets: { a: 'b' } } }));
    expect(error.code).toBe('BUILDKIT_UNREACHABLE');
  });

  test('that is aborted rejects with the reason and ends the solve in the daemon', async () => {
    let ended = false;
    const { client } = await clientOn({
      [Status.path]: () => {},
      [Solve.path]: async (call) => {
        await call.closed;
        ended = true;
      },
      ...answer(bridge.Ping, () => ({})),
      [bridge.Solve.path]: () => {},
    });
    const stop = new AbortController();
    const building = failure(client.build({ definition, signal: stop.signal }));
    setTimeout(() => stop.abort(new Error('enough')), 50);
    expect((await building).message).toBe('enough');
    await expect.poll(() => ended).toBe(true);
  });

  test('a failure in onEvent ends the build and is what the caller gets', async () => {
    const { client } = await clientOn({
      ...buildingHandlers(),
      [Status.path]: (call) => {
        call.send(bytesOf(control.StatusResponse, { vertexes: [{ digest: 'a', name: 'a' }] }));
      },
      [bridge.Solve.path]: () => {},
    });
    const error = await failure(
      client.build({
        definition,
        onEvent: () => {
          throw new Error('cannot draw');
        },
      }),
    );
    expect(error.message).toBe('cannot draw');
  });

  test('that fails is heard to the end, though the daemon says it slowly', async () => {
    const { client } = await clientOn({
      ...buildingHandlers(),
      [Solve.path]: async (call) => {
        await firstRequest(call);
        call.end(2, 'exit code: 1');
      },
      [Status.path]: async (call) => {
        for (let i = 0; i < 7; i++) {
          call.send(
            bytesOf(control.StatusResponse, { logs: [{ vertex: 'sha256:1', stream: 1, msg: Buffer.of(i) }] }),
          );
          await new Promise((resolve) => {
            setTimeout(resolve, 300);
          });
        }
        call.end();
      },
    });
    const heard: number[] = [];
    await failure(
      client.build({
        definition,
        onEvent: (event: StatusEvent) => {
          if (event.type === 'vertexLog') heard.push(...event.bytes);
        },
      }),
    );
    expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('tells events in order, of ten thousand vertices and a hundred megabytes of logs, in bounded memory', async () => {
    const vertices = 10_000;
    const line = Buffer.alloc(10_000, 'x');
    const handlers = buildingHandlers();
    const { client } = await clientOn({
      ...handlers,
      [Status.path]: async (call) => {
        for (let i = 0; i < vertices; i++) {
          const digest = `sha256:${i}`;
          const started = { seconds: 1, nanos: i };
          call.send(
            bytesOf(control.StatusResponse, {
              vertexes: [{ digest, name: `step ${i}`, started, completed: { seconds: 2, nanos: i } }],
              logs: [{ vertex: digest, stream: 1, msg: line }],
            }),
          );
          if (call.stream.writableNeedDrain)
            await new Promise((resolve) => {
              call.stream.once('drain', resolve);
            });
        }
        call.end();
      },
      [bridge.Return.path]: async (call) => {
        await new Promise((resolve) => {
          setTimeout(resolve, 100);
        });
        await handlers[bridge.Return.path]?.(call);
      },
    });
    let bytes = 0;
    let next = 0;
    let inOrder = true;
    let highest = 0;
    const before = process.memoryUsage().rss;
    await client.build({
      definition,
      onEvent: (event: StatusEvent) => {
        if (event.type === 'vertexAdded') inOrder &&= event.vertex === `sha256:${next++}`;
        if (event.type === 'vertexLog') bytes += event.bytes.length;
        if (next % 1000 === 0) highest = Math.max(highest, process.memoryUsage().rss - before);
      },
    });
    expect([next, inOrder, bytes]).toEqual([vertices, true, vertices * line.length]);
    expect(highest).toBeLessThan(200 << 20);
  });

  test('when the connection breaks, says so and what was under way', async () => {
    const { client, daemon } = await clientOn({ ...buildingHandlers(), [bridge.Solve.path]: () => {} });
    const building = failure(client.build({ definition }));
    await expect.poll(() => daemon.calls.includes(bridge.Solve.path)).toBe(true);
    for (const session of daemon.sessions) session.destroy();
    const error = await building;
    expect([error.code, error.message.includes('Control.Solve')]).toEqual(['BUILDKIT_CONNECTION_LOST', true]);
    expect((await client.closed)?.code).toBe('BUILDKIT_CONNECTION_LOST');
  });

  test('leaves nothing behind: no handle, no listener, no memory, after a thousand of them', async () => {
    const { client } = await clientOn(buildingHandlers());
    const stop = new AbortController();
    const build = (): Promise<unknown> =>
      client.build({ definition, signal: stop.signal, onEvent: () => {} });
    // Collected for sure: how much garbage there is says nothing.
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const handles = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind !== 'Immediate').length;
    for (let i = 0; i < 50; i++) await build();
    collect();
    const [handlesBefore, heapBefore] = [handles(), process.memoryUsage().heapUsed];
    for (let i = 0; i < 1000; i++) await build();
    await expect.poll(handles).toBeLessThanOrEqual(handlesBefore + 2);
    collect();
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(20 << 20);
  });
});

describe('capabilities', () => {
  test('are asked for once, in a build that builds nothing', async () => {
    const { client, daemon } = await clientOn(
      buildingHandlers({ llb: ['mergeop'], gatewayCaps: ['gateway.exec'] }),
    );
    const [first, second] = await Promise.all([client.capabilities(), client.capabilities()]);
    expect(first).toBe(second);
    expect([first.has('mergeop'), first.has('gateway.exec'), first.has('diffop')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(daemon.calls.filter((path) => path === Solve.path)).toHaveLength(1);
  });

  test('a source policy is refused where the daemon would pass over it', async () => {
    const { client } = await clientOn(buildingHandlers());
    const error = await failure(client.build({ definition, sourcePolicy: {} }));
    expect([error.code, error.message.includes('since 0.11')]).toEqual(['BUILDKIT_CAPABILITY_MISSING', true]);
  });
});

describe('connecting', () => {
  test('to nobody is a coded error that says what was found', async () => {
    const error = await failure(connect('unix:///nowhere/at/all.sock'));
    expect(isBuildError(error)).toBe(true);
    expect([error.code, error.message]).toEqual([
      'BUILDKIT_UNREACHABLE',
      'No BuildKit daemon answered at unix:///nowhere/at/all.sock. There is no socket /nowhere/at/all.sock.',
    ]);
  });

  test('by a program that fails has the words of the program', async () => {
    const error = await failure(
      connect({
        kind: 'command',
        program: 'sh',
        args: ['-c', 'echo no such container >&2; exit 3'],
        address: 'x://y',
      }),
    );
    expect([error.code, error.message.includes('sh ended with exit code 3: no such container')]).toEqual([
      'BUILDKIT_UNREACHABLE',
      true,
    ]);
  });

  test('by a program that is not there says so', async () => {
    const error = await failure(
      connect({ kind: 'command', program: 'no-such-program-here', args: [], address: 'x://y' }),
    );
    expect([error.code, error.message.includes('no-such-program-here is not on PATH')]).toEqual([
      'BUILDKIT_UNREACHABLE',
      true,
    ]);
  });
});
