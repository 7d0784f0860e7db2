import { planOf, type FieldPlan } from './message-plan.ts';
import { unknownFields, type MessageType } from './message-type.ts';
import { WireError } from './wire-error.ts';

type Values = Record<string, unknown> & { [unknownFields]?: Uint8Array };

/** Messages nested deeper are refused: a hostile peer must not exhaust the stack. */
const deepest = 200;

/**
 * Decodes a message. Fields that are absent get their defaults: empty text, bytes, lists and maps, zero, false;
 * messages and oneofs are `undefined`.
 *
 * Fields it does not know are kept under `unknownFields`. Bytes fields are views into `bytes`, not copies.
 *
 * @throws {WireError} when the bytes are cut off, not UTF-8 where they must be, or no message at all.
 */
export function decode<T>(type: MessageType<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes);
  return readMessage(reader, type, bytes.length, undefined, 0) as T;
}

/** Returns the message of this type that no bytes stand for: all fields have their defaults. */
export function empty<T>(type: MessageType<T>): T {
  return create(type) as T;
}

function create(type: MessageType<unknown>): Values {
  const plan = planOf(type);
  const value: Values = {};
  for (const field of plan.fields) {
    if (field.oneof !== undefined) value[field.oneof] = undefined;
    else if (field.keyPlan !== undefined) value[field.name] = new Map();
    else if (field.repeated) value[field.name] = [];
    else value[field.name] = field.optional || field.message !== undefined ? undefined : zero(field);
  }
  return value;
}

const noBytes = new Uint8Array(0);

type Scalar = string | number | bigint | boolean | Uint8Array;

function zero(field: FieldPlan): Scalar {
  switch (field.scalar) {
    case 'string':
      return '';
    case 'bytes':
      return noBytes;
    case 'bool':
      return false;
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return 0n;
    case 'double':
    case 'float':
    case 'int32':
    case 'uint32':
    case 'sint32':
    case 'fixed32':
    case 'sfixed32':
      return 0;
  }
}

function readMessage(
  reader: Reader,
  type: MessageType<unknown>,
  end: number,
  into: Values | undefined,
  depth: number,
): Values {
  if (depth > deepest) throw new WireError(`${type.name} is nested more than ${deepest} levels deep.`);
  const plan = planOf(type);
  const value = into ?? create(type);
  while (reader.at < end) {
    const start = reader.at;
    const tag = reader.uint32();
    const no = tag >>> 3;
    const wireType = tag & 7;
    if (no === 0) throw new WireError(`${type.name} has a field with the number 0.`);
    const field = plan.byNumber.get(no);
    if (field === undefined || !fits(field, wireType)) {
      reader.skip(wireType, no, 0);
      keepUnknown(value, reader.bytes.subarray(start, reader.at));
    } else readField(reader, field, wireType, value, depth);
  }
  if (reader.at !== end) throw new WireError(`${type.name} is cut off.`);
  return value;
}

function fits(field: FieldPlan, wireType: number): boolean {
  if (wireType === field.wireType) return true;
  // A repeated number may come packed or not, whatever the file says.
  return wireType === 2 && field.repeated === true && field.keyPlan === undefined && field.wireType !== 2;
}

function keepUnknown(value: Values, bytes: Uint8Array): void {
  const before = value[unknownFields];
  if (before === undefined) {
    value[unknownFields] = bytes.slice();
    return;
  }
  const all = new Uint8Array(before.length + bytes.length);
  all.set(before);
  all.set(bytes, before.length);
  value[unknownFields] = all;
}

function readField(reader: Reader, field: FieldPlan, wireType: number, value: Values, depth: number): void {
  if (field.keyPlan !== undefined) {
    readEntry(reader, field, value[field.name] as Map<unknown, unknown>, depth);
  } else if (field.repeated) {
    const list = value[field.name] as unknown[];
    if (wireType === 2 && field.wireType !== 2) {
      const end = reader.length();
      while (reader.at < end) list.push(readScalar(reader, field));
      if (reader.at !== end) throw new WireError(`${field.name} is cut off.`);
    } else list.push(readSingle(reader, field, undefined, depth));
  } else if (field.oneof !== undefined) {
    const before = value[field.oneof] as { kind: string; value: unknown } | undefined;
    const merged = before?.kind === field.name ? (before.value as Values) : undefined;
    value[field.oneof] = { kind: field.name, value: readSingle(reader, field, merged, depth) };
  } else {
    value[field.name] = readSingle(reader, field, value[field.name] as Values | undefined, depth);
  }
}

/** A message that comes twice is merged into the first. */
function readSingle(reader: Reader, field: FieldPlan, before: Values | undefined, depth: number): unknown {
  if (field.message === undefined) return readScalar(reader, field);
  const end = reader.length();
  return readMessage(reader, field.message, end, before, depth + 1);
}

function readEntry(reader: Reader, field: FieldPlan, map: Map<unknown, unknown>, depth: number): void {
  const keyPlan = field.keyPlan!;
  const valuePlan = field.valuePlan!;
  const end = reader.length();
  let key: unknown = zero(keyPlan);
  let value: unknown = valuePlan.message === undefined ? zero(valuePlan) : undefined;
  while (reader.at < end) {
    const tag = reader.uint32();
    const no = tag >>> 3;
    const wireType = tag & 7;
    if (no === 0) throw new WireError(`${field.name} has an entry with a field number 0.`);
    if (no === 1 && wireType === keyPlan.wireType) key = readScalar(reader, keyPlan);
    else if (no === 2 && wireType === valuePlan.wireType) {
      value = readSingle(reader, valuePlan, value as Values | undefined, depth);
    } else reader.skip(wireType, no, 0);
  }
  if (reader.at !== end) throw new WireError(`${field.name} is cut off.`);
  map.set(key, value ?? create(valuePlan.message!));
}

function readScalar(reader: Reader, field: FieldPlan): Scalar {
  switch (field.scalar) {
    case 'string':
      return reader.text(field.name);
    case 'bytes': {
      const end = reader.length();
      const bytes = reader.bytes.subarray(reader.at, end);
      reader.at = end;
      return bytes;
    }
    case 'bool':
      return reader.varint();
    case 'int32':
      return reader.low32() | 0;
    case 'uint32':
      return reader.low32();
    case 'sint32': {
      const raw = reader.low32();
      return (raw >>> 1) ^ -(raw & 1);
    }
    case 'int64':
      return reader.int64();
    case 'uint64':
      return BigInt.asUintN(64, reader.int64());
    case 'sint64': {
      const raw = BigInt.asUintN(64, reader.int64());
      return (raw >> 1n) ^ -(raw & 1n);
    }
    case 'fixed32':
      return reader.view(4).getUint32(0, true);
    case 'sfixed32':
      return reader.view(4).getInt32(0, true);
    case 'fixed64':
      return reader.view(8).getBigUint64(0, true);
    case 'sfixed64':
      return reader.view(8).getBigInt64(0, true);
    case 'float':
      return reader.view(4).getFloat32(0, true);
    case 'double':
      return reader.view(8).getFloat64(0, true);
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class Reader {
  readonly bytes: Uint8Array;
  at = 0;
  /** The two halves of the last varint. */
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Reads a varint into its halves; true when it is not zero. */
  varint(): boolean {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[this.at++];
      if (byte === undefined) throw new WireError('The message is cut off in a number.');
      const part = byte & 0x7f;
      if (i < 4) low |= part << (7 * i);
      else if (i === 4) {
        low |= part << 28;
        high = part >> 4;
      } else high |= part << (7 * i - 32);
      if (byte < 0x80) {
        if (i === 9 && part > 1) break;
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return low !== 0 || high !== 0;
      }
    }
    throw new WireError('A number has more than 64 bits.');
  }

  low32(): number {
    this.varint();
    return this.#low;
  }

  uint32(): number {
    this.varint();
    if (this.#high !== 0) throw new WireError('A field number is too large.');
    return this.#low;
  }

  int64(): bigint {
    this.varint();
    if (this.#high === 0) return BigInt(this.#low);
    return (BigInt(this.#high | 0) << 32n) | BigInt(this.#low);
  }

  /** Reads a length; returns where what it measures ends. */
  length(): number {
    this.varint();
    const end = this.at + this.#low;
    if (this.#high !== 0 || end > this.bytes.length)
      throw new WireError('A length reaches beyond the message.');
    return end;
  }

  text(name: string): string {
    const end = this.length();
    const start = this.at;
    this.at = end;
    if (end - start <= 32) {
      let text = '';
      for (let i = start; i < end; i++) {
        const byte = this.bytes[i]!;
        if (byte >= 0x80) {
          text = '';
          break;
        }
        text += String.fromCharCode(byte);
      }
      if (text !== '' || end === start) return text;
    }
    try {
      return decoder.decode(this.bytes.subarray(start, end));
    } catch (cause) {
      throw new WireError(`${name} is not valid UTF-8.`, { cause });
    }
  }

  view(size: number): DataView {
    const { bytes, at } = this;
    if (at + size > bytes.length) throw new WireError('The message is cut off in a number.');
    this.at += size;
    return new DataView(bytes.buffer, bytes.byteOffset + at, size);
  }

  skip(wireType: number, no: number, depth: number): void {
    switch (wireType) {
      case 0:
        this.varint();
        return;
      case 1:
        this.view(8);
        return;
      case 2:
        this.at = this.length();
        return;
      case 3:
        if (depth > deepest) throw new WireError('Groups are nested too deep.');
        for (;;) {
          const tag = this.uint32();
          const inner = tag >>> 3;
          if (inner === 0) throw new WireError('A field has the number 0.');
          if ((tag & 7) === 4) {
            if (inner !== no) throw new WireError('A group ends with another number than it began with.');
            return;
          }
          this.skip(tag & 7, inner, depth + 1);
        }
      case 5:
        this.view(4);
        return;
      default:
        throw new WireError(`There is no wire type ${wireType}.`);
    }
  }
}
