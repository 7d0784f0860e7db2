import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  build,
  copy,
  decodeDefinition,
  formatDefinition,
  formatImageReference,
  formatPlatform,
  git,
  image,
  imageBlob,
  local,
  marshal,
  merge,
  mkdir,
  mkfile,
  normalizePlatform,
  ociLayoutBlob,
  parseImageReference,
  parsePlatform,
  passthrough,
  rangeOfSpan,
  readGraph,
  scratch,
  type Mount,
  type RunOptions,
  type State,
} from './index.ts';
import { canonicalIpAddress } from './ip-address.ts';
import { sha256 as nodeSha256 } from './sha256-node.ts';
import { sha256 as portableSha256 } from './sha256-portable.ts';

const print = (state: State): string => formatDefinition(marshal(state, { platform: 'linux/amd64' }));
const base = image('alpine:3.20');
const run = (options: Partial<RunOptions> = {}): RunOptions => ({ args: ['true'], ...options });

describe('states', () => {
  test('a step’s own settings end with it, a state’s go on', () => {
    const state = base
      .with({ env: { A: '1' } })
      .run(run({ env: { B: '2' } }))
      .root.run(run());
    expect(print(state.root)).toMatchInlineSnapshot(`
      "%1 source docker-image://docker.io/library/alpine:3.20  platform=linux/amd64
      %2 exec %1 true  env=A=1,B=2  platform=linux/amd64
      %3 exec %2 true  env=A=1  platform=linux/amd64
      result %3
      "
    `);
  });

  test('are not changed by what is built on them', () => {
    const before = print(base);
    base.with({ env: { A: '1' } });
    base.file(mkdir('/a'));
    base.run(run());
    expect(print(base)).toBe(before);
  });

  test('a chain of 20,000 steps can be marshalled', () => {
    let state = base;
    for (let i = 0; i < 20_000; i++) state = state.run({ args: ['echo', String(i)] }).root;
    expect(marshal(state, { platform: 'linux/amd64' }).def).toHaveLength(20_002);
  });

  test('names that look like numbers keep their order when they are given as pairs', () => {
    const env = [
      ['B', 'b'],
      ['1', 'one'],
    ] as const;
    expect(print(base.run(run({ env })).root)).toContain('env=B=b,1=one');
  });
});

describe('what cannot be built is refused where it is asked for', () => {
  const cases: readonly (readonly [code: string, make: () => unknown])[] = [
    ['LLB_EXEC_WITHOUT_ARGS', () => base.run({ args: [] })],
    ['LLB_FILE_WITHOUT_ACTIONS', () => base.file([])],
    ['LLB_FILE_WITHOUT_ACTIONS', () => base.file(copy({ base, actions: [] }, '/', '/'))],
    ['LLB_IMAGE_REFERENCE_INVALID', () => image('Alpine')],
    ['LLB_IMAGE_REFERENCE_INVALID', () => image('alpine@sha256:12')],
    ['LLB_IMAGE_REFERENCE_INVALID', () => image('a'.repeat(64))],
    ['LLB_IP_ADDRESS_INVALID', () => base.run(run({ extraHosts: [{ host: 'h', address: '1.2.3.400' }] }))],
    ['LLB_MOUNT_WITHOUT_RESULT', () => base.run(run()).mount('/out')],
    ['LLB_PLATFORM_INVALID', () => marshal(base, { platform: 'linux' })],
    ['LLB_SOURCE_INVALID', () => git('')],
    ['LLB_SOURCE_INVALID', () => git('ftp://host/repo')],
    ['LLB_SOURCE_INVALID', () => local('')],
    ['LLB_SOURCE_INVALID', () => build(scratch())],
    ['LLB_DEFINITION_INVALID', () => decodeDefinition(new Uint8Array([1, 2, 3]))],
  ];
  test.each(cases)('%s %#', (code, make) => {
    expect(make).toThrow(expect.objectContaining({ name: 'BuildError', code }));
  });
});

test('a definition in a file is built by an op of its own, with the platform it is to have', () => {
  const state = build(scratch().file(mkfile('/llb', 'x')), { filename: 'llb' });
  expect(print(state)).toMatchInlineSnapshot(`
    "%1 file scratch mkfile /llb 0644 "x"
    %2 build buildkit.llb.definition=%1  llbbuild.filename=llb  platform=linux/amd64
    result %2
    "
  `);
});

test('sources of git may have signatures', () => {
  const state = git('https://host.example/r.git', 'v1', {
    signature: { pubKey: 'KEY', requireSignedTag: true },
  });
  const definition = marshal(state, { platform: 'linux/amd64' });
  expect(formatDefinition(definition)).toContain('  git.sig.pubkey=KEY  git.sig.requiresignedtag=true');
  expect(readGraph(definition).ops[0]?.metadata?.caps.has('source.git.signatureverify')).toBe(true);
});

test('marshalling takes a platform as text or in parts', () => {
  const parts = marshal(base, { platform: { os: 'linux', architecture: 'arm64' } });
  expect(marshal(base, { platform: 'linux/aarch64' })).toEqual(parts);
});

test('merging is deterministic, and drops what is empty', () => {
  expect(merge([scratch(), base, scratch()])).toBe(base);
  expect(merge([]).output).toBeUndefined();
});

test('a span becomes a range whose characters count from 0', () => {
  const at = (line: number, column: number) => ({ line, column, offset: 0 });
  expect(rangeOfSpan({ file: 'f', start: at(2, 5), end: at(3, 1) })).toEqual({
    start: { line: 2, character: 4 },
    end: { line: 3, character: 0 },
  });
});

describe('platforms', () => {
  test.each([
    ['linux/x86_64', 'linux/amd64'],
    ['Linux/AARCH64/v8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/i386', 'linux/386'],
    ['macos/arm64', 'darwin/arm64'],
  ])('%s is %s', (text, normal) => {
    expect(formatPlatform(parsePlatform(text))).toBe(normal);
    expect(normalizePlatform(parsePlatform(normal))).toEqual(parsePlatform(normal));
  });
});

describe('references', () => {
  test.each([
    ['alpine', 'docker.io/library/alpine'],
    ['a/b', 'docker.io/a/b'],
    ['localhost/a', 'localhost/a'],
    ['index.docker.io/a', 'docker.io/library/a'],
    ['host:5000/a:1', 'host:5000/a:1'],
    ['[::1]:5000/a', '[::1]:5000/a'],
    ['HOST/a', 'HOST/a'],
    ['a__b/c.d-e', 'docker.io/a__b/c.d-e'],
  ])('%s is %s', (text, full) => {
    expect(formatImageReference(parseImageReference(text))).toBe(full);
    expect(formatImageReference(parseImageReference(full))).toBe(full);
  });

  test.each(['', ':', 'a/', '/a', 'a//b', 'a:', 'a:b:c', 'a@b', 'a..b', 'a_-b', '-a', 'host:port/a', 'a b'])(
    '%j is refused',
    (text) => {
      expect(() => parseImageReference(text)).toThrow('invalid');
    },
  );
});

describe('addresses', () => {
  test.each([
    ['1.2.3.4', '1.2.3.4'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalIpAddress(text)).toBe(canonical);
  });

  test.each([
    '',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.256',
    ':::',
    '1::2::3',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7:8:9',
    '1:2',
  ])('%j is none', (text) => {
    expect(canonicalIpAddress(text)).toBeUndefined();
  });
});

test('the portable hash is the same as that of Node', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const expected = createHash('sha256').update(bytes).digest('hex');
      expect(portableSha256(bytes)).toBe(expected);
      expect(nodeSha256(bytes)).toBe(expected);
    }),
  );
});

test.each([
  ['LLB_PASSTHROUGH_INVALID', 'it has no id', () => passthrough('', [{ state: base, output: true }])],
  ['LLB_PASSTHROUGH_INVALID', 'all of its inputs are empty', () => passthrough('a', [{ state: scratch() }])],
  ['LLB_PASSTHROUGH_INVALID', 'none of its inputs is handed on', () => passthrough('a', [{ state: base }])],
  ['LLB_BLOB_REFERENCE_INVALID', 'it has no digest', () => imageBlob('example.com/a')],
  [
    'LLB_BLOB_REFERENCE_INVALID',
    'a blob has no tag',
    () => ociLayoutBlob(`example.com/a:1@sha256:${'0'.repeat(64)}`),
  ],
  [
    'LLB_MOUNT_INVALID',
    'a tmpfs is empty at first',
    () => base.run(run({ mounts: [{ kind: 'tmpfs', dest: '/tmp', source: base } as Mount] })),
  ],
] as const)('%s: %s', (code, problem, make) => {
  expect(make).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(problem) as string }),
  );
});
