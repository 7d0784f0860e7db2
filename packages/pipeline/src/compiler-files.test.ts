import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compilerFiles } from './compiler-files.ts';
import { compiled } from './testing/compile-text.ts';
import { has } from './testing/run-built-in.ts';

const { config } = compiled(
  'package:\n  name: zip\n  version: "3.0"\n  epoch: 1\n  cpe: {vendor: info-zip, product: zip}\n',
);
const files = compilerFiles(config, { architecture: 'x86_64', namespace: 'wolfi os}' });
const note =
  '{"type":"apk","os":"wolfios","name":"zip","version":"3.0-r1","architecture":"x86_64","appCpe":"cpe:2.3:a:info-zip:zip:3.0:*:*:*:*:*:*:*"}';

test('they name the package', () => {
  expect(files['.melange.gcc.spec']).toBe(`*link:\n+ %{!r:--package-metadata=${note}}\n`);
  expect(files['.melange.clang.cfg']).toBe(`-Xlinker --package-metadata='${note}'\n`);
});

test.skipIf(!has('gcc') || !has('readelf') || !has('nm'))(
  'gcc writes the note, by the spec or by the header',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'compiler-files-'));
    try {
      for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
      writeFileSync(join(folder, 'm.c'), 'int main(void) { return 0; }\n');
      const run = (command: string, ...args: string[]): string =>
        execFileSync(command, args, { cwd: folder, encoding: 'utf8' });
      for (const flags of [['-specs=.melange.gcc.spec'], ['-include', '.melange.fdo.h']]) {
        run('gcc', ...flags, '-o', 'm', 'm.c');
        expect(run('readelf', '-n', '-W', 'm')).toContain(`Packaging Metadata: ${note}`);
      }
      run('gcc', '-specs=.melange.gcc.spec', '-r', '-o', 'm.o', 'm.c');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
