import type { BackwardWriter } from './backward-writer.ts';
import { compareText } from './compare-text.ts';
import { FieldWriter } from './field-writer.ts';
import { planOf, type FieldPlan } from './message-plan.ts';
import { unknownFields, type Init, type MessageType } from './message-type.ts';
import { WireError } from './wire-error.ts';

type Values = Readonly<Record<string, unknown>> & { readonly [unknownFields]?: Uint8Array };

/**
 * Encodes a message as Go's deterministic marshaller does, byte for byte.
 *
 * Plain fields in order of their numbers, then the members of oneofs; map keys in order of their UTF-8 bytes or
 * values; zero values left out except in oneofs, maps and lists.
 *
 * @throws {WireError} when a value does not fit its field.
 */
export function encode<T>(type: MessageType<T>, value: Init<T>): Uint8Array {
  // A value may have getters that encode another message meanwhile, so the writer is taken and given back.
  const writer = spare ?? new FieldWriter(4096);
  spare = undefined;
  try {
    writeChecked(writer, type, value as Values);
    return writer.copy();
  } finally {
    writer.reset();
    if (writer.capacity <= 1 << 20) spare = writer;
  }
}

let spare: FieldWriter | undefined;

/** Encodes messages as `encode` does. */
export type Encoder = <T>(type: MessageType<T>, value: Init<T>) => Uint8Array;

/**
 * Makes an encoder for many small messages that are kept: they lie in common blocks of memory, where each would
 * have an array buffer of its own. So none of them may be transferred to a worker.
 */
export function sharedEncoder(): Encoder {
  const writer = new FieldWriter(64 * 1024);
  return (type, value) => {
    try {
      writeChecked(writer, type, value as Values);
      return writer.take();
    } finally {
      writer.reset();
    }
  };
}

function writeChecked(writer: FieldWriter, type: MessageType<unknown>, value: Values): void {
  if (type.write === undefined) return writeMessage(writer, type, value);
  try {
    type.write(writer, value as never);
  } catch (cause) {
    writer.reset();
    // Goes through the fields by name, so that the failure names the one that does not fit.
    writeMessage(writer, type, value);
    throw cause;
  }
}

function writeMessage(writer: BackwardWriter, type: MessageType<unknown>, value: Values): void {
  const { written } = planOf(type);
  const unknown = value[unknownFields];
  if (unknown !== undefined) writer.raw(unknown);
  for (let i = written.length - 1; i >= 0; i--) {
    const plan = written[i]!;
    if ('group' in plan) {
      const member = value[plan.group] as { kind: string; value: unknown } | undefined;
      if (member === undefined) continue;
      const field = plan.members.get(member.kind);
      if (field === undefined)
        throw new WireError(`${type.name}.${plan.group} has no member ${member.kind}.`);
      writeElement(writer, field, member.value, type);
      continue;
    }
    const content = value[plan.name];
    if (content === undefined || content === null) continue;
    if (plan.keyPlan !== undefined) writeMap(writer, plan, content as ReadonlyMap<unknown, unknown>, type);
    else if (plan.repeated) writeList(writer, plan, content as readonly unknown[], type);
    else if (plan.message !== undefined || plan.optional || !isZero(content)) {
      writeElement(writer, plan, content, type);
    }
  }
}

function isZero(value: unknown): boolean {
  if (typeof value === 'object') return (value as Uint8Array).length === 0;
  // Negative zero is not the default of a float: its bits are written.
  return value === '' || value === false || value === 0n || Object.is(value, 0);
}

function writeElement(
  writer: BackwardWriter,
  field: FieldPlan,
  value: unknown,
  owner: MessageType<unknown>,
): void {
  if (field.message !== undefined) {
    const end = writer.length;
    writeMessage(writer, field.message, value as Values);
    writer.varint(writer.length - end);
  } else writeScalar(writer, field, value, owner);
  writer.varint(field.no * 8 + field.wireType);
}

function writeList(
  writer: BackwardWriter,
  field: FieldPlan,
  values: readonly unknown[],
  owner: MessageType<unknown>,
): void {
  if (!field.isPacked) {
    for (let i = values.length - 1; i >= 0; i--) writeElement(writer, field, values[i], owner);
    return;
  }
  if (values.length === 0) return;
  const end = writer.length;
  for (let i = values.length - 1; i >= 0; i--) writeScalar(writer, field, values[i], owner);
  writer.varint(writer.length - end);
  writer.varint(field.tag);
}

function writeMap(
  writer: BackwardWriter,
  field: FieldPlan,
  content: ReadonlyMap<unknown, unknown> | Readonly<Record<string, unknown>>,
  owner: MessageType<unknown>,
): void {
  const entries: [unknown, unknown][] = content instanceof Map ? [...content] : Object.entries(content);
  if (entries.length > 1) entries.sort(([a], [b]) => compareKeys(a, b));
  for (let i = entries.length - 1; i >= 0; i--) {
    const [key, value] = entries[i]!;
    const end = writer.length;
    if (value !== undefined) writeElement(writer, field.valuePlan!, value, owner);
    writeElement(writer, field.keyPlan!, key, owner);
    writer.varint(writer.length - end);
    writer.varint(field.tag);
  }
}

function compareKeys(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

function writeScalar(
  writer: BackwardWriter,
  field: FieldPlan,
  value: unknown,
  owner: MessageType<unknown>,
): void {
  switch (field.scalar) {
    case 'string': {
      if (typeof value !== 'string') return misfit(owner, field, value);
      const end = writer.length;
      writer.text(value);
      return writer.varint(writer.length - end);
    }
    case 'bytes': {
      if (!(value instanceof Uint8Array)) return misfit(owner, field, value);
      writer.raw(value);
      return writer.varint(value.length);
    }
    case 'bool':
      return writer.varint(value ? 1 : 0);
    case 'int32':
      if (typeof value !== 'number' || (value | 0) !== value) return misfit(owner, field, value);
      return value >= 0 ? writer.varint(value) : writer.negative(value);
    case 'uint32':
      if (typeof value !== 'number' || value >>> 0 !== value) return misfit(owner, field, value);
      return writer.varint(value);
    case 'sint32':
      if (typeof value !== 'number' || (value | 0) !== value) return misfit(owner, field, value);
      return writer.varint(((value << 1) ^ (value >> 31)) >>> 0);
    case 'int64':
    case 'uint64':
      if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) return writer.varint(value);
      if (typeof value === 'number' && field.scalar === 'int64' && Number.isSafeInteger(value)) {
        return writer.negative(value);
      }
      return writer.varint64(long(value, field, owner));
    case 'sint64': {
      const wide = long(value, field, owner);
      return writer.varint64((wide << 1n) ^ (wide >> 63n));
    }
    case 'fixed32':
    case 'sfixed32':
      if (typeof value !== 'number') return misfit(owner, field, value);
      return writer.fixed32(value);
    case 'fixed64':
    case 'sfixed64':
      return writer.fixed64(long(value, field, owner));
    case 'float':
      if (typeof value !== 'number') return misfit(owner, field, value);
      return writer.float(value);
    case 'double':
      if (typeof value !== 'number') return misfit(owner, field, value);
      return writer.double(value);
  }
}

function long(value: unknown, field: FieldPlan, owner: MessageType<unknown>): bigint {
  const unsigned = field.scalar === 'uint64' || field.scalar === 'fixed64';
  const wide =
    typeof value === 'bigint'
      ? value
      : typeof value === 'number' && Number.isSafeInteger(value)
        ? BigInt(value)
        : misfit(owner, field, value);
  if ((unsigned ? BigInt.asUintN(64, wide) : BigInt.asIntN(64, wide)) !== wide) misfit(owner, field, value);
  return wide;
}

function misfit(owner: MessageType<unknown>, field: FieldPlan, value: unknown): never {
  const shown =
    typeof value === 'number' || typeof value === 'bigint' ? value.toString() : `a ${typeof value}`;
  throw new WireError(`${owner.name}.${field.name} is a ${field.scalar} and cannot hold ${shown}.`);
}
