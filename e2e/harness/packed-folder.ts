import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repositoryRoot } from './melange2.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const workspaces = [
  'proto',
  ...['packages', 'plugins'].flatMap((family) =>
    readdirSync(join(repositoryRoot, family)).map((name) => `${family}/${name}`),
  ),
];

/** Whether the packages are built, so that they can be packed: the setup does it. */
export const packable: boolean = existsSync(join(repositoryRoot, 'packages/cli/dist/bundle/main.js'));

/**
 * A folder whose `node_modules` has what a user would get from the registry: every package of this repository, packed
 * and unpacked again, with what their manifests ask for and the tools that plugins are made with, and nothing else.
 */
export function makePackedFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'm2-packed-'));
  const tarballs = join(dir, 'tarballs');
  mkdirSync(tarballs);
  const filters = ['./packages/*', './plugins/*', './proto'].flatMap((path) => ['--filter', path]);
  execFileSync('npx', ['--yes', 'pnpm@10.34.9', '-r', ...filters, 'pack', '--pack-destination', tarballs], {
    cwd: repositoryRoot,
    stdio: 'ignore',
  });
  const modules = join(dir, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  for (const workspace of workspaces) {
    const manifest = readManifest(join(repositoryRoot, workspace));
    const target = join(modules, manifest.name);
    mkdirSync(target, { recursive: true });
    const tarball = join(tarballs, `${manifest.name.slice(1).replace('/', '-')}-${manifest.version}.tgz`);
    execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
    const packed = readManifest(target);
    for (const dependency of Object.keys(packed.dependencies ?? {})) {
      if (!dependency.startsWith('@melange2/')) {
        link(join(repositoryRoot, workspace, 'node_modules', dependency), join(modules, dependency));
      }
    }
    for (const [bin, path] of Object.entries(packed.bin ?? {}))
      symlinkSync(join(target, path), join(modules, '.bin', bin));
  }
  rmSync(tarballs, { recursive: true });
  for (const tool of ['typescript', 'vitest', '@types/node']) {
    link(join(repositoryRoot, 'node_modules', tool), join(modules, tool));
  }
  return dir;
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

function link(from: string, to: string): void {
  if (existsSync(to)) return;
  mkdirSync(dirname(to), { recursive: true });
  symlinkSync(realpathSync(from), to);
}
