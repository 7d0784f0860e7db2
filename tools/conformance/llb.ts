import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isBuildError } from '@melange2/diagnostics';
import { digestOfBytes } from '@melange2/llb';
import { fromJson, pb, type Json } from '@melange2/proto';
import { isDeepStrictEqual } from 'node:util';
import {
  marshalVector,
  type VectorGraph,
  type VectorSet,
} from '../../packages/llb/src/testing/vector-graph.ts';
import type { Conformance } from './solver.ts';

interface RecordedOp {
  readonly digest: string;
  readonly bytes: string;
  readonly metadata?: Json;
  readonly extraCaps?: readonly string[];
}
interface Recorded extends VectorGraph {
  readonly ops: readonly RecordedOp[];
  readonly head: string;
  readonly headIndex: number;
  readonly source?: Json;
}
interface Vectors extends VectorSet {
  readonly graphs: readonly Recorded[];
  readonly errors: readonly (VectorGraph & { readonly error: string })[];
}

/** Makes every recorded graph with the builder and compares bytes, metadata, result and source map with Go's. */
export async function run(vectors: string): Promise<Conformance> {
  const set = JSON.parse(readFileSync(join(vectors, 'llb/graphs.json'), 'utf8')) as Vectors;
  const result = { equal: 0, listed: 0, failed: [] as string[] };
  for (const recorded of set.graphs) {
    const problem = compare(recorded, set);
    // Go forgets to record some capabilities of file ops; we record them, and an old daemon says what it lacks.
    if (problem === undefined && recorded.ops.some((op) => op.extraCaps !== undefined)) result.listed++;
    else if (problem === undefined) result.equal++;
    else result.failed.push(`${recorded.name}: ${problem}`);
  }
  for (const recorded of set.errors) {
    try {
      marshalVector(recorded, set);
      result.failed.push(`${recorded.name}: it is not refused (Go: ${recorded.error})`);
    } catch (error) {
      if (isBuildError(error)) result.equal++;
      else result.failed.push(`${recorded.name}: ${String(error)}`);
    }
  }
  return await Promise.resolve(result);
}

function compare(recorded: Recorded, set: VectorSet): string | undefined {
  const definition = marshalVector(recorded, set);
  if (definition.def.length !== recorded.ops.length) {
    return `${definition.def.length} ops instead of ${recorded.ops.length}`;
  }
  for (const [i, op] of recorded.ops.entries()) {
    const bytes = definition.def[i]!;
    if (Buffer.from(bytes).toString('base64') !== op.bytes) return `op ${i + 1} has other bytes`;
    if (digestOfBytes(bytes) !== op.digest) return `op ${i + 1} has another digest`;
    const want = fromJson(pb.OpMetadata, op.metadata ?? {});
    const got = definition.metadata.get(op.digest)!;
    const caps = new Map([...got.caps].filter(([c]) => want.caps.has(c) || !op.extraCaps?.includes(c)));
    if (!isDeepStrictEqual({ ...got, caps }, want)) return `op ${i + 1} has other metadata`;
  }
  const head = recorded.head === '' ? undefined : { digest: recorded.head, index: recorded.headIndex };
  if (!isDeepStrictEqual(definition.head, head)) return 'the result is another';
  if (
    recorded.source !== undefined &&
    !isDeepStrictEqual(definition.Source, fromJson(pb.Source, recorded.source))
  ) {
    return 'the source map is another';
  }
  return undefined;
}
