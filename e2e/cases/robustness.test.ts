import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatEndpoint } from '@melange2/buildkit-client';
import { startPrivateDaemon } from '@melange2/daemon';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage, type BuildPackageOptions, type BuiltPackages } from '../harness/build-package.ts';
import { cutSocket } from '../harness/cut-socket.ts';
import { daemonProgram } from '../harness/daemon-programs.ts';
import { repositoryRoot } from '../harness/melange2.ts';
import { onTerminal } from '../harness/on-terminal.ts';
import { packageFiles, sampleFile } from '../harness/sample-file.ts';
import { slack } from '../harness/slack.ts';
import { smallDisk } from '../harness/small-disk.ts';
import { testFolder } from '../harness/test-folder.ts';
import { cacheDir } from '../world/cache-dir.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');
const isRoot = process.getuid?.() === 0;

/** Seconds that a step sleeps: no other process on the machine has this number. */
let unique = 100_000 + (process.pid % 10_000) * 10;

function works(dir: string, script: string): string {
  const text = script.replaceAll(/^/gm, '      ');
  return sampleFile(dir, `  - name: Works\n    runs: |\n${text}\n`, { packages: 'busybox, coreutils' });
}

function build(
  dir: string,
  address: string,
  script: string,
  more: Partial<BuildPackageOptions> = {},
): Promise<BuiltPackages> {
  return buildPackage({
    file: works(dir, script),
    apkCache,
    address,
    world,
    dir,
    ...more,
  });
}

/** Processes of this machine with a text in their command line: steps of the daemons here are among them. */
function processesWith(text: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

const seen = (wanted: RegExp, then: (kill: (signal: NodeJS.Signals) => void) => void) => {
  let all = '';
  let done = false;
  return (text: string, kill: (signal: NodeJS.Signals) => void): void => {
    all += text;
    if (done || !wanted.test(all)) return;
    done = true;
    then(kill);
  };
};

const big = (mark: number): string => `echo ${mark}
mkdir -p melange-out/sample/usr/share
head -c 300000000 /dev/urandom > melange-out/sample/usr/share/data
echo PACKED`;

/** Stages of a build, what it prints when they begin, and how many milliseconds later it is in the midst of them. */
const stages: readonly (readonly [string, RegExp, number])[] = [
  ['before the environment is put together', /^daemon /m, 0],
  ['when the graph is sent', /^plan: /m, 0],
  ['in a step', /\| STARTED/, 0],
  ['when the packages come back', /\| PACKED/, 900],
];

describe.each(daemons)('on BuildKit %s', (age, address) => {
  test.each(stages)(
    'a connection that is reset %s ends the build with its code',
    async (_when, wanted, waitMs) => {
      const dir = testFolder();
      const { address: cuttable, cut } = await cutSocket(dir, address);
      const script = waitMs > 0 ? big(Date.now()) : `echo STARTED ${Date.now()}\nsleep ${++unique}`;
      let cutAt = 0;
      const onStderr = seen(wanted, () => {
        setTimeout(() => {
          cutAt = Date.now();
          cut();
        }, waitMs);
      });
      const { code, stderr } = await build(dir, cuttable, script, { onStderr });
      expect(stderr).toMatch(/error BUILDKIT_(CONNECTION_LOST|UNREACHABLE)/);
      expect(code).toBe(3);
      expect(Date.now() - cutAt).toBeLessThan(slack * 8000);
      expect(packageFiles(dir)).toEqual([]);
      await expect.poll(() => processesWith(String(unique)).length, { timeout: 15_000 }).toBe(0);
    },
  );

  test.each<[string, NodeJS.Signals[], number]>([
    ['Ctrl-C', ['SIGINT'], 130],
    ['Ctrl-C, twice', ['SIGINT', 'SIGINT'], 130],
    ['SIGTERM', ['SIGTERM'], 130],
    ['SIGHUP', ['SIGHUP'], 130],
  ])('%s ends the build and its step', async (_name, signals, wanted) => {
    const dir = testFolder();
    const script = `echo STARTED ${Date.now()}\nsleep ${++unique}`;
    let sentAt = 0;
    const onStderr = seen(/\| STARTED/, (kill) => {
      sentAt = Date.now();
      for (const signal of signals) kill(signal);
    });
    const { code } = await build(dir, address, script, { onStderr });
    expect(code).toBe(wanted);
    expect(Date.now() - sentAt).toBeLessThan(slack * 3000);
    expect(packageFiles(dir)).toEqual([]);
    await expect.poll(() => processesWith(String(unique)).length, { timeout: 10_000 }).toBe(0);
  });

  test('a terminal that is closed ends the build and its step', async () => {
    const dir = testFolder();
    const file = works(dir, `echo STARTED ${Date.now()}\nsleep ${++unique}`);
    const args = ['build', file, '--arch', world.arch, '-r', world.repository, '-k', world.keyring];
    let isClosed = false;
    await onTerminal(
      [join(repositoryRoot, 'node_modules/.bin/melange2'), ...args, '--apk-cache-dir', apkCache],
      {
        cwd: dir,
        env: { BUILDKIT_HOST: address, MELANGE2_STATE: join(dir, 'state') },
        onOutput: (text, hangUp) => {
          if (isClosed || !text.includes('│ STARTED')) return;
          isClosed = true;
          hangUp();
        },
      },
    );
    expect(isClosed).toBe(true);
    await expect.poll(() => processesWith(String(unique)).length, { timeout: 10_000 }).toBe(0);
    await expect.poll(() => processesWith(file).length, { timeout: 5000 }).toBe(0);
    const [build_ = ''] = readdirSync(join(dir, 'state/builds'));
    const record = JSON.parse(readFileSync(join(dir, 'state/builds', build_, 'record.json'), 'utf8')) as {
      outcome: string;
    };
    expect(record.outcome).toBe('canceled');
  });

  test.runIf(isRoot)(
    'a full disk here ends the build with its code, and leaves no half package',
    async () => {
      const dir = testFolder();
      smallDisk(join(dir, 'packages'), 40);
      const { code, stderr } = await build(dir, address, big(1));
      expect(stderr).toMatch(/error PACKAGE_WRITE_FAILED: .*packages.*: the disk is full/);
      expect(code).toBe(1);
      expect(packageFiles(dir)).toEqual([]);
    },
  );

  test.runIf(isRoot)('a full disk for downloads ends it too, and leaves nothing in the cache', async () => {
    const dir = testFolder();
    const cache = smallDisk(join(dir, 'apks'), 1);
    const { code, stderr } = await build(dir, address, 'true', { apkCache: cache });
    expect(stderr).toMatch(/error [A-Z_]+: .*(?:disk is full|no space left)/i);
    expect(code).toBe(1);
    const files = readdirSync(cache, { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
    expect(files.filter(({ name }) => /partial|tmp|\.new/.test(name))).toEqual([]);
  });

  test('folders that cannot be written are named', async () => {
    const dir = testFolder();
    writeFileSync(join(dir, 'file'), '');
    const state = { MELANGE2_STATE: join(dir, 'file/state') };
    const one = await build(dir, address, 'true', { env: state });
    expect([one.code, /error RECORD_UNWRITABLE: .*file\/state/.test(one.stderr)], one.stderr).toEqual([
      1,
      true,
    ]);
    const two = await build(dir, address, 'true', { args: ['--out-dir', join(dir, 'file/out')] });
    expect([two.code, /error PACKAGE_WRITE_FAILED: .*file\/out/.test(two.stderr)], two.stderr).toEqual([
      1,
      true,
    ]);
  });

  test.runIf(isRoot)('a full disk for records and packages that come back ends it too', async () => {
    const dir = testFolder();
    smallDisk(join(dir, 'state'), 40);
    const { code, stderr } = await build(dir, address, big(1));
    expect(stderr).toMatch(/error PACKAGE_WRITE_FAILED: .*state.*: the disk is full/);
    expect(code).toBe(1);
    expect(packageFiles(dir)).toEqual([]);
  });

  test.runIf(isRoot && age !== 'host')('a full disk of the daemon is the verdict', async () => {
    const dir = testFolder();
    const data = smallDisk(join(dir, 'd'), 350);
    const daemon = await startPrivateDaemon(data, {
      ...(await daemonProgram(cacheDir(), age)),
      keepData: false,
    });
    try {
      const { code, stderr } = await build(dir, formatEndpoint(daemon.endpoint), big(2));
      expect(code, stderr).toBe(1);
      expect(stderr).toMatch(/no space left to write|disk of the daemon is full/);
      expect(packageFiles(dir)).toEqual([]);
    } finally {
      await daemon.stop();
    }
  });

  test.runIf(isRoot && age !== 'host').each(stages)(
    'a daemon that is killed %s ends the build with its code',
    async (_when, wanted, waitMs) => {
      const dir = testFolder();
      const daemon = await startPrivateDaemon(join(dir, 'd'), {
        ...(await daemonProgram(cacheDir(), age)),
        keepData: false,
      });
      try {
        const kill = (): void => void setTimeout(() => process.kill(daemon.pid, 'SIGKILL'), waitMs);
        const script = waitMs > 0 ? big(Date.now()) : `echo STARTED\nsleep ${++unique}`;
        const { code, stderr } = await build(dir, formatEndpoint(daemon.endpoint), script, {
          onStderr: seen(wanted, kill),
        });
        expect(stderr).toMatch(/error BUILDKIT_(CONNECTION_LOST|UNREACHABLE)/);
        expect(code).toBe(3);
        expect(packageFiles(dir)).toEqual([]);
      } finally {
        // A daemon that is killed lets its steps run on.
        for (const pid of processesWith(String(unique))) process.kill(pid, 'SIGKILL');
        await expect.poll(() => processesWith(String(unique)).length).toBe(0);
        await daemon.stop();
      }
    },
  );
});
