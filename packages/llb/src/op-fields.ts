import type { pb } from '@melange2/proto/llb';
import type { GraphOp } from './graph.ts';

/** A field of an op that is not at its default, such as `exec.meta.cwd`, with its value as text. */
export type OpField = readonly [path: string, value: string];

/**
 * Returns all fields of an op but its inputs, in the order of the wire interface. Two ops with equal fields and equal
 * inputs have equal bytes.
 */
export function opFields({ message }: GraphOp): readonly OpField[] {
  const fields: OpField[] = [];
  const { op, platform, constraints } = message;
  walk(platform, 'platform', fields);
  if (constraints === undefined) fields.push(['constraints', 'absent']);
  else walk(constraints, 'constraints', fields);
  walk(op, '', fields);
  return fields;
}

/** Returns all fields of an op's metadata that are not at their defaults, capabilities left out. */
export function metadataFields(metadata: pb.OpMetadata | undefined): readonly OpField[] {
  if (metadata === undefined) return [];
  const fields: OpField[] = [];
  const { caps: _, ...rest } = metadata;
  walk(rest, 'metadata', fields);
  return fields;
}

function walk(value: unknown, path: string, fields: OpField[]): void {
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
  switch (typeof value) {
    case 'undefined':
      return;
    case 'string':
      if (value !== '') fields.push([path, JSON.stringify(value)]);
      return;
    case 'bigint':
    case 'number':
      if (value !== 0 && value !== 0n) fields.push([path, value.toString()]);
      return;
    case 'boolean':
      if (value) fields.push([path, 'true']);
      return;
    default:
  }
  if (value instanceof Uint8Array) {
    if (value.length > 0) fields.push([path, bytesText(value)]);
  } else if (value instanceof Map) {
    for (const [key, content] of value) entry(content, `${path}[${String(key)}]`, fields);
  } else if (Array.isArray(value)) {
    for (const [i, content] of value.entries()) entry(content, `${path}[${elementName(content, i)}]`, fields);
  } else if (isMember(value)) entry(value.value, below(value.kind), fields);
  else {
    for (const [name, content] of Object.entries(value as object)) {
      // A message that is set counts, even when nothing in it is.
      const before = fields.length;
      walk(content, below(name), fields);
      const isMessage = typeof content === 'object' && content !== null && !isCollection(content);
      if (isMessage && fields.length === before) fields.push([below(name), '{}']);
    }
  }
}

/** Elements of lists and maps and members of oneofs count, even when they are empty or zero. */
function entry(value: unknown, path: string, fields: OpField[]): void {
  const before = fields.length;
  walk(value, path, fields);
  if (fields.length > before) return;
  fields.push([
    path,
    typeof value === 'object' ? '{}' : typeof value === 'bigint' ? '0' : JSON.stringify(value),
  ]);
}

function isMember(value: unknown): value is { readonly kind: string; readonly value: unknown } {
  return typeof value === 'object' && value !== null && 'kind' in value && 'value' in value;
}

function isCollection(value: object): boolean {
  return value instanceof Map || Array.isArray(value) || value instanceof Uint8Array || isMember(value);
}

/** Mounts go by where they are, which says more than their number. */
function elementName(content: unknown, index: number): string {
  const isMount =
    typeof content === 'object' && content !== null && 'dest' in content && 'mountType' in content;
  return isMount ? String(content.dest) : String(index);
}

/** Text where it is text, else its size and beginning. */
function bytesText(bytes: Uint8Array): string {
  try {
    return JSON.stringify(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return `0x${Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')}`;
  }
}
