import { execFileSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { bytesSource, packageTree, tarHeader, type ByteSource, type TreeEntry } from '@melange2/apk';
import { assert, asyncProperty, array, nat, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import {
  analyse,
  findKernelVersion,
  parsePkgConfig,
  parseShebang,
  readElf,
  readGoBuildInfo,
} from './index.ts';

function file(name: string, content: string | Uint8Array, mode: number = 0o644): TreeEntry {
  const bytes = Buffer.from(content);
  return { header: tarHeader({ name, mode, size: bytes.length }), content: bytesSource(bytes) };
}

function link(name: string, linkName: string): TreeEntry {
  return { header: tarHeader({ name, type: 'symlink', mode: 0o777, linkName }) };
}

interface ElfParts {
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
}

/** A 64-bit little-endian library or program without a section table, as the loader sees it. */
function elf({ interpreter, needed = [], soname }: ElfParts): Buffer {
  const strings = ['', ...needed, ...(soname === undefined ? [] : [soname])];
  const at = (text: string): number =>
    Buffer.byteLength(strings.slice(0, strings.indexOf(text)).join('\0')) + 1;
  const table = Buffer.from(`${strings.join('\0')}\0`);
  const start = 64 + 3 * 56;
  const interp = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`);
  const tags = [
    ...needed.map((n) => [1, at(n)]),
    ...(soname === undefined ? [] : [[14, at(soname)]]),
    [5, 0x1000 + start + interp.length],
    [10, table.length],
    [0, 0],
  ];
  const dynamic = Buffer.alloc(tags.length * 16);
  for (const [i, [tag = 0, value = 0]] of tags.entries()) {
    dynamic.writeBigUInt64LE(BigInt(tag), i * 16);
    dynamic.writeBigUInt64LE(BigInt(value), i * 16 + 8);
  }
  const body = Buffer.concat([interp, table, dynamic]);
  const head = Buffer.alloc(start);
  Buffer.from('7f454c46020101', 'hex').copy(head);
  head.writeUInt16LE(3, 16);
  head.writeUInt16LE(62, 18);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(interpreter === undefined ? 2 : 3, 56);
  const segment = (index: number, type: number, offset: number, size: number): void => {
    head.writeUInt32LE(type, 64 + index * 56);
    head.writeBigUInt64LE(BigInt(offset), 64 + index * 56 + 8);
    head.writeBigUInt64LE(BigInt(0x1000 + offset), 64 + index * 56 + 16);
    head.writeBigUInt64LE(BigInt(size), 64 + index * 56 + 32);
  };
  segment(0, 1, 0, start + body.length);
  segment(1, 2, start + interp.length + table.length, dynamic.length);
  if (interpreter !== undefined) segment(2, 3, start, interp.length);
  return Buffer.concat([head, body]);
}

async function find(entries: TreeEntry[], more: object = {}): Promise<unknown[]> {
  const found = await analyse({ name: 'pkg', version: '1.2-r0', tree: packageTree(entries), ...more });
  return [found.depends, found.provides, found.vendored, found.diagnostics.map((d) => d.code)];
}

test('programs need their interpreter and libraries, libraries are provided where everybody finds them', async () => {
  const found = await find([
    file(
      'usr/bin/tool',
      elf({ interpreter: '/lib/ld-musl-x86_64.so.1', needed: ['libz.so.1', 'libcuda.so.1', 'plugin.so'] }),
      0o755,
    ),
    file('usr/lib/liba.so.1.2', elf({ soname: 'liba.so.1', needed: ['libc.so.6'] })),
    file('usr/lib/tool/libprivate.so', elf({ soname: 'libprivate.so' })),
    link('usr/lib/liba.so', 'liba.so.1.2'),
  ]);
  expect(found).toEqual([
    ['so:liba.so.1', 'so:libc.musl-x86_64.so.1', 'so:libc.so.6', 'so:libz.so.1'],
    ['cmd:tool=1.2-r0', 'so-ver:liba.so.1=1.2-r0', 'so:liba.so.1=1'],
    ['so-ver:libprivate.so=1.2-r0', 'so:libprivate.so=0'],
    [],
  ]);
});

test('a link of a -dev package needs the library in its sibling', async () => {
  const main = packageTree([file('usr/lib/libx.so.5.1', elf({ soname: 'libx.so.5' }))]);
  const tree = packageTree([link('usr/lib/libx.so', 'libx.so.5.1')]);
  expect(await find([...tree.entries], { relatives: [main, tree] })).toEqual([['so:libx.so.5'], [], [], []]);
});

test('files below etc/ld.so.conf.d widen the library directories', async () => {
  const found = await find([
    file('etc/ld.so.conf.d/x.conf', '# no\n/opt/x\n  /opt/y\n/opt/z/...\n'),
    file('opt/x/liba.so.1', elf({ soname: 'liba.so.1' })),
    file('opt/y/libb.so.1', elf({ soname: 'libb.so.1' })),
    file('opt/z/deep/libc.so.1', elf({ soname: 'libc.so.1' })),
  ]);
  expect(found[1]).toEqual([
    'so-ver:liba.so.1=1.2-r0',
    'so-ver:libc.so.1=1.2-r0',
    'so:liba.so.1=1',
    'so:libc.so.1=1',
  ]);
});

test('a damaged ELF file is passed over with a warning', async () => {
  const found = await find([file('usr/lib/liba.so.1', elf({ soname: 'liba.so.1' }).subarray(0, 150))]);
  expect(found).toEqual([[], [], [], ['SCA_ELF_DAMAGED']]);
});

test('whatever is changed in a program, it is read, passed over with a warning, or taken for another file', async () => {
  const whole = elf({ interpreter: '/lib/ld.so', needed: ['libz.so.1'], soname: 'liba.so.1' });
  const change = tuple(nat(whole.length - 1), nat(255));
  await assert(
    asyncProperty(
      array(change, { minLength: 1, maxLength: 6 }),
      nat(whole.length),
      async (changes, length) => {
        const bytes = Buffer.from(whole);
        for (const [at, byte] of changes) bytes[at] = byte;
        await find([file('usr/lib/liba.so.1', bytes.subarray(0, length))]);
      },
    ),
    { numRuns: 2000, seed: 1 },
  );
});

test('commands are regular files that everybody may run; names that apk cannot take are left out', async () => {
  const found = await find([
    file('usr/bin/yes', '', 0o755),
    file('usr/bin/private', '', 0o750),
    file('usr/libexec/helper', '', 0o755),
    file('usr/bin/a b', '', 0o755),
    link('usr/bin/alias', 'yes'),
    { header: tarHeader({ name: 'sbin/again', type: 'hardLink', linkName: 'usr/bin/yes' }) },
  ]);
  expect(found).toEqual([[], ['cmd:again=1.2-r0', 'cmd:yes=1.2-r0'], [], ['SCA_NAME_UNUSABLE']]);
});

test('scripts need what their first line names, unless it is one of the usual shells', async () => {
  const found = await find([
    file('usr/bin/one', '#!/usr/bin/env -S FOO=1 ruby -w\n', 0o755),
    file('usr/bin/two', '#! /usr/bin/perl'),
    file('usr/bin/three', '#!/bin/sh\n'),
    file('usr/bin/four', '#!/usr/bin/env bash -x\n'),
    file('usr/share/five', '#!/usr/bin/tclsh\n'),
  ]);
  expect(found.at(0)).toEqual(['cmd:perl', 'cmd:ruby']);
  expect(found.at(3)).toEqual(['SCA_SHEBANG_UNCLEAR']);
  expect(parseShebang(Buffer.from('#!\n'))).toEqual({ kind: 'none' });
});

test('pkg-config files are read with variables, continued lines and versions', async () => {
  const text =
    'req=glib-2.0\nName: x\nrequires: ${req} >= 2.50, gtk+-3.0>=3 \\\n a\nRequires.private: b # c\n';
  expect(parsePkgConfig(text)).toEqual({ requires: ['glib-2.0', 'gtk+-3.0', 'a'], requiresPrivate: ['b'] });
  const found = await find([
    file('usr/lib/pkgconfig/x.pc', text),
    file('opt/y.pc', 'Name: y\n'),
    file('z.pc', '?'),
  ]);
  expect(found).toEqual([
    ['pc:a', 'pc:b', 'pc:glib-2.0', 'pc:gtk+-3.0'],
    ['pc:x=1.2-r0'],
    ['pc:y=1.2-r0'],
    ['SCA_PKGCONFIG_UNREADABLE'],
  ]);
});

test('modules of languages need the version that their directory is named after', async () => {
  const found = await find([
    file('usr/lib/python3.12/site-packages/x.py', ''),
    file('usr/lib/ruby/gems/3.4.1/gems/x', ''),
    file('usr/lib/perl5/vendor_perl/X.pm', ''),
  ]);
  expect(found[0]).toEqual(['perl~5', 'python-3.12-base', 'ruby-3.4']);
  const declared = await find([file('usr/lib/python3.12/site-packages/x.py', '')], { declared: ['python3'] });
  expect(declared).toEqual([[], [], [], ['SCA_DEPENDENCY_DECLARED']]);
});

test('documentation packages need their readers', async () => {
  const tree = [file('usr/share/man/man1/x.1', ''), file('usr/share/info/x.info', '')];
  expect((await find(tree, { name: 'x-doc' }))[0]).toEqual(['man-db', 'texinfo']);
  expect((await find(tree))[0]).toEqual([]);
});

test('a kernel is provided, a module needs it', async () => {
  const banner = 'xx Linux version 6.6.1-test (me@here) #1\0';
  expect(await findKernelVersion(Buffer.from(banner))).toBe('6.6.1-test');
  const found = await find([
    file('boot/vmlinuz', banner),
    file('boot/config', 'the Linux version in use\n'),
    file('usr/lib/modules/6.1/x.ko', '\0vermagic=6.1.0-mod SMP\0'),
  ]);
  expect(found).toEqual([['linux:6.1.0-mod'], ['linux:6.6.1-test'], [], []]);
});

test('a damaged packed module is a warning, and the rest is still found', async () => {
  const entries = [
    file(
      'usr/lib/modules/6.1/x.ko.xz',
      Buffer.concat([Buffer.from('fd377a585a00', 'hex'), Buffer.alloc(40, 1)]),
    ),
    file('usr/lib/modules/6.1/y.ko', '\0vermagic=6.1.0-mod SMP\0'),
  ];
  expect(await find(entries)).toEqual([['linux:6.1.0-mod'], [], [], ['SCA_MODULE_PACKED']]);
});

test('options leave out what they name', async () => {
  const tree = [
    file('usr/bin/x', '#!/usr/bin/perl\n', 0o755),
    file('usr/lib/libx.so.1', elf({ soname: 'libx.so.1', needed: ['libc.so.6'] })),
  ];
  expect(await find(tree, { noCommands: true })).toEqual([
    ['so:libc.so.6'],
    ['so-ver:libx.so.1=1.2-r0', 'so:libx.so.1=1'],
    [],
    [],
  ]);
  expect((await find(tree, { noDepends: true, noProvides: true })).slice(0, 2)).toEqual([[], []]);
});

function onDisk(path: string): ByteSource {
  const handle = openSync(path, 'r');
  const { size } = fstatSync(handle);
  closeSync(handle);
  return {
    size,
    read: (offset, length) => {
      const fd = openSync(path, 'r');
      const bytes = Buffer.alloc(length);
      readSync(fd, bytes, 0, length, offset);
      closeSync(fd);
      return Promise.resolve(bytes);
    },
  };
}

function available(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write(`skipped: there is no ${program} on this machine\n`);
    return false;
  }
}

test.skipIf(!available('readelf'))('readelf sees the same in the program that runs this test', async () => {
  const read = await readElf(onDisk(process.execPath));
  const said = execFileSync('readelf', ['-d', '-l', '-W', process.execPath]).toString();
  expect(read?.needed).toEqual([...said.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((m) => m[1]));
  expect(read?.interpreter).toBe(/interpreter: (.*)\]/.exec(said)?.[1]);
  if (read !== undefined) expect(await readGoBuildInfo(onDisk(process.execPath), read)).toBeUndefined();
});
