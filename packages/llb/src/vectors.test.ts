import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isBuildError } from '@melange2/diagnostics';
import { decode, encode, fromJson, pb, type Json } from '@melange2/proto';
import { describe, expect, test } from 'vitest';
import {
  decodeDefinition,
  diffDefinitions,
  digestOfBytes,
  encodeDefinition,
  formatDefinition,
  fromDefinition,
  marshal,
  readGraph,
  vertexNames,
} from './index.ts';
import { marshalVector, type VectorGraph, type VectorSet } from './testing/vector-graph.ts';

const folder = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');
const file = join(folder, 'llb/graphs.json');

interface RecordedOp {
  readonly digest: string;
  readonly bytes: string;
  readonly metadata?: Json;
  readonly vertexName?: string;
  readonly extraCaps?: readonly string[];
}
interface Recorded extends VectorGraph {
  readonly ops: readonly RecordedOp[];
  readonly head: string;
  readonly headIndex: number;
  readonly source?: Json;
}

interface RecordedSet extends VectorSet {
  readonly graphs: readonly Recorded[];
  readonly errors: readonly VectorGraph[];
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** Leaves out capabilities that Go forgets. */
function asGo(
  metadata: pb.OpMetadata,
  { metadata: recorded = {}, extraCaps = [] }: RecordedOp,
): pb.OpMetadata {
  const caps = fromJson(pb.OpMetadata, recorded).caps;
  return {
    ...metadata,
    caps: new Map([...metadata.caps].filter(([cap]) => caps.has(cap) || !extraCaps.includes(cap))),
  };
}

if (!existsSync(file)) test.skip(`the vectors are not here (${file})`, () => {});
else {
  const set = JSON.parse(readFileSync(file, 'utf8')) as RecordedSet;

  describe('a graph has the bytes that Go gives it', () => {
    test.each(set.graphs.map((g) => [g.name, g] as const))('%s', (_, recorded) => {
      const definition = marshalVector(recorded, set);
      expect(definition.def.map(base64)).toEqual(recorded.ops.map((op) => op.bytes));
      expect(definition.def.map(digestOfBytes)).toEqual(recorded.ops.map((op) => op.digest));
      expect(definition.head).toEqual(
        recorded.head === '' ? undefined : { digest: recorded.head, index: recorded.headIndex },
      );
      for (const op of recorded.ops) {
        const metadata = definition.metadata.get(op.digest)!;
        expect(asGo(metadata, op)).toEqual(fromJson(pb.OpMetadata, op.metadata ?? {}));
      }
      if (recorded.source !== undefined) {
        expect(definition.Source).toEqual(fromJson(pb.Source, recorded.source));
      }
      if (recorded.ops.every((op) => op.extraCaps === undefined)) {
        expect(base64(encodeDefinition(definition))).toBe(recorded.definition);
      }
    });
  });

  describe('a recorded definition survives being read and built on', () => {
    test.each(set.graphs.map((g) => [g.name, g] as const))('%s', (_, recorded) => {
      const bytes = new Uint8Array(Buffer.from(recorded.definition!, 'base64'));
      const definition = decodeDefinition(bytes);
      expect(base64(encodeDefinition(definition))).toBe(recorded.definition);
      expect(base64(encode(pb.Definition, decode(pb.Definition, bytes)))).toBe(recorded.definition);
      const again = marshal(fromDefinition(definition), { platform: 'linux/riscv64' });
      expect(again.def.map(base64).toSorted()).toEqual(recorded.ops.map((op) => op.bytes).toSorted());
      expect(again.head).toEqual(definition.head);
    });
  });

  describe('what Go refuses is refused', () => {
    test.each(set.errors.map((g) => [g.name, g] as const))('%s', (_, recorded) => {
      let failure: unknown;
      try {
        marshalVector(recorded, set);
      } catch (error) {
        failure = error;
      }
      expect(isBuildError(failure)).toBe(true);
    });
  });

  test('ops have the names that the daemon shows', () => {
    for (const recorded of set.graphs) {
      const names = vertexNames(readGraph(marshalVector(recorded, set)));
      expect(names, recorded.name).toEqual(recorded.ops.flatMap((op) => op.vertexName ?? []));
    }
  });

  test('two definitions are printed alike only when their ops are equal', () => {
    const seen = new Map<string, readonly [name: string, def: string]>();
    for (const recorded of set.graphs) {
      const definition = marshalVector(recorded, set);
      const text = formatDefinition(definition).replaceAll(/ {2}# .*/g, '');
      const def = definition.def.map(base64).join();
      const before = seen.get(text);
      if (before !== undefined && before[1] !== def) {
        expect.fail(`${before[0]} and ${recorded.name} are both printed as\n${text}`);
      }
      seen.set(text, [recorded.name, def]);
    }
  });

  test('a difference is found exactly where the bytes or the metadata differ', () => {
    const definitions = set.graphs.map((g) => ({ name: g.name, definition: marshalVector(g, set) }));
    for (const [i, a] of definitions.entries()) {
      expect(diffDefinitions(a.definition, a.definition), a.name).toEqual([]);
      const b = definitions[i + 1];
      if (b === undefined) continue;
      const same = a.definition.def.map(base64).join() === b.definition.def.map(base64).join();
      const changes = diffDefinitions(a.definition, b.definition);
      const ofMetadata = changes.every(
        (c) => c.kind === 'changed' && c.fields.every((f) => f.path.startsWith('metadata')),
      );
      if (same) expect(ofMetadata, `${a.name} and ${b.name}`).toBe(true);
      else expect(changes.length, `${a.name} and ${b.name}`).toBeGreaterThan(0);
    }
  });
}
