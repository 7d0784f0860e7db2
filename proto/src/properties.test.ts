import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as proto from './index.ts';
import {
  decode,
  encode,
  message,
  WireError,
  type Field,
  type MessageType,
  type ScalarType,
} from './index.ts';

const types = Object.values(proto)
  .filter((module) => typeof module === 'object')
  .flatMap((module) => Object.values(module as object) as unknown[])
  .filter((v): v is MessageType<unknown> => typeof v === 'object' && v !== null && 'fields' in v);

const scalars: Readonly<Record<ScalarType, fc.Arbitrary<unknown>>> = {
  string: fc.string({ unit: 'binary', maxLength: 150 }),
  bytes: fc.uint8Array({ maxLength: 40 }),
  bool: fc.boolean(),
  int32: fc.integer(),
  sint32: fc.integer(),
  sfixed32: fc.integer(),
  uint32: fc.nat({ max: 0xffffffff }),
  fixed32: fc.nat({ max: 0xffffffff }),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  sint64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  sfixed64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fixed64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  float: fc.float({ noNaN: true }),
  double: fc.double({ noNaN: true }),
};

/** Values of a message type, as deep as `depth`. */
function valueOf(type: MessageType<unknown>, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const fields = type.fields().filter((f) => depth > 0 || typeof f.type !== 'object');
  const plain = Object.fromEntries(
    fields.filter((f) => f.oneof === undefined).map((f) => [f.name, fieldValue(f, depth)]),
  );
  const groups = Map.groupBy(
    fields.filter((f) => f.oneof !== undefined),
    (f) => f.oneof!,
  );
  const members = Object.fromEntries(
    [...groups].map(([group, of]) => [
      group,
      fc.oneof(...of.map((f) => fc.record({ kind: fc.constant(f.name), value: single(f, depth) }))),
    ]),
  );
  return fc.record({ ...plain, ...members }, { requiredKeys: [] });
}

function fieldValue(field: Field, depth: number): fc.Arbitrary<unknown> {
  if (field.key !== undefined) {
    const entries = fc.uniqueArray(fc.tuple(scalars[field.key], single(field, depth)), {
      maxLength: 4,
      selector: ([key]) => key,
    });
    return entries.map((list) => new Map(list));
  }
  return field.repeated ? fc.array(single(field, depth), { maxLength: 3 }) : single(field, depth);
}

function single(field: Field, depth: number): fc.Arbitrary<unknown> {
  if (typeof field.type === 'object') return valueOf(field.type, depth - 1);
  return field.type === 'enum' ? fc.integer() : scalars[field.type];
}

test('what is written is read again, and written with the same bytes, by both ways of writing', () => {
  for (const type of types) {
    // Without its straight-line writer a type is written by its fields, at all levels below too.
    const slow = (t: MessageType<unknown>): MessageType<unknown> =>
      message(t.name, () =>
        t.fields().map((f) => (typeof f.type === 'object' ? { ...f, type: slow(f.type) } : f)),
      );
    fc.assert(
      fc.property(valueOf(type, 2), (value) => {
        const bytes = encode(type, value as never);
        expect(encode(slow(type), value as never)).toEqual(bytes);
        expect(encode(type, decode(type, bytes) as never)).toEqual(bytes);
      }),
      { numRuns: 20 },
    );
  }
});

test('any bytes are a message or refused as none', () => {
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 64 }), (type, bytes) => {
      try {
        decode(type, bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
    { numRuns: 3000 },
  );
});
