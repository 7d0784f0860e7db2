// A graph of 10,000 steps as a build file makes them: build, marshal and digest, against the SHA-256 of the same
// ops alone.
// `node --conditions=x-source bench/llb/marshal.ts`
import { hash } from 'node:crypto';
import { encodeDefinition, image, local, marshal, type Definition, type State } from '@melange2/llb';

const steps = 10_000;
const rounds = 21;

function makeGraph(): State {
  const source = local('source', { localUniqueId: 'bench' });
  let state = image('alpine:3.20').with({
    env: { HOME: '/home/build', PATH: '/usr/bin:/bin', SOURCE_DATE_EPOCH: '0' },
    cwd: '/home/build',
    user: 'build',
  });
  for (let i = 0; i < steps; i++) {
    state = state.run({
      args: ['/bin/sh', '-c', script(i)],
      customName: `target ${i}`,
      mounts: [
        { kind: 'bind', dest: '/src', source, readonly: true },
        { kind: 'cache', dest: '/cache', id: 'ccache' },
      ],
    }).root;
  }
  return state;
}

/** Of the length that steps of a build file have: a few lines. */
function script(step: number): string {
  return [
    'set -e',
    '[ -d "$HOME" ] || mkdir -p "$HOME"',
    `cd "$HOME/part-${step}"`,
    './configure --host="x86_64-pc-linux-gnu" --prefix=/usr --sysconfdir=/etc --mandir=/usr/share/man',
    `make -j"$(nproc)" V=1 CFLAGS="$CFLAGS -O2 -fstack-protector-strong" part-${step}`,
    `make install DESTDIR="/home/build/melange-out/part-${step}"`,
    '',
  ].join('\n');
}

function timed<T>(work: () => T): [milliseconds: number, result: T] {
  const start = performance.now();
  const result = work();
  return [performance.now() - start, result];
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const graphs: number[] = [];
const digests: number[] = [];
const encodings: number[] = [];
let definition: Definition | undefined;
for (let round = 0; round < rounds; round++) {
  const [graph, made] = timed(() => marshal(makeGraph(), { platform: 'linux/amd64' }));
  // The first rounds are slower: the code is not compiled yet. The first of all is what a program feels.
  if (round === 0) console.log(`first round: ${graph.toFixed(1)} ms`);
  graphs.push(graph);
  definition = made;
}
const ops = definition!.def.map((op) => op.slice());
for (let round = 0; round < rounds; round++) {
  const [digest] = timed(() => {
    for (const op of ops) hash('sha256', op, 'hex');
  });
  digests.push(digest);
}
for (let round = 0; round < 5; round++) encodings.push(timed(() => encodeDefinition(definition!))[0]);

const sizeBytes = definition!.def.reduce((sum, op) => sum + op.length, 0);
console.log(
  `${definition!.def.length} ops, ${(sizeBytes / 1e6).toFixed(2)} MB; ` +
    `build + marshal + digest ${median(graphs).toFixed(1)} ms, sha256 ${median(digests).toFixed(1)} ms, ` +
    `ratio ${(median(graphs) / median(digests)).toFixed(1)} (at most 12)`,
);
console.log(`definition for the wire: ${median(encodings).toFixed(1)} ms`);
