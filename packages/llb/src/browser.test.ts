import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';
import * as llb from './index.ts';

const executable = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Runs here and, from its source text, in the browser. */
function makeGraph({
  image,
  local,
  copy,
  mkfile,
  marshal,
  formatDefinition,
  encodeDefinition,
}: typeof llb): string {
  const state = image('alpine:3.20')
    .with({ env: { Ü: '😀' }, cwd: '/src' })
    .file([copy(local('source'), '/', '.'), mkfile('/big', new Uint8Array(100_000).fill(7))])
    .run({
      args: ['/bin/sh', '-c', 'make'],
      mounts: [
        { kind: 'bind', dest: '/～' },
        { kind: 'bind', dest: '/😀' },
      ],
    });
  const definition = marshal(state.mount('/😀'), { platform: 'linux/arm64', localUniqueId: 'browser' });
  return (
    formatDefinition(definition, { digests: true }).replace(/0x[0-9a-f]*|"\\u0007[^"]*"/, '…') +
    encodeDefinition(definition).join()
  );
}

const reason = existsSync(executable)
  ? ''
  : ` (skipped: there is no ${executable}; CHROMIUM can name another)`;

test.skipIf(reason !== '')(
  `makes the same bytes in a browser as here${reason}`,
  { timeout: 60_000 },
  async () => {
    const bundle = await rolldown({
      input: join(import.meta.dirname, 'index.ts'),
      platform: 'browser',
      resolve: { conditionNames: ['x-source', 'import', 'default'] },
    });
    const { output } = await bundle.generate({ format: 'iife', name: 'llb' });
    await bundle.close();
    expect(output).toHaveLength(1);
    expect(output[0].code).not.toMatch(/["']node:|\bprocess\.|\brequire\(/);

    const browser = await chromium.launch({ executablePath: executable, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      await page.addScriptTag({ content: output[0].code });
      expect(await page.evaluate<string>(`(${makeGraph.toString()})(llb)`)).toBe(makeGraph(llb));
    } finally {
      await browser.close();
    }
  },
);
