import { empty } from './decode.ts';
import { planOf, type FieldPlan } from './message-plan.ts';
import type { MessageType } from './message-type.ts';
import { WireError } from './wire-error.ts';

/** What `JSON.parse` gives. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * Reads a message from the JSON form of protobuf, which details of errors come in.
 *
 * Fields may have their own or their lower-camel-case name; unknown ones are left out. 64-bit integers may be text
 * or numbers, bytes are base64, enums names or numbers, time stamps RFC 3339.
 *
 * @throws {WireError} when a value does not fit its field.
 * @see https://protobuf.dev/programming-guides/json/
 */
export function fromJson<T>(type: MessageType<T>, json: Json): T {
  return readMessage(type, json, 0) as T;
}

const noBytes = new Uint8Array(0);

function readMessage(type: MessageType<unknown>, json: Json, depth: number): unknown {
  if (depth > 200) throw new WireError(`${type.name} is nested too deep.`);
  if (type.name === 'google.protobuf.Timestamp' && typeof json === 'string') return readTimestamp(json);
  if (type.name === 'google.protobuf.FieldMask' && typeof json === 'string') {
    return { paths: json === '' ? [] : json.split(',') };
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new WireError(`${type.name} is an object in JSON.`);
  }
  const value = empty(type) as Record<string, unknown>;
  for (const field of planOf(type).fields) {
    const content = own(json, jsonName(field.name)) ?? own(json, field.name);
    if (content === undefined || content === null) continue;
    if (field.oneof !== undefined) {
      value[field.oneof] = { kind: field.name, value: readSingle(field, content, depth) };
    } else if (field.keyPlan !== undefined) {
      const entries = Object.entries(content as Record<string, Json>);
      value[field.name] = new Map(
        entries.map(([k, v]) => [readKey(field.keyPlan!, k), readSingle(field.valuePlan!, v, depth)]),
      );
    } else if (field.repeated) {
      if (!Array.isArray(content)) throw new WireError(`${type.name}.${field.name} is a list in JSON.`);
      value[field.name] = content.map((element: Json) => readSingle(field, element, depth));
    } else value[field.name] = readSingle(field, content, depth);
  }
  return value;
}

function own(json: object, name: string): Json | undefined {
  return Object.hasOwn(json, name) ? (json as Record<string, Json>)[name] : undefined;
}

function jsonName(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

function readKey(field: FieldPlan, text: string): unknown {
  return field.scalar === 'bool' ? text === 'true' : readSingle(field, text, 0);
}

function readSingle(field: FieldPlan, json: Json, depth: number): unknown {
  if (field.message !== undefined) return readMessage(field.message, json, depth + 1);
  if (field.values !== undefined && typeof json === 'string') {
    const number = field.values[json];
    if (number === undefined) throw new WireError(`${field.name} has no value ${json}.`);
    return number;
  }
  switch (field.scalar) {
    case 'string':
    case 'bytes':
      if (typeof json !== 'string') throw new WireError(`${field.name} is text in JSON.`);
      return field.scalar === 'string' ? json : readBase64(json, field.name);
    case 'bool':
      if (typeof json !== 'boolean') throw new WireError(`${field.name} is true or false.`);
      return json;
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      if ((typeof json === 'string' && /^-?\d+$/.test(json)) || Number.isSafeInteger(json)) {
        return BigInt(json as string | number);
      }
      throw new WireError(`${field.name} is an integer.`);
    case 'double':
    case 'float':
    case 'int32':
    case 'uint32':
    case 'sint32':
    case 'fixed32':
    case 'sfixed32': {
      const number = typeof json === 'string' && json.trim() !== '' ? Number(json) : json;
      if (typeof number !== 'number' || (Number.isNaN(number) && json !== 'NaN')) {
        throw new WireError(`${field.name} is a number.`);
      }
      return number;
    }
  }
}

function readBase64(text: string, name: string): Uint8Array {
  if (text === '') return noBytes;
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(binary, (c) => c.charCodeAt(0));
  } catch (cause) {
    throw new WireError(`${name} is not base64.`, { cause });
  }
}

function readTimestamp(text: string): { seconds: bigint; nanos: number } {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const milliseconds = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`);
  if (Number.isNaN(milliseconds)) throw new WireError(`${text} is not a time stamp.`);
  return { seconds: BigInt(milliseconds / 1000), nanos: Number((match![2] ?? '').padEnd(9, '0')) };
}
