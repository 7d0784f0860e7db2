import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { performServerHandshake, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { parseAddress, type Endpoint } from '@melange2/buildkit-client';
import {
  deframer,
  dial,
  frame,
  grpcCode,
  isGrpcError,
  openChannel,
  openSessionStream,
  type Channel,
  type GrpcError,
} from '@melange2/buildkit-client/wire';
import { local, marshal, mkdir, mkfile, scratch, type State } from '@melange2/llb';
import {
  control,
  decode,
  encode,
  filesync,
  fsutil,
  gateway,
  health,
  rpc,
  type Init,
  type MessageType,
  type pb,
} from '@melange2/proto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { busyboxState, sh } from '../harness/busybox.ts';
import { minorOf } from '../harness/lacks.ts';
import { slack } from '../harness/slack.ts';

const addresses = Object.entries(inject('daemons'));
const document = readFileSync(
  join(import.meta.dirname, '../../packages/buildkit-client/PROTOCOL.md'),
  'utf8',
);
/** Each statement of PROTOCOL.md has a tag, and the test that holds it has the tag in its name. */
const tags = new Set([...document.matchAll(/^- \*\*([A-Z]\d+)\*\*/gm)].map(([, tag]) => tag!));
const held = new Set<string>();
const [solveOf, bridge] = [control.Control.methods, gateway.LLBBridge.methods];
const salt = randomUUID();

/** Declares the test of one or more statements. */
function statement(names: string, body: () => Promise<void>, timeoutMs = 12_000): void {
  for (const tag of names.split(' ')) held.add(tag);
  test(names, body, timeoutMs);
}

async function grpcFailure(work: Promise<unknown>): Promise<GrpcError> {
  try {
    await work;
  } catch (cause) {
    if (isGrpcError(cause)) return cause;
    throw cause;
  }
  throw new Error('It succeeded.');
}

const newRef = (): string => randomBytes(16).toString('hex');
const definitionOf = (state: State): pb.Definition => marshal(state, { platform: 'linux/amd64' });
const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

type Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

interface RawSession {
  readonly id: string;
  /** Paths of the calls that the daemon made, with their headers. */
  readonly calls: { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  readonly closed: Promise<void>;
  readonly close: () => void;
}

/** A session that does nothing of its own: each test answers the daemon's calls itself. */
async function rawSession(
  endpoint: Endpoint,
  handlers: Readonly<Record<string, Handler>>,
): Promise<RawSession> {
  const id = newRef();
  const stream: Duplex = await openSessionStream(endpoint, {
    id,
    name: 'raw',
    sharedKey: '',
    methods: Object.keys(handlers),
  });
  const calls: RawSession['calls'] = [];
  const session = performServerHandshake(stream, { settings: { initialWindowSize: 1 << 20 } });
  session.on('error', () => {});
  session.on('stream', (call: ServerHttp2Stream, headers) => {
    call.on('error', () => {});
    const path = headers[':path'] ?? '';
    calls.push({ path, headers });
    const handler =
      handlers[Object.keys(handlers).find((name) => name.toLowerCase() === path.toLowerCase()) ?? ''];
    if (handler === undefined) finish(call, 12);
    else handler(call, headers);
  });
  return {
    id,
    calls,
    closed: new Promise((resolve) => {
      session.on('close', resolve);
      stream.on('close', () => resolve());
    }),
    close: () => {
      session.destroy();
      stream.destroy();
    },
  };
}

function respond(call: ServerHttp2Stream, code = 0): void {
  call.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  call.on('wantTrailers', () => call.sendTrailers({ 'grpc-status': String(code) }));
}

function finish(call: ServerHttp2Stream, code: number): void {
  call.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(code) },
    { endStream: true },
  );
}

function onMessages<T>(call: ServerHttp2Stream, type: MessageType<T>, take: (message: T) => void): void {
  const { push } = deframer(64 << 20);
  call.on('data', (chunk: Buffer) => {
    for (const bytes of push(chunk)) take(decode(type, bytes));
  });
}

const healthy: Handler = (call) => {
  respond(call);
  call.end(frame(encode(health.HealthCheckResponse, { status: health.ServingStatus.SERVING })));
};

/** Sends these entries, and hears what the daemon says. */
function sender(entries: readonly Init<fsutil.Stat>[], content: Uint8Array, heard: string[]): Handler {
  return (call) => {
    respond(call);
    const send = (packet: Init<fsutil.Packet>): void => {
      call.write(frame(encode(fsutil.Packet, packet)));
    };
    const { PACKET_STAT, PACKET_REQ, PACKET_DATA, PACKET_FIN, PACKET_ERR } = fsutil.PacketType;
    onMessages(call, fsutil.Packet, (packet) => {
      switch (packet.type) {
        case PACKET_REQ:
          heard.push(`REQ ${packet.ID}`);
          send({ type: PACKET_DATA, ID: packet.ID, data: content });
          send({ type: PACKET_DATA, ID: packet.ID });
          break;
        case PACKET_FIN:
          heard.push('FIN');
          send({ type: PACKET_FIN });
          call.end();
          break;
        case PACKET_ERR:
          heard.push(`ERR ${Buffer.from(packet.data).toString()}`);
          break;
        default:
          heard.push(`type ${packet.type}`);
      }
    });
    for (const stat of entries) send({ type: PACKET_STAT, stat });
    send({ type: PACKET_STAT });
  };
}

const file = (path: string, content: string): Init<fsutil.Stat> => ({
  path,
  mode: 0o644,
  size: content.length,
  modTime: BigInt(Date.now()) * 1_000_000n,
});

describe('PROTOCOL.md', () => {
  test('every statement has a test, and every test a statement', () => {
    expect([...held].toSorted()).toEqual([...tags].toSorted());
  });
});

describe.skipIf(addresses.length === 0).each(addresses)('BuildKit %s', (age, address) => {
  let endpoint: Endpoint;
  let channel: Channel;
  let base: State;
  const minor = minorOf(age);
  const modern = minor > 8;
  const diffCopy = filesync.FileSync.methods.DiffCopy.path;
  const sendCopy = filesync.FileSend.methods.DiffCopy.path;
  const healthCheck = health.Health.methods.Check.path;

  beforeAll(async () => {
    endpoint = parseAddress(address);
    channel = await openChannel(await dial(endpoint));
    base = await busyboxState();
  });
  afterAll(() => channel?.close());

  /** Opens a build and returns what its gateway calls need. */
  async function openBuild(more: Init<control.SolveRequest> = {}): Promise<{
    ref: string;
    solved: Promise<control.SolveResponse>;
    metadata: Record<string, string>;
  }> {
    const ref = newRef();
    const solved = channel.unary(solveOf.Solve, { Ref: ref, Cache: {}, ...more });
    solved.catch(() => {});
    const metadata = { 'buildkit-controlapi-buildid': ref };
    for (let attempt = 0; ; attempt++) {
      try {
        await channel.unary(bridge.Ping, {}, { metadata });
        return { ref, solved, metadata };
      } catch (cause) {
        if (attempt > 50) throw cause;
        await pause(10);
      }
    }
  }

  async function resultOf(state: State, metadata: Record<string, string>): Promise<string> {
    const { result } = await channel.unary(
      bridge.Solve,
      { Definition: definitionOf(state), allowResultReturn: true, allowResultArrayRef: true, Evaluate: true },
      { metadata },
    );
    return result?.result?.kind === 'ref' ? result.result.value.id : '';
  }

  /** Solves directly, without a gateway. */
  const solve = (more: Init<control.SolveRequest>): Promise<control.SolveResponse> =>
    channel.unary(solveOf.Solve, { Ref: newRef(), Cache: {}, ...more });

  statement('T1', async () => {
    if (endpoint.kind !== 'docker' || endpoint.socket.kind !== 'unix') return;
    const socket = connectSocket(endpoint.socket.path);
    socket.write('POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    const answer = await new Promise<string>((resolve) => {
      socket.once('data', (chunk) => resolve(chunk.toString('latin1')));
    });
    socket.destroy();
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
  });

  statement('T2', async () => {
    const outcome = await channel.unary(health.Health.methods.Check, {}).then(
      ({ status }) => status,
      (cause: GrpcError) => cause.code,
    );
    expect(outcome).toBe(endpoint.kind === 'docker' ? grpcCode.unimplemented : health.ServingStatus.SERVING);
  });

  statement('T3', async () => {
    const error = await grpcFailure(channel.unary(solveOf.DiskUsage, { filter: ['=bad='] }));
    expect([error.code === 0, error.message === '']).toEqual([false, false]);
  });

  statement('S1', async () => {
    // Offered on a connection of its own; the solve is on another one.
    const heard: string[] = [];
    const session = await rawSession(endpoint, {
      [diffCopy]: sender([file('a', salt)], Buffer.from(salt), heard),
      [healthCheck]: healthy,
    });
    await solve({ Session: session.id, Definition: definitionOf(local('src').file(mkdir('/x'))) });
    expect(session.calls.some(({ path }) => path === diffCopy)).toBe(true);
    session.close();
  });

  statement('S2', async () => {
    const session = await rawSession(endpoint, { [healthCheck]: healthy });
    const error = await grpcFailure(
      solve({ Session: session.id, Definition: definitionOf(local(`none-${salt}`)) }),
    );
    expect(error.message).toMatch(/filesync|no local sources enabled|not supported by the client/i);
    expect(session.calls.filter(({ path }) => path.includes('FileSync'))).toEqual([]);
    session.close();
  });

  statement('S3', async () => {
    const started = performance.now();
    const error = await grpcFailure(
      solve({ Session: `missing-${salt}`, Definition: definitionOf(local(`m-${salt}`)) }),
    );
    expect(error.message).toContain(`no active session for missing-${salt}`);
    expect(performance.now() - started).toBeGreaterThan(4000);
  });

  statement('S4', async () => {
    const session = await rawSession(endpoint, { [diffCopy]: () => {}, [healthCheck]: healthy });
    await expect
      .poll(() => session.calls.some(({ path }) => path === healthCheck), { timeout: 15_000 })
      .toBe(true);
    session.close();
  });

  statement(
    'S5',
    async () => {
      const session = await rawSession(endpoint, { [diffCopy]: () => {} });
      const started = performance.now();
      await session.closed;
      const livedMs = performance.now() - started;
      const expectedMs = minor > 25 ? 10_000 : 5000;
      if (modern) {
        expect(livedMs).toBeGreaterThan(expectedMs - 2000);
        expect(livedMs).toBeLessThan(expectedMs + slack * 2000);
      } else {
        expect(livedMs).toBeLessThan(slack * 3000);
      }
    },
    20_000,
  );

  statement('F1', async () => {
    const session = await rawSession(endpoint, {
      [diffCopy]: sender([], Buffer.alloc(0), []),
      [healthCheck]: healthy,
    });
    const source = local(`näme-${salt}`, {
      includePatterns: ['a', 'b/*'],
      excludePatterns: ['c'],
      followPaths: ['d'],
      differ: { type: 'none', required: false },
    });
    await solve({ Session: session.id, Definition: definitionOf(source) });
    const { headers } = session.calls.find(({ path }) => path === diffCopy)!;
    const read = (name: string): string =>
      headers[`${name}-encoded`] === '1' ? decodeURIComponent(String(headers[name])) : String(headers[name]);
    if (modern) expect(read('dir-name')).toBe(`näme-${salt}`);
    expect([headers['include-patterns'], headers['exclude-patterns'], headers['followpaths']]).toEqual([
      'a, b/*',
      'c',
      'd',
    ]);
    session.close();
  });

  statement('F2 F3', async () => {
    const heard: string[] = [];
    const content = `content ${salt}`;
    const entries = [
      { path: 'd', mode: 0x8000_01ed, modTime: 1n },
      file('d/f', content),
      { path: 'd/l', mode: 0x0800_01ff, linkname: 'f', modTime: 1n },
      file('g', content),
    ];
    const session = await rawSession(endpoint, {
      [diffCopy]: sender(entries, Buffer.from(content), heard),
      [healthCheck]: healthy,
    });
    await solve({ Session: session.id, Definition: definitionOf(local(`files-${salt}`)) });
    // Only regular files are asked for, by the running number of their entries; FIN comes last.
    expect(heard.slice(0, -1).toSorted()).toEqual(['REQ 1', 'REQ 3']);
    expect(heard.at(-1)).toBe('FIN');
    session.close();
  });

  statement('F4', async () => {
    const heard: string[] = [];
    const session = await rawSession(endpoint, {
      [diffCopy]: sender([file('b', 'x'), file('a', 'x')], Buffer.from('x'), heard),
      [healthCheck]: healthy,
    });
    const error = await grpcFailure(
      solve({ Session: session.id, Definition: definitionOf(local(`order-${salt}`)) }),
    );
    expect(error.message).toMatch(/changes out of order: "[ab]" "[ab]"/);
    session.close();
  });

  statement('F5', async () => {
    const heard: string[] = [];
    const stats = [file('same', salt)];
    // The same folder as far as the daemon can tell, in two sessions: in one it would not even ask.
    for (let i = 0; i < 2; i++) {
      const session = await rawSession(endpoint, {
        [diffCopy]: sender(stats, Buffer.from(salt), heard),
        [healthCheck]: healthy,
      });
      await solve({
        Session: session.id,
        Definition: definitionOf(local(`unchanged-${salt}`, { sharedKeyHint: salt })),
      });
      session.close();
    }
    expect(heard).toEqual(['REQ 0', 'FIN', 'FIN']);
  });

  statement('X1', async () => {
    let bytes = 0;
    let halfClosed = false;
    const session = await rawSession(endpoint, {
      [sendCopy]: (call) => {
        respond(call);
        onMessages(call, filesync.BytesMessage, ({ data }) => {
          bytes += data.length;
        });
        call.on('end', () => {
          halfClosed = true;
          call.end();
        });
      },
      [healthCheck]: healthy,
    });
    await solve({
      Session: session.id,
      Definition: definitionOf(scratch().file(mkfile('/f', salt))),
      ExporterDeprecated: 'tar',
      Exporters: [{ Type: 'tar' }],
    });
    expect([bytes % 512, bytes > 1000, halfClosed]).toEqual([0, true, true]);
    const { headers } = session.calls.find(({ path }) => path.toLowerCase() === sendCopy.toLowerCase())!;
    expect(headers['buildkit-attachable-exporter-id']).toBe(modern ? '0' : undefined);
    session.close();
  });

  statement('X2', async () => {
    const session = await rawSession(endpoint, {
      [sendCopy]: (call) => {
        respond(call, 13);
        call.resume();
        call.on('end', () => call.end());
      },
      [healthCheck]: healthy,
    });
    await grpcFailure(
      solve({
        Session: session.id,
        Definition: definitionOf(scratch().file(mkfile('/f', salt))),
        ExporterDeprecated: 'tar',
        Exporters: [{ Type: 'tar' }],
      }),
    );
    session.close();
  });

  statement('G1 G2', async () => {
    const { solved, metadata } = await openBuild();
    let over = false;
    void solved
      .finally(() => {
        over = true;
      })
      .catch(() => {});
    await pause(200);
    expect(over).toBe(false);
    await grpcFailure(channel.unary(bridge.Ping, {}));
    await grpcFailure(
      channel.unary(bridge.Ping, {}, { metadata: { 'buildkit-controlapi-buildid': newRef() } }),
    );
    await channel.unary(
      bridge.Return,
      { result: { result: { kind: 'ref', value: { id: '' } } } },
      { metadata },
    );
    await solved;
  });

  statement('G3', async () => {
    const { solved, metadata } = await openBuild();
    const error: Init<rpc.Status> = {
      code: 9,
      message: 'as I said',
      details: [
        {
          type_url: 'github.com/moby/buildkit/errdefs.Vertex+json',
          value: Buffer.from('{"digest":"sha256:00"}'),
        },
      ],
    };
    await channel.unary(bridge.Return, { error }, { metadata });
    const said = await grpcFailure(solved);
    expect(said.message).toContain('as I said');
    if (modern) {
      const urls = decode(rpc.Status, said.detailBytes!).details.map(({ type_url }) => type_url);
      expect(urls).toContain('github.com/moby/buildkit/errdefs.Vertex+json');
    }
  });

  statement('G4', async () => {
    const { solved, metadata } = await openBuild();
    const failed = await grpcFailure(
      resultOf(base.run({ args: sh(`echo ${salt} > /f; exit 9`), network: 'none' }).root, metadata),
    );
    if (!modern) expect(failed.detailBytes).toBeUndefined();
    else {
      const { details } = decode(rpc.Status, failed.detailBytes!);
      const solveDetail = details.find(({ type_url }) => type_url.endsWith('errdefs.Solve+json'))!;
      const { mountIDs } = JSON.parse(Buffer.from(solveDetail.value).toString()) as { mountIDs: string[] };
      // The state can be mounted, but it is no result that can be returned.
      await channel.unary(
        bridge.NewContainer,
        { ContainerID: newRef(), Mounts: [{ dest: '/', input: -1, output: -1, resultID: mountIDs[0]! }] },
        { metadata },
      );
      const refused = await grpcFailure(
        channel
          .unary(
            bridge.Return,
            { result: { result: { kind: 'ref', value: { id: mountIDs[0]! } } } },
            { metadata },
          )
          .then(() => solved),
      );
      expect(refused.message).toMatch(/not found|return reference/);
    }
    await channel.unary(bridge.Return, { error: { code: 1, message: 'over' } }, { metadata }).catch(() => {});
    await solved.catch(() => {});
  });

  statement('E1', async () => {
    const { solved, metadata } = await openBuild();
    const resultID = await resultOf(base, metadata);
    const ContainerID = `with-${newRef()}`;
    const Mounts = [{ dest: '/', input: -1, output: -1, resultID }];
    await channel.unary(bridge.NewContainer, { ContainerID, Mounts, Network: 2 }, { metadata });
    const call = channel.duplex(bridge.ExecProcess, { metadata });
    await call.send({
      ProcessID: 'p',
      Input: { kind: 'Init', value: { ContainerID, Meta: { args: sh('true'), cwd: '/' }, Fds: [1] } },
    });
    let said = '';
    for await (const { Input } of call) {
      if (Input?.kind === 'Exit') said = Input.value.Error?.message ?? '';
      if (Input?.kind === 'Done') call.end();
    }
    if (modern) expect(said).toContain('only letters and numbers are allowed');
    else expect(said).toBe('');
    await channel.unary(bridge.Return, { error: { code: 1, message: 'over' } }, { metadata }).catch(() => {});
    await solved.catch(() => {});
  });

  statement('E2 E3', async () => {
    const { solved, metadata } = await openBuild();
    const resultID = await resultOf(base, metadata);
    const ContainerID = newRef();
    const mounts = [{ dest: '/', input: -1, output: -1, resultID }];
    await channel.unary(bridge.NewContainer, { ContainerID, Mounts: mounts, Network: 2 }, { metadata });
    const call = channel.duplex(bridge.ExecProcess, { metadata });
    const heard: string[] = [];
    await call.send({
      ProcessID: 'p',
      Input: {
        kind: 'Init',
        value: { ContainerID, Meta: { args: sh('echo out; exit 4'), cwd: '/' }, Fds: [0, 1, 2] },
      },
    });
    const beforeEnd: string[] = [];
    const endLater = pause(700).then(async () => {
      beforeEnd.push(...heard);
      await call.send({ ProcessID: 'p', Input: { kind: 'File', value: { Fd: 0, EOF: true } } });
    });
    for await (const { Input } of call) {
      heard.push(
        Input?.kind === 'File' ? (Input.value.EOF ? `EOF ${Input.value.Fd}` : 'Data') : (Input?.kind ?? ''),
      );
      if (Input?.kind === 'Exit') expect(Input.value.Code).toBe(4);
      if (Input?.kind === 'Done') call.end();
    }
    await endLater;
    expect(beforeEnd.filter((what) => what === 'Exit' || what === 'Done')).toEqual(
      minor > 25 ? ['Exit'] : [],
    );
    expect([heard[0], heard.at(-1), heard.includes('EOF 1'), heard.includes('EOF 2')]).toEqual([
      'Started',
      'Done',
      true,
      true,
    ]);
    const released = await channel.unary(bridge.ReleaseContainer, { ContainerID }, { metadata }).then(
      () => 'released',
      ({ message }: GrpcError) => message,
    );
    expect(['released', 'exit code: 4']).toContain(released);
    await channel.unary(
      bridge.Return,
      { result: { result: { kind: 'ref', value: { id: '' } } } },
      { metadata },
    );
    await solved;
  });

  statement('P1 P2', async () => {
    const ref = newRef();
    const status = channel.serverStream(solveOf.Status, { Ref: ref });
    const state = base.run({ args: sh(`echo ${salt} status`), network: 'none' }).root;
    const solved = channel.unary(solveOf.Solve, { Ref: ref, Cache: {}, Definition: definitionOf(state) });
    const listed = new Set<string>();
    const listedAtStart: number[] = [];
    for await (const { vertexes } of status) {
      for (const { digest } of vertexes) listed.add(digest);
      if (vertexes.some(({ started }) => started !== undefined)) listedAtStart.push(listed.size);
    }
    await solved;
    expect(listedAtStart[0]).toBe(2);
    const headers = await status.headers;
    expect(typeof headers?.['buildkit-current-timestamp']).toBe(modern ? 'string' : 'undefined');
  });

  statement('P3', async () => {
    const ref = newRef();
    const stop = new AbortController();
    const status = channel.serverStream(solveOf.Status, { Ref: ref }, { signal: stop.signal });
    await pause(50);
    await grpcFailure(
      channel.unary(solveOf.Solve, { Ref: ref, Cache: {}, Entitlements: ['security.insecure'] }),
    );
    const outcome = await Promise.race([
      status.next().then(
        () => 'ended',
        () => 'ended',
      ),
      // An old daemon looks for the build for three seconds.
      pause(6000).then(() => 'goes on'),
    ]);
    stop.abort();
    expect(outcome).toBe(modern ? 'goes on' : 'ended');
  });

  statement(
    'P4',
    async () => {
      const ref = newRef();
      const definition = definitionOf(base.run({ args: sh(`echo ${salt} replay`), network: 'none' }).root);
      await channel.unary(solveOf.Solve, { Ref: ref, Cache: {}, Definition: definition });
      const told = async (): Promise<string> => {
        let log = '';
        for await (const { logs } of channel.serverStream(solveOf.Status, { Ref: ref }))
          for (const { msg } of logs) log += Buffer.from(msg).toString();
        return log;
      };
      expect(await told()).toBe(`${salt} replay\n`);
      await pause(11_000);
      if (modern) expect(await told()).toBe(`${salt} replay\n`);
      else expect((await grpcFailure(told())).message).toContain('no such job');
    },
    20_000,
  );

  statement('L1', async () => {
    const limit = minor > 13 ? 16 << 20 : 4 << 20;
    const over = definitionOf(scratch().file(mkfile('/f', Buffer.alloc(limit + 1000))));
    const error = await grpcFailure(solve({ Definition: over }));
    expect([error.code, error.message]).toEqual([
      grpcCode.resourceExhausted,
      expect.stringContaining('received message larger than max') as string,
    ]);
  });

  statement('L2', async () => {
    const stop = new AbortController();
    const ref = newRef();
    const status = channel.serverStream(solveOf.Status, { Ref: ref });
    const state = base.run({ args: sh(`echo ${salt} go; sleep 100`), network: 'none' }).root;
    const solved = channel
      .unary(solveOf.Solve, { Ref: ref, Cache: {}, Definition: definitionOf(state) }, { signal: stop.signal })
      .catch(() => {});
    let error = '';
    let abortedMs = 0;
    for await (const { logs, vertexes } of status) {
      if (logs.length > 0) {
        abortedMs = performance.now();
        stop.abort();
      }
      error += vertexes.map((vertex) => vertex.error).join('');
    }
    await solved;
    expect(error).toContain('context canceled');
    expect(performance.now() - abortedMs).toBeLessThan(slack * 2000);
  });
});
