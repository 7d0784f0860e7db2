// Shared by the scripts that run before anything is installed: plain JavaScript for Node 20, no dependencies.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const bin = join(root, 'node_modules/.bin');

/** What is generated before anything is compiled: its name, the script that makes it, the folder that it is in. */
export const generators = [
  ['the wire interface', 'proto/generate.mjs', 'proto/src/generated'],
  ['the table of licences', 'packages/license/generate.ts', 'packages/license/generated'],
];

/** The workspace's own Node and tools come first, so that all that runs below is Node 24. */
export function workspaceEnv(extra = {}) {
  return {
    ...process.env,
    PATH: `${bin}:${process.env.PATH ?? ''}`,
    DO_NOT_TRACK: '1',
    TURBO_TELEMETRY_DISABLED: '1',
    ...extra,
  };
}

export function say(text) {
  process.stderr.write(`${text}\n`);
}

const children = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
    setTimeout(() => process.exit(130), 10_000).unref();
  });
}

/** Lets a child be told of the signals that end us. */
export function track(child) {
  children.add(child);
  child.on('close', () => children.delete(child));
  return child;
}

/** Runs a program with its output on ours (`quiet`: only when it fails). Resolves to its exit code. */
export function run(command, args, { cwd = root, env = workspaceEnv(), quiet = false, onOutput } = {}) {
  return new Promise((resolve, reject) => {
    const piped = quiet || onOutput !== undefined;
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ['inherit', piped ? 'pipe' : 'inherit', piped ? 'pipe' : 'inherit'],
    });
    track(child);
    const kept = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data) => {
        if (onOutput !== undefined) onOutput(data);
        else kept.push(data);
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code !== 0 && quiet) process.stderr.write(Buffer.concat(kept));
      resolve(code ?? (signal === null ? 1 : 130));
    });
  });
}

/** Runs one named part with its time; ends the process when it fails. */
export async function part(name, work) {
  const started = Date.now();
  process.stderr.write(`${name} … `);
  if (!process.stderr.isTTY) process.stderr.write('\n');
  const code = await work();
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  say(
    process.stderr.isTTY
      ? `${code === 0 ? 'done' : 'failed'} (${seconds} s)`
      : `${name}: ${code === 0 ? 'done' : 'failed'} (${seconds} s)`,
  );
  if (code !== 0) process.exit(code);
}

function installed(name) {
  const answer = spawnSync('dpkg-query', ['-W', '-f=${Status}', name], { encoding: 'utf8' });
  return answer.status === 0 && answer.stdout.includes('install ok installed');
}

/**
 * Makes sure that Debian packages are there. What is missing is said with its purpose; on a terminal it is asked
 * for, unattended it goes ahead. Where it cannot be done, `without` says what that means and all goes on.
 */
export async function ensureDebianPackages(wanted, without) {
  const missing = wanted.filter(({ name }) => !installed(name));
  if (missing.length === 0) return;
  say('These Debian packages are missing on this machine:');
  for (const { name, purpose } of missing) say(`  ${name}: ${purpose}`);
  const names = missing.map((m) => m.name);
  const install = ['install', '-y', '--no-install-recommends', ...names];
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    say(`${without} As root: apt-get ${install.join(' ')}`);
    return;
  }
  if (process.stdin.isTTY && process.env.CI === undefined) {
    const ask = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await ask.question('Install them now? [Y/n] ');
    ask.close();
    if (/^n/i.test(answer.trim())) {
      say(without);
      return;
    }
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await part(`installing ${names.join(', ')}`, async () => {
    await run('apt-get', ['update'], { env, quiet: true });
    if ((await run('apt-get', install, { env, quiet: true })) !== 0) say(without);
    return 0;
  });
}

export function pnpmVersion() {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return packageManager.slice('pnpm@'.length);
}
