import { type Linter, linters } from '@melange2/lint';
import { analysePackage } from '@melange2/packager';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';
import { type LintedSample, linterContract, scaRuleContract } from '@melange2/plugin-api/testing';
import { describe, expect, test } from 'vitest';

/** An ELF file with one section, which holds debugging information, for another machine than we build for. */
function program(): Uint8Array {
  const names = Buffer.from('\0.debug_info\0.shstrtab\0');
  const bytes = Buffer.alloc(64 + names.length + 1 + 3 * 64);
  bytes.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(21, 18);
  bytes.writeUInt32LE(1, 20);
  const sections = 64 + names.length + 1;
  bytes.writeBigUInt64LE(BigInt(sections), 40);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(64, 58);
  bytes.writeUInt16LE(3, 60);
  bytes.writeUInt16LE(2, 62);
  names.copy(bytes, 64);
  bytes.writeUInt32LE(1, sections + 64);
  bytes.writeUInt32LE(1, sections + 68);
  bytes.writeUInt32LE(13, sections + 128);
  bytes.writeUInt32LE(3, sections + 132);
  bytes.writeBigUInt64LE(64n, sections + 128 + 24);
  bytes.writeBigUInt64LE(BigInt(names.length), sections + 128 + 32);
  return bytes;
}

const big = 'x'.repeat(2000);
const executable = { content: program(), mode: 0o755 };

/** What each linter finds something in. */
const samples: Readonly<Record<string, LintedSample['files']>> = {
  binaryarch: { 'usr/bin/tool': executable },
  cudaruntimelib: { 'usr/lib/libcuda.so.1': 'x' },
  dev: { 'dev/thing': 'x' },
  dll: { 'usr/lib/thing.dll': 'x' },
  documentation: { 'usr/share/doc/README.md': 'x' },
  duplicate: { 'a/data': big, 'b/data': big },
  dylib: { 'usr/lib/thing.dylib': 'x' },
  empty: {},
  infodir: { 'usr/share/info/dir': 'x' },
  lddcheck: { 'usr/lib/libthing.so.1': 'x' },
  'libtool/la-files': { 'usr/lib/libthing.la': 'x' },
  maninfo: { 'usr/share/man/man1/thing.1': 'x' },
  nonlinux: { 'usr/lib/windows/thing': 'x' },
  object: { 'usr/lib/thing.o': 'x' },
  opt: { 'opt/thing': 'x' },
  pkgconf: { 'usr/lib/pkgconfig/thing.pc': 'Name: thing\n' },
  'python/docs': { 'usr/lib/python3.12/site-packages/docs/x': 'x' },
  'python/multiple': {
    'usr/lib/python3.12/site-packages/one/x': 'x',
    'usr/lib/python3.12/site-packages/two/x': 'x',
  },
  'python/test': { 'usr/lib/python3.12/site-packages/tests/x': 'x' },
  sbom: { 'var/lib/db/sbom/thing': 'x' },
  setuidgid: { 'usr/bin/thing': { content: 'x', mode: 0o4755 } },
  srv: { 'srv/thing': 'x' },
  staticarchive: { 'usr/lib/libthing.a': 'x' },
  strip: { 'usr/bin/tool': executable },
  tempdir: { 'tmp/thing': 'x' },
  unsupportedarch: { 'usr/lib/x/i386/thing': 'x' },
  usrlocal: { 'usr/local/bin/thing': 'x' },
  usrmerge: { 'bin/thing': 'x' },
  varempty: { 'var/empty/thing': 'x' },
  worldwrite: { 'usr/share/thing': { content: 'x', mode: 0o666 } },
};

test('every linter has a sample here', () => {
  expect(Object.keys(samples)).toEqual(linters.map((linter) => linter.name));
});

describe.each(linters.map((linter) => [linter.name, linter] as const))('the linter %s', (name, linter) => {
  const contract = linterContract({
    make: () => handingOver(linter),
    npmName: 'sample',
    finds: [{ files: samples[name] ?? {} }],
    passes: [{ files: { 'usr/bin/fine': { content: '#!/bin/sh\n', mode: 0o755 } } }],
  });
  for (const { name: what, run } of contract) test(what, run);
});

function handingOver(linter: Linter): Plugin {
  return {
    name: 'sample',
    apiVersion: API_VERSION,
    apply: ({ hooks }) => hooks.checkPackage.tap('sample', (_pkg, report) => report.lint(linter)),
  };
}

describe('the built-in search for dependencies', () => {
  const contract = scaRuleContract({
    make: () => ({
      name: 'sample',
      apiVersion: API_VERSION,
      apply: ({ hooks }) =>
        hooks.modifyPackage.tapPromise('sample', async (pkg) => {
          const { recipe, tree, found } = pkg;
          const trees = new Map([[recipe.name, tree]]);
          const { found: more } = await analysePackage({ recipe, trees, order: [recipe.name] });
          return {
            ...pkg,
            found: {
              depends: [...found.depends, ...more.depends],
              provides: [...found.provides, ...more.provides],
              vendored: [...found.vendored, ...more.vendored],
            },
          };
        }),
    }),
    npmName: 'sample',
    finds: [
      {
        files: { 'usr/bin/greet': { content: '#!/usr/bin/perl\n', mode: 0o755 } },
        depends: ['cmd:perl'],
        provides: ['cmd:greet=1.0.0-r0'],
      },
      {
        files: { 'usr/lib/pkgconfig/greet.pc': 'Name: greet\nVersion: 3\nRequires: zlib\n' },
        depends: ['pc:zlib'],
        provides: ['pc:greet=1.0.0-r0'],
      },
      { files: { 'usr/lib/python3.12/site-packages/greet.py': 'x' }, depends: ['python-3.12-base'] },
    ],
    ignores: [{ 'etc/greet.conf': 'x' }],
  });
  for (const { name, run } of contract) test(name, run);
});
