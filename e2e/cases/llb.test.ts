import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type Client, type SolveFailure } from '@melange2/buildkit-client';
import {
  copy,
  decodeDefinition,
  diff,
  fromDefinition,
  marshal,
  merge,
  mkdir,
  mkfile,
  readGraph,
  rm,
  scratch,
  symlink,
  type GraphOp,
  type RunOptions,
  type SourceFile,
  type State,
} from '@melange2/llb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

const daemons = Object.entries(inject('daemons'));
const vectors = join(
  process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../shared/vectors'),
  'llb/graphs.json',
);

/**
 * A program for x86_64 Linux: writes the first five bytes of its first argument to /out/made, and exits with the
 * number of its further arguments.
 */
function program(): Uint8Array {
  const code = Buffer.from(
    'b802000000488d3d33000000be41000000baa40100000f0589c7488b742410ba05000000b8010000000f058b3c2483ef02b83c0000000f05',
    'hex',
  );
  const path = Buffer.from('/out/made\0');
  // The address in the second instruction is that of the path, behind the code.
  code.writeInt32LE(code.length - 12, 8);
  const entry = 0x400000 + 64 + 56;
  const size = 64 + 56 + code.length + path.length;
  const header = Buffer.alloc(64 + 56);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(entry), 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, 64);
  header.writeUInt32LE(5, 68);
  header.writeBigUInt64LE(0x400000n, 80);
  header.writeBigUInt64LE(0x400000n, 88);
  header.writeBigUInt64LE(BigInt(size), 96);
  header.writeBigUInt64LE(BigInt(size), 104);
  header.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([header, code, path]);
}

const tools = scratch().file(mkfile('/program', program(), { mode: 0o755 }), { customName: 'tools' });
const file: SourceFile = { filename: 'hello.yaml', data: 'pipeline:\n  - runs: make\n', language: 'YAML' };

function step(text: string, ...more: readonly string[]): RunOptions {
  return {
    args: ['/program', text, ...more],
    network: 'none',
    mounts: [{ kind: 'bind', dest: '/out' }],
    locations: [{ file, ranges: [{ start: { line: 2, character: 4 }, end: { line: 2, character: 14 } }] }],
  };
}

function isSymlink({ message: { op } }: GraphOp): boolean {
  return op?.kind === 'file' && op.value.actions.some(({ action }) => action?.kind === 'symlink');
}

describe.each(daemons)('graphs on BuildKit %s', (_, address) => {
  let client: Client;
  let caps: ReadonlySet<string>;

  beforeAll(async () => {
    client = await connect(address);
    caps = (await client.capabilities()).llb;
  });
  afterAll(() => client.close());

  const definitionOf = (state: State) =>
    marshal(state, { platform: `linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}`, caps });

  /** Reads files of a state as text. */
  async function read(state: State, ...paths: readonly string[]): Promise<readonly string[]> {
    const texts: string[] = [];
    await client.build({
      run: async (gateway) => {
        const { ref } = await gateway.solve({ definition: definitionOf(state), evaluate: true });
        for (const path of paths) texts.push(new TextDecoder().decode(await ref!.readFile(path)));
        return undefined;
      },
    });
    return texts;
  }

  test('file actions do what they say, in order', async () => {
    const other = scratch().file(mkfile('/in', 'copied'));
    const state = scratch().file([
      mkdir('/a/b', { makeParents: true }),
      mkfile('/a/b/x', 'x', { mode: 0o600, owner: '7:8', createdNs: 1_000_000_000n }),
      copy(other, '/in', '/a/c'),
      copy({ base: other, actions: [mkfile('/made', 'in between')] }, '/made', '/a/d'),
      mkfile('/gone', ''),
      rm('/gone'),
      ...(caps.has('file.symlink.create') ? [symlink('b/x', '/a/link')] : []),
    ]);
    expect(await read(state, '/a/b/x', '/a/c', '/a/d')).toEqual(['x', 'copied', 'in between']);
    await client.build({
      run: async (gateway) => {
        const { ref } = await gateway.solve({ definition: definitionOf(state) });
        expect(await ref!.statFile('/a/b/x')).toMatchObject({
          uid: 7,
          gid: 8,
          mode: 0o600,
          modifiedMs: 1000,
        });
        expect((await ref!.readDir('/')).map((f) => f.path)).toEqual(['a']);
        return undefined;
      },
    });
  });

  test.skipIf(process.arch !== 'x64')('steps run, and their mounts have results', async () => {
    const exec = tools.run(step('hello'));
    expect(await read(exec.mount('/out'), '/made')).toEqual(['hello']);
    expect(await read(scratch().file(copy(exec.mount('/out'), '/made', '/twice')), '/twice')).toEqual([
      'hello',
    ]);
  });

  test('the daemon names vertices by the digests that marshalling gave', async () => {
    const definition = definitionOf(
      scratch()
        .file(mkdir('/one'))
        .file(mkfile('/one/two', String(Date.now()))),
    );
    const seen = new Set<string>();
    await client.build({
      definition,
      onEvent: (event) => {
        if (event.type === 'vertexAdded') seen.add(event.vertex);
      },
    });
    expect([...seen].toSorted()).toEqual(
      readGraph(definition)
        .ops.map((op) => op.digest)
        .toSorted(),
    );
  });

  test('file systems are merged and compared, or the daemon says what it lacks', async () => {
    const base = scratch().file(mkfile('/base', 'b'));
    const changed = base.file(mkfile('/new', 'n'));
    const state = merge([scratch().file(mkfile('/other', 'o')), diff(base, changed)]);
    if (caps.has('mergeop') && caps.has('diffop')) {
      expect(await read(state, '/other', '/new')).toEqual(['o', 'n']);
    } else await expect(read(state, '/other')).rejects.toThrow(/capability|diffop|mergeop/i);
  });

  test.skipIf(process.arch !== 'x64')('a failing step is found in the file that it comes from', async () => {
    const failing = tools.run({ ...step('hello', 'one more'), customName: 'make' }).root;
    const definition = definitionOf(failing);
    const failure = await client.build({ definition }).then(
      () => expect.fail('the step did not fail'),
      (error: { readonly details: SolveFailure }) => error.details,
    );
    // Daemons before 0.10 send a text only.
    if (failure.places.length === 0) expect(caps.has('mergeop')).toBe(false);
    else {
      expect(failure.places).toMatchObject([
        { file: 'hello.yaml', ranges: [{ start: { line: 2, character: 4 } }] },
      ]);
      expect(failure.exitCode).toBe(1);
      expect(failure.vertex?.digest).toBe(definition.head?.digest);
    }
  });

  test.skipIf(!existsSync(vectors))(
    'recorded graphs that need nothing from outside are taken, and built where Go’s are',
    async () => {
      const { graphs } = JSON.parse(readFileSync(vectors, 'utf8')) as {
        readonly graphs: readonly { readonly name: string; readonly definition: string }[];
      };
      // Actions that must fail: without parents, of nothing, or of users that are nowhere.
      const failures: string[] = [];
      let built = 0;
      for (const { name, definition } of graphs) {
        const bytes = new Uint8Array(Buffer.from(definition, 'base64'));
        const graph = readGraph(decodeDefinition(bytes));
        const isPure = graph.ops.every((op) => ['file', 'merge', 'diff', 'passthrough'].includes(op.kind));
        const isKnown = graph.ops.every((op) =>
          [...(op.metadata?.caps.keys() ?? [])].every((c) => caps.has(c)),
        );
        // Go forgets to ask for this one.
        const links = graph.ops.some((op) => isSymlink(op));
        if (!isPure || !isKnown || graph.result === undefined) continue;
        if (links && !caps.has('file.symlink.create')) continue;
        const again = marshal(fromDefinition(decodeDefinition(bytes)), { platform: 'linux/amd64' });
        await client.build({ definition: again }).then(
          () => built++,
          (error: Error) => failures.push(`${name}: ${error.message}`),
        );
      }
      expect(built).toBeGreaterThan(15);
      const unexpected = failures.filter((f) => !/no such file|cannot|invalid user|not found|lstat/i.test(f));
      expect(unexpected).toEqual([]);
    },
  );
});

if (daemons.length === 0) test.skip('no daemon to try graphs on');
