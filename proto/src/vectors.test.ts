import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import * as proto from './index.ts';
import {
  decode,
  encode,
  fromJson,
  message,
  WireError,
  type Json,
  type MessageType,
  type Field,
} from './index.ts';

const folder = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../shared/vectors');
const file = join(folder, 'llb/protobuf-edge.json');

interface Case {
  readonly name: string;
  readonly type: string;
  readonly json: Json;
  readonly base64: string;
  readonly input?: string;
  readonly error?: string;
}
interface Vectors {
  readonly edgeProto: string;
  readonly encode: readonly Case[];
  readonly decode: readonly Case[];
}

/** The made-up message of the vectors, for what BuildKit's own do not contain. */
function edgeType(text: string): MessageType<unknown> {
  const root = protobuf.parse(text, { keepCase: true }).root.resolveAll();
  const edge = root.lookupType('edge.Edge');
  const color = root.lookupEnum('edge.Color').values;
  const type: MessageType<unknown> = message('edge.Edge', () =>
    edge.fieldsArray.map((f): Field => {
      const isEnum = f.resolvedType instanceof protobuf.Enum;
      return {
        no: f.id,
        name: f.name,
        type: isEnum ? 'enum' : f.resolvedType ? type : (f.type as 'string'),
        ...(isEnum ? { values: color } : {}),
        ...(f instanceof protobuf.MapField ? { key: f.keyType as 'string' } : {}),
        ...(f.repeated ? { repeated: true, packed: f.name !== 'unpacked_int32' } : {}),
        ...(f.name.startsWith('opt_') ? { optional: true } : f.partOf ? { oneof: f.partOf.name } : {}),
      };
    }),
  );
  return type;
}

const all = new Map<string, MessageType<unknown>>();
for (const module of Object.values(proto)) {
  if (typeof module !== 'object') continue;
  for (const value of Object.values(module as object)) {
    if (typeof value === 'object' && value !== null && 'fields' in value) {
      const type = value as MessageType<unknown>;
      all.set(type.name, type);
    }
  }
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

if (!existsSync(file)) test.skip(`the vectors are not here (${file})`, () => {});
else {
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
  all.set('edge.Edge', edgeType(vectors.edgeProto));

  describe('encodes as Go', () => {
    test.each(vectors.encode.map((c) => [c.name, c] as const))('%s', (_, c) => {
      const type = all.get(c.type)!;
      const value = fromJson(type, c.json);
      expect(base64(encode(type, value as never))).toBe(c.base64);
      expect(
        base64(encode(type, decode(type, new Uint8Array(Buffer.from(c.base64, 'base64'))) as never)),
      ).toBe(c.base64);
    });
  });

  describe('decodes as Go', () => {
    test.each(vectors.decode.map((c) => [c.name, c] as const))('%s', (_, c) => {
      const type = all.get(c.type)!;
      const input = new Uint8Array(Buffer.from(c.input!, 'base64'));
      if (c.error !== undefined) {
        expect(() => decode(type, input)).toThrow(WireError);
        return;
      }
      const value = decode(type, input);
      expect(base64(encode(type, value as never))).toBe(c.base64);
      expect(value).toMatchObject(fromJson(type, c.json) as object);
    });
  });
}
