import { buildError } from '@melange2/diagnostics';
import { decode, encode, pb, WireError } from '@melange2/proto/llb';
import { digestOfBytes } from './digest.ts';
import { errors } from './errors.ts';
import type { ImportedLocation, Node, OutputDigest } from './node.ts';
import { platformFromMessage } from './platform.ts';
import { scratch, stateOf, type State } from './state.ts';

/**
 * A build graph in the form that is sent: encoded ops, inputs before users. The last one only points to the result.
 * It is a message of the wire interface and can be sent as it is.
 */
export interface Definition extends pb.Definition {
  /** The result; undefined for the empty file system. */
  readonly head: OutputDigest | undefined;
}

/** Returns the definition as bytes, the same for equal definitions. */
export function encodeDefinition(definition: pb.Definition): Uint8Array {
  return encode(pb.Definition, definition);
}

/**
 * Reads a definition from its bytes.
 *
 * @throws {BuildError} LLB_DEFINITION_INVALID when the bytes are something else.
 */
export function decodeDefinition(bytes: Uint8Array): Definition {
  const definition = read(() => decode(pb.Definition, bytes));
  return { ...definition, head: headOf(definition) };
}

/** The result a definition points to. */
function headOf({ def }: pb.Definition): OutputDigest | undefined {
  const last = def.at(-1);
  if (last === undefined) return undefined;
  const { inputs, op } = read(() => decode(pb.Op, last));
  const [input] = inputs;
  if (op !== undefined || input === undefined || inputs.length > 1) {
    throw buildError(errors, 'LLB_DEFINITION_INVALID', { problem: 'its last op does not point to a result' });
  }
  return { digest: input.digest, index: Number(input.index) };
}

/**
 * Takes in a finished definition to build on. Its ops keep their bytes and metadata.
 *
 * The state has the platform of the op that makes it, and no other settings.
 *
 * @throws {BuildError} LLB_DEFINITION_INVALID when an op cannot be read or needs one that is not there before it.
 */
export function fromDefinition(definition: pb.Definition): State {
  const head = headOf(definition);
  if (head === undefined) return scratch();
  const nodes = new Map<string, { readonly node: Node; readonly op: pb.Op }>();
  for (const bytes of definition.def.slice(0, -1)) {
    const op = read(() => decode(pb.Op, bytes));
    const digest = digestOfBytes(bytes);
    nodes.set(digest, { op, node: importedNode(definition, digest, bytes, op, nodes) });
  }
  const found = nodes.get(head.digest);
  if (found === undefined) {
    throw buildError(errors, 'LLB_DEFINITION_INVALID', { problem: `its result ${head.digest} is not in it` });
  }
  const { platform } = found.op;
  return stateOf(
    { node: found.node, index: head.index },
    platform === undefined ? undefined : platformFromMessage(platform),
  );
}

function importedNode(
  definition: pb.Definition,
  digest: string,
  bytes: Uint8Array,
  op: pb.Op,
  nodes: ReadonlyMap<string, { readonly node: Node }>,
): Node {
  const dependencies = op.inputs.map((input) => {
    const found = nodes.get(input.digest);
    if (found !== undefined) return found.node;
    const problem = `the op ${digest} needs ${input.digest}, which is not there before it`;
    throw buildError(errors, 'LLB_DEFINITION_INVALID', { problem });
  });
  const metadata = definition.metadata.get(digest) ?? {
    ignore_cache: false,
    description: new Map(),
    export_cache: undefined,
    caps: new Map(),
    progress_group: undefined,
    linux_resources: undefined,
  };
  const locations = definition.Source?.locations.get(digest)?.locations ?? [];
  return {
    options: {},
    importedLocations: locations.flatMap(({ sourceIndex, ranges }): ImportedLocation[] => {
      const info = definition.Source?.infos[sourceIndex];
      return info === undefined ? [] : [{ info, ranges }];
    }),
    dependencies,
    marshal: () => ({ bytes, metadata }),
  };
}

function read<T>(decodeIt: () => T): T {
  try {
    return decodeIt();
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    const problem = cause.message.replace(/\.$/, '');
    throw buildError(errors, 'LLB_DEFINITION_INVALID', { problem }, { cause });
  }
}
