import { empty, type Field, type MessageType } from '@melange2/proto';

/**
 * Reads a message from JSON as daemons write it in error details.
 *
 * Both writers are understood: protojson (64-bit numbers as text, enums by name, members of a oneof flat) and, of
 * older daemons, Go's own JSON of the structs (numbers as numbers, a oneof as an object of its own). Unknown keys are
 * passed over; values that do not fit keep the field's default.
 */
export function fromProtoJson<T>(type: MessageType<T>, json: unknown): T {
  return readMessage(type, json, 0) as T;
}

/** Deeper nesting is refused: a hostile peer must not exhaust the stack. */
const deepest = 100;

function readMessage(type: MessageType<unknown>, json: unknown, depth: number): unknown {
  const value = empty(type) as Record<string, unknown>;
  if (!isRecord(json) || depth > deepest) return value;
  const groups = new Set(type.fields().map((field) => field.oneof));
  for (const field of type.fields()) {
    const found = lookUp(json, field, groups);
    if (found === undefined || found === null) continue;
    if (field.oneof !== undefined) {
      value[field.oneof] = { kind: field.name, value: readSingle(field, found, depth) };
    } else if (field.key !== undefined) {
      if (!isRecord(found)) continue;
      value[field.name] = new Map(
        Object.entries(found).map(([key, item]) => [
          readScalar(field.key!, key),
          readSingle(field, item, depth),
        ]),
      );
    } else if (field.repeated === true) {
      if (Array.isArray(found))
        value[field.name] = found.map((item: unknown) => readSingle(field, item, depth));
    } else {
      value[field.name] = readSingle(field, found, depth);
    }
  }
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function lookUp(
  json: Readonly<Record<string, unknown>>,
  field: Field,
  groups: ReadonlySet<string | undefined>,
): unknown {
  const name = plain(field.name);
  for (const [key, value] of Object.entries(json))
    if (plain(key) === name && !isGroup(key, value, groups, field)) return value;
  if (field.oneof === undefined) return undefined;
  const group = plain(field.oneof);
  for (const [key, value] of Object.entries(json)) {
    if (plain(key) !== group || !isRecord(value)) continue;
    for (const [member, content] of Object.entries(value)) if (plain(member) === name) return content;
  }
  return undefined;
}

/** Go's struct JSON has `{"Op": {"Exec": …}}` where protojson has `{"exec": …}`. */
function isGroup(
  key: string,
  value: unknown,
  groups: ReadonlySet<string | undefined>,
  field: Field,
): boolean {
  if (field.oneof === undefined || !isRecord(value) || plain(key) !== plain(field.oneof)) return false;
  return groups.has(field.oneof) && Object.keys(value).some((member) => plain(member) === plain(field.name));
}

/** Writers disagree about case and underscores: `proxy_env`, `proxyEnv`, `ProxyEnv`. */
function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}

function readSingle(field: Field, json: unknown, depth: number): unknown {
  const { type } = field;
  if (typeof type !== 'string') return readMessage(type, json, depth + 1);
  if (type === 'enum') {
    if (typeof json === 'number') return json;
    return typeof json === 'string' ? (field.values?.[json] ?? 0) : 0;
  }
  return readScalar(type, json);
}

function readScalar(type: Exclude<Field['type'], 'enum' | MessageType<unknown>>, json: unknown): unknown {
  switch (type) {
    case 'string':
      return typeof json === 'string' ? json : '';
    case 'bool':
      return json === true || json === 'true';
    case 'bytes':
      return typeof json === 'string' ? new Uint8Array(Buffer.from(json, 'base64')) : new Uint8Array(0);
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return bigOf(json);
    case 'double':
    case 'float':
    case 'int32':
    case 'uint32':
    case 'sint32':
    case 'fixed32':
    case 'sfixed32': {
      const number = typeof json === 'string' || typeof json === 'number' ? Number(json) : 0;
      return Number.isNaN(number) ? 0 : number;
    }
  }
}

function bigOf(json: unknown): bigint {
  if (typeof json !== 'string' && typeof json !== 'number') return 0n;
  try {
    return BigInt(json);
  } catch {
    return 0n;
  }
}
