import { buildError } from '@melange2/diagnostics';
import { decode, pb, WireError } from '@melange2/proto/llb';
import { digestOfBytes } from './digest.ts';
import { errors } from './errors.ts';
import type { OutputDigest } from './node.ts';

export type OpKind = NonNullable<pb.Op['op']>['kind'];

/** A place in a file that an op comes from. Lines count from 1, characters from 0. */
export interface GraphLocation {
  readonly filename: string;
  readonly ranges: readonly pb.Range[];
}

/** One op of a definition. */
export interface GraphOp {
  /** Place in the definition, from 1. */
  readonly number: number;
  readonly digest: string;
  readonly kind: OpKind;
  readonly message: pb.Op;
  /** Results it needs, by the number of the op that gives them. */
  readonly inputs: readonly GraphInput[];
  readonly metadata: pb.OpMetadata | undefined;
  readonly locations: readonly GraphLocation[];
}

export interface GraphInput {
  readonly number: number;
  readonly index: number;
}

/** A definition that has been read: its ops with inputs before users, without the last one that is only a pointer. */
export interface Graph {
  readonly ops: readonly GraphOp[];
  /** Undefined for the empty file system. */
  readonly result: GraphInput | undefined;
}

/**
 * Reads a definition.
 *
 * @throws {BuildError} LLB_DEFINITION_INVALID when an op cannot be read, is of no known kind, or needs one that is
 * not there before it.
 */
export function readGraph(definition: pb.Definition): Graph {
  const ops: GraphOp[] = [];
  const numbers = new Map<string, number>();
  for (const [i, bytes] of definition.def.entries()) {
    const message = readOp(bytes, i + 1);
    const inputs = message.inputs.map((input) => readInput(input, numbers, i + 1));
    if (message.op === undefined) {
      const [result] = inputs;
      if (i + 1 < definition.def.length || result === undefined) {
        throw invalid(`its op ${i + 1} is of a kind that is not known`);
      }
      return { ops, result };
    }
    const digest = digestOfBytes(bytes);
    numbers.set(digest, i + 1);
    ops.push({
      number: i + 1,
      digest,
      kind: message.op.kind,
      message,
      inputs,
      metadata: definition.metadata.get(digest),
      locations: locationsOf(definition, digest),
    });
  }
  if (ops.length > 0) throw invalid('its last op does not point to a result');
  return { ops, result: undefined };
}

function readOp(bytes: Uint8Array, number: number): pb.Op {
  try {
    return decode(pb.Op, bytes);
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    throw invalid(`its op ${number} cannot be read: ${cause.message.replace(/\.$/, '')}`, cause);
  }
}

function readInput(
  { digest, index }: OutputDigest | pb.Input,
  numbers: ReadonlyMap<string, number>,
  user: number,
): GraphInput {
  const number = numbers.get(digest);
  if (number === undefined) throw invalid(`its op ${user} needs ${digest}, which is not there before it`);
  return { number, index: Number(index) };
}

function locationsOf({ Source }: pb.Definition, digest: string): readonly GraphLocation[] {
  const locations = Source?.locations.get(digest)?.locations ?? [];
  return locations.flatMap(({ sourceIndex, ranges }) => {
    const info = Source?.infos[sourceIndex];
    return info === undefined ? [] : [{ filename: info.filename, ranges }];
  });
}

function invalid(problem: string, cause?: unknown): Error {
  return buildError(errors, 'LLB_DEFINITION_INVALID', { problem }, { cause });
}
