// Builds a real package from a real build file: sets up, finds a daemon, makes the offline world, builds, installs.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { bin, part, root, say, track, workspaceEnv } from './lib.mjs';
import { setup } from './setup.mjs';

const node = join(bin, 'node');
const started = Date.now();

await setup();

const out = join(root, 'out/demo');
mkdirSync(out, { recursive: true });

const daemon = await holdDaemon();
let code = 1;
try {
  say(`BuildKit: ${daemon.address} (${daemon.origin})`);
  code = await demo(daemon);
} finally {
  await daemon.release();
}
process.exit(code);

async function demo({ address, origin }) {
  const world = await json('making the offline apk repository', 'e2e/world/command.ts');
  const env = { BUILDKIT_HOST: address };
  const key = join(out, 'demo.rsa');
  if (!existsSync(key)) {
    const made = await melange2(['keygen', key], env);
    if (made !== 0) return made;
  }
  const packages = join(out, 'packages');
  const file = join(root, 'examples/zip.yaml');
  const built = await melange2(
    [
      'build',
      file,
      '--arch',
      world.arch,
      '--repository-append',
      world.repository,
      '--keyring-append',
      world.keyring,
      '--cache-dir',
      world.sources,
      '--signing-key',
      key,
      '--out-dir',
      packages,
    ],
    env,
  );
  if (built !== 0) return built;

  const { output, installed } = await json(
    'verifying the packages and running zip in a fresh root',
    'e2e/harness/installed-command.ts',
    JSON.stringify({
      address,
      arch: world.arch,
      repositories: [packages, world.repository],
      keyring: [`${key}.pub`, world.keyring],
      packages: ['zip'],
      cacheDir: join(out, 'cache'),
      args: ['/usr/bin/zip', '-v'],
    }),
  );
  const shown = (path) => relative(root, path);
  const folder = join(packages, world.arch);
  say('');
  say(
    output
      .trimEnd()
      .split('\n')
      .slice(0, 4)
      .map((line) => `  ${line}`)
      .join('\n'),
  );
  say('');
  say(`Made in ${shown(folder)}/, signed with ${shown(key)}:`);
  for (const name of readdirSync(folder).toSorted()) {
    if (/\.apk$|^APKINDEX\.tar\.gz$/.test(name)) {
      say(`  ${name}  ${(statSync(join(folder, name)).size / 1024).toFixed(0)} KiB`);
    }
  }
  say(`Verified and installed with zip: ${installed.filter((name) => !name.startsWith('zip-')).join(', ')}`);
  say('');
  say('Next:');
  if (origin.endsWith('unpacked')) say('  apt-get install docker.io   # the daemon of the demo was its own');
  say(`  npx melange2 build examples/hello.yaml -r ${world.repository} -k ${world.keyring}`);
  say('  npx melange2 build --help');
  say(
    `  tar -tzf ${shown(join(folder, readdirSync(folder).find((name) => /^zip-3.*\.apk$/.test(name)) ?? ''))}`,
  );
  say(`Done in ${((Date.now() - started) / 1000).toFixed(0)} s.`);
  return 0;
}

/** Runs the command line with its output on ours. */
function melange2(args, env) {
  say(
    `\n$ melange2 ${args.map((arg) => (arg.startsWith(`${root}/`) ? relative(root, arg) : arg)).join(' ')}`,
  );
  const child = track(
    spawn(join(bin, 'melange2'), args, { cwd: root, stdio: 'inherit', env: workspaceEnv(env) }),
  );
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit) => resolve(exit ?? 130));
  });
}

/** Runs a script of the workspace and reads the JSON that it prints. */
async function json(name, script, ...args) {
  let text = '';
  await part(name, async () => {
    const child = track(
      spawn(node, ['--conditions=x-source', join(root, script), ...args], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'inherit'],
        env: workspaceEnv(),
      }),
    );
    child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (exit) => resolve(exit ?? 130));
    });
  });
  return JSON.parse(text);
}

/** Has a daemon held by a process of its own, which stops what it started when the demo ends, in whatever way. */
async function holdDaemon() {
  const child = spawn(node, ['--conditions=x-source', join(root, 'e2e/harness/daemon-command.ts')], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: workspaceEnv(),
  });
  let ready = false;
  const closed = new Promise((resolve) => {
    child.on('close', (exit) => {
      if (!ready) process.exit(exit || 1);
      resolve();
    });
  });
  const line = await new Promise((resolve) => {
    createInterface({ input: child.stdout }).once('line', resolve);
  });
  ready = true;
  return {
    ...JSON.parse(line),
    release: () => {
      child.stdin.end();
      return closed;
    },
  };
}
