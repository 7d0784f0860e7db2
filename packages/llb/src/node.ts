import type { Encoder, pb } from '@melange2/proto/llb';
import type { MarshalOptions } from './marshal.ts';
import type { OpOptions } from './op-options.ts';

/** One result of a node. */
export interface Output {
  readonly node: Node;
  readonly index: number;
}

/** A result by the digest of its op, as inputs of ops name it. */
export interface OutputDigest {
  readonly digest: string;
  readonly index: number;
}

/** What a node becomes at marshalling. */
export interface MarshalledNode {
  readonly bytes: Uint8Array;
  readonly metadata: pb.OpMetadata;
}

export interface MarshalContext {
  readonly options: MarshalOptions;
  /** Known capabilities of the daemon. */
  readonly caps: ReadonlySet<string> | undefined;
  /** Names a result of a node that has been marshalled. */
  readonly digestOf: (output: Output) => OutputDigest;
  /** Encodes an op. Ops are small and many, so that they share blocks of memory. */
  readonly encode: Encoder;
  /** The capabilities that `bits` stand for; equal ones are the same map. */
  readonly capsOf: (
    bits: number,
    namesOf: (bits: number) => readonly string[],
  ) => ReadonlyMap<string, boolean>;
}

/** An op before marshalling. Nodes never change. */
export interface Node {
  readonly options: OpOptions;
  /** Locations that are not in `options`: those of a definition that was taken in. */
  readonly importedLocations?: readonly ImportedLocation[];
  /** Nodes whose results this one needs, in the order they are to be marshalled. */
  readonly dependencies: readonly Node[];
  readonly marshal: (context: MarshalContext) => MarshalledNode;
}

export interface ImportedLocation {
  readonly info: pb.SourceInfo;
  readonly ranges: readonly pb.Range[];
}

/** Collects inputs of an op; equal ones are one. */
export class InputList {
  readonly inputs: OutputDigest[] = [];

  /** Returns the number of the input, -1 for scratch. */
  add(context: MarshalContext, output: Output | undefined): number {
    if (output === undefined) return -1;
    const input = context.digestOf(output);
    // Not by `entries()`: this is asked for each mount of each step.
    for (let i = 0; i < this.inputs.length; i++) {
      const known = this.inputs[i]!;
      if (known.digest === input.digest && known.index === input.index) return i;
    }
    return this.inputs.push(input) - 1;
  }
}
