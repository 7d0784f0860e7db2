// Installs and builds the workspace: pnpm, Node 24 and all packages come from npm. Quick when nothing changed.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bin, generators, part, pnpmVersion, root, run, say, workspaceEnv } from './lib.mjs';

export async function setup() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    say(`Node 20 or newer is needed to start; this is ${process.versions.node}.`);
    process.exit(1);
  }
  const stamp = join(root, 'node_modules/.melange2-install');
  const wanted = installKey();
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    await part('installing the workspace (pnpm, Node 24, libraries)', () =>
      run('npx', ['--yes', `pnpm@${pnpmVersion()}`, 'install', '--frozen-lockfile', '--prefer-offline'], {
        quiet: true,
        env: { ...process.env, CI: 'true', npm_config_loglevel: 'error' },
      }),
    );
    writeFileSync(stamp, wanted);
  }
  const env = workspaceEnv();
  const node = join(bin, 'node');
  for (const [name, script] of generators) {
    await part(`generating ${name}`, () => run(node, [script], { env, quiet: true }));
  }
  await part('compiling', () => run(join(bin, 'tsc'), ['-b'], { env, quiet: true }));
  await part('bundling the command line', () => run(node, ['packages/cli/bundle.mjs'], { env, quiet: true }));
}

/** Changes when what pnpm would install does. */
function installKey() {
  const hash = createHash('sha256');
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']) {
    hash.update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await setup();
  say('Ready: npx melange2 --help');
}
