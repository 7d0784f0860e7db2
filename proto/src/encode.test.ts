import { expect, test } from 'vitest';
import {
  compareText,
  decode,
  empty,
  encode,
  pb,
  control,
  fsutil,
  grpcMethods,
  unknownFields,
  WireError,
} from './index.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)]);
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

test('an op is written as Go writes it: the member of the oneof after the plain fields', () => {
  const op = encode(pb.Op, {
    inputs: [{ digest: 'a' }],
    op: { kind: 'merge', value: { inputs: [{}, { input: 1 }] } },
    platform: { Architecture: 'amd64' },
    constraints: {},
  });
  expect(hex(op)).toBe('0a030a016152070a05616d6436345a0032060a000a020801');
});

test('zero values are left out, but not in oneofs, lists and maps', () => {
  expect(hex(encode(pb.UserOpt, { user: { kind: 'byID', value: 0 } }))).toBe('1000');
  expect(hex(encode(pb.Mount, { dest: '', readonly: false, input: 0, TmpfsOpt: {} }))).toBe('9a0100');
  expect(hex(encode(pb.Meta, { args: ['', 'a'] }))).toBe('0a000a0161');
  expect(hex(encode(pb.SourceOp, { attrs: { k: '' } }))).toBe('12050a016b1200');
});

test('keys of maps are in order of their UTF-8 bytes, whatever the order they were set in', () => {
  const keys = ['10', '9', 'B', 'a', 'a-b', 'aa', 'é', '日', '～', '😀'];
  const attrs = Object.fromEntries(keys.toReversed().map((k) => [k, 'v']));
  expect([...decode(pb.SourceOp, encode(pb.SourceOp, { attrs })).attrs.keys()]).toEqual(keys);
  expect(keys.toReversed().toSorted(compareText)).toEqual(keys);
});

test('64-bit integers are exact, as numbers or bigints', () => {
  expect(hex(encode(pb.Mount, { input: -1, output: -1n }))).toBe(
    '08ffffffffffffffffff0120ffffffffffffffffff01',
  );
  const size = 9007199254740993n;
  expect(decode(pb.TmpfsOpt, encode(pb.TmpfsOpt, { size })).size).toBe(size);
  expect(() => encode(pb.TmpfsOpt, { size: 0.5 })).toThrow(WireError);
  expect(() => encode(pb.SecretOpt, { uid: -1 })).toThrow('pb.SecretOpt.uid');
});

test('fields that are unknown are kept and written again', () => {
  const input = decode(pb.Input, bytes('c23e01780a0161f807051001'));
  expect(input).toMatchObject({ digest: 'a', index: 1n });
  expect(input[unknownFields as never]).toBeDefined();
  expect(hex(encode(pb.Input, input))).toBe('0a01611001c23e0178f80705');
});

test('an unknown number of an enum survives', () => {
  expect(decode(pb.CacheOpt, encode(pb.CacheOpt, { sharing: 7 })).sharing).toBe(7);
});

test('what is no message is refused', () => {
  for (const bad of [
    '0a056161',
    '0001',
    '0e05',
    '0a02ffff',
    '0a03eda080',
    '08',
    '10ffffffffffffffffffff01',
  ]) {
    expect(() => decode(pb.Input, bytes(bad)), bad).toThrow(WireError);
  }
});

test('a message that is nested without end is refused, not a stack overflow', () => {
  let source = new Uint8Array(0);
  for (let i = 0; i < 300; i++) {
    // Each turn wraps it as Source.infos[0].definition.Source.
    for (const tag of [0x1a, 0x1a, 0x12]) source = new Uint8Array([tag, ...varint(source.length), ...source]);
  }
  expect(() => decode(pb.Source, source)).toThrow('nested');
});

test('what is absent has its default', () => {
  expect(empty(fsutil.Packet)).toEqual({ type: 0, stat: undefined, ID: 0, data: new Uint8Array(0) });
  expect(decode(pb.Op, new Uint8Array(0))).toEqual({
    inputs: [],
    op: undefined,
    platform: undefined,
    constraints: undefined,
  });
});

test('a service can be handed to grpc-js', () => {
  const methods = grpcMethods(control.Control, (b) => Buffer.from(b.buffer, b.byteOffset, b.byteLength));
  expect(methods.Status).toMatchObject({
    path: '/moby.buildkit.v1.Control/Status',
    requestStream: false,
    responseStream: true,
  });
  const request = methods.Status.requestSerialize({ Ref: 'r' });
  expect(methods.Status.requestDeserialize(request)).toEqual({ Ref: 'r' });
});
