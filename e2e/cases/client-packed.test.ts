import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { staticBusybox } from '../harness/busybox.ts';

const root = join(import.meta.dirname, '../..');
const addresses = Object.entries(inject('daemons'));
// What `pnpm pack` would build first: the check and the setup have built it.
const built = existsSync(join(root, 'packages/buildkit-client/dist/index.js'));
if (!built) process.stderr.write('skipped: the packages are not built, so they cannot be packed\n');

const program = `
import { connect } from '@melange2/buildkit-client';
import { local, marshal } from '@melange2/llb';

const client = await connect(process.env.BUILDKIT_HOST);
const step = local('rootfs').run({
  args: ['/bin/busybox', 'sh', '-c', 'echo built > /out/result; echo working'],
  network: 'none',
  customName: 'work',
  mounts: [{ kind: 'bind', dest: '/out' }],
});
await client.build({
  definition: marshal(step.mount('/out'), { platform: 'linux/amd64' }),
  session: { localDirs: { rootfs: { path: process.cwd() + '/rootfs' } } },
  exports: [{ kind: 'local', dir: 'out' }],
  onEvent(event) {
    if (event.type === 'vertexAdded') console.log('step', event.name);
  },
});
const { llb } = await client.capabilities();
console.log(llb.has('mergeop') ? 'new' : 'old', 'daemon');
client.close();
`;

describe.skipIf(!built || addresses.length === 0)(
  'a program in an empty folder, with the packed packages only',
  () => {
    let dir: string;

    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'm2-packed-'));
      for (const name of ['packages/diagnostics', 'proto', 'packages/llb', 'packages/buildkit-client']) {
        const folder = join(root, name);
        execFileSync('npx', ['--yes', 'pnpm@10.34.9', 'pack', '--pack-destination', dir], {
          cwd: folder,
          stdio: 'ignore',
        });
        const { name: full } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
          name: string;
        };
        const tarball = readdirSync(dir).find(
          (file) => file.startsWith(full.slice(1).replace('/', '-')) && file.endsWith('.tgz'),
        )!;
        const target = join(dir, 'node_modules', full);
        mkdirSync(target, { recursive: true });
        execFileSync('tar', ['-xzf', join(dir, tarball), '-C', target, '--strip-components=1']);
        rmSync(join(dir, tarball));
      }
      writeFileSync(join(dir, 'program.mjs'), program);
      mkdirSync(join(dir, 'rootfs/bin'), { recursive: true });
      copyFileSync(await staticBusybox(), join(dir, 'rootfs/bin/busybox'));
    });
    afterAll(() => rmSync(dir, { recursive: true, force: true }));

    test.each(addresses)('builds and exports on BuildKit %s', (age, address) => {
      const out = join(dir, 'out');
      rmSync(out, { recursive: true, force: true });
      const printed = execFileSync(process.execPath, ['program.mjs'], {
        cwd: dir,
        encoding: 'utf8',
        env: { ...process.env, BUILDKIT_HOST: address },
      });
      expect(printed.trim().split('\n').at(-1)).toBe(age === '0.8' ? 'old daemon' : 'new daemon');
      expect(printed).toContain('step work');
      expect(readFileSync(join(out, 'result'), 'utf8')).toBe('built\n');
    });
  },
);
