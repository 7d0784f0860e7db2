import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { buildPackage, type BuiltPackages } from '../harness/build-package.ts';
import { canStartDaemons, type FreshDaemon, startFreshDaemon } from '../harness/fresh-daemon.ts';
import { noteLack } from '../harness/lacks.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

/** What this machine lets its own root have: in a container not all there are. */
const machine = BigInt(
  `0x${/CapBnd:\s*([0-9a-f]+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`,
);
/** All that BuildKit 0.8 gives, whether the machine has them or not. */
const all = (1n << 38n) - 1n;
const sysAdmin = 1n << 21n;
const chown = 1n;
const fowner = 1n << 3n;
const netRaw = 1n << 13n;

/** Builds a file whose step tells what capabilities it has in effect. */
async function build(
  address: string,
  capabilities: string,
  {
    runAs = 'root',
    packages = 'busybox',
    args = [],
  }: { readonly runAs?: string; readonly packages?: string; readonly args?: readonly string[] } = {},
): Promise<BuiltPackages & { readonly effective: bigint }> {
  const dir = testFolder();
  const file = join(dir, 'sample.yaml');
  writeFileSync(
    file,
    `package: {name: sample, version: 1.0.0, epoch: 0}
environment:
  contents: {packages: [${packages}]}
  accounts: {run-as: ${runAs}}
capabilities: {${capabilities}}
pipeline:
  - name: Tell
    runs: |
      : ${Date.now()}
      grep CapEff /proc/self/status
`,
  );
  const built = await buildPackage({
    file,
    apkCache,
    address,
    world,
    dir,
    args: ['--empty-workspace', '--progress', 'plain', ...args],
  });
  const found = /CapEff:\s*([0-9a-f]+)/.exec(built.stdout + built.stderr)?.[1];
  return { ...built, effective: BigInt(`0x${found ?? '0'}`) };
}

describe.each(daemons)('on BuildKit %s', (_, address) => {
  test('root has the usual capabilities, and no others because a build file adds them', async () => {
    const { code, stderr, effective } = await build(address, 'add: [CAP_CHOWN, CAP_SYS_ADMIN]');
    expect(code, stderr).toBe(0);
    expect([effective & chown, effective & sysAdmin]).toEqual([chown, 0n]);
    expect(stderr).toContain('so CAP_SYS_ADMIN changes nothing');
  });

  test('steps of other users have none', async () => {
    const { code, stderr, effective } = await build(address, 'add: [CAP_CHOWN]', { runAs: 'build' });
    expect(code, stderr).toBe(0);
    expect(effective).toBe(0n);
    expect(stderr).toContain('so CAP_CHOWN changes nothing');
  });

  test('root loses what the build file drops where its environment has a tool for it', async () => {
    const drop = 'drop: [CAP_CHOWN, net_raw, CAP_SYS_ADMIN]';
    const lost = await build(address, drop, { packages: 'busybox, libcap2-bin' });
    expect(lost.code, lost.stderr).toBe(0);
    expect([lost.effective & (chown | netRaw), lost.effective & fowner]).toEqual([0n, fowner]);
    expect(lost.stderr).not.toContain('keep the capabilities');
    const none = await build(address, 'drop: [ALL]', { packages: 'busybox, libcap2-bin' });
    expect([none.code, none.effective], none.stderr).toEqual([0, 0n]);
    const kept = await build(address, drop);
    expect(kept.code, kept.stderr).toBe(0);
    expect(kept.effective & chown).toBe(chown);
    expect(kept.stderr).toContain('steps keep the capabilities that the build file drops (chown, net_raw)');
  });

  test('all rights need a daemon that allows them', async () => {
    const { code, stderr } = await build(address, 'add: [CAP_SYS_ADMIN]', {
      args: ['--allow', 'security.insecure'],
    });
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('BUILD_SOLVE_FAILED');
    expect(stderr).toContain('start buildkitd with "--allow-insecure-entitlement security.insecure"');
    expect(stderr).not.toContain('changes nothing');
  });
});

describe.skipIf(!canStartDaemons).each(['0.8', '0.25'] as const)('on BuildKit %s that allows all', (age) => {
  let daemon: FreshDaemon;
  beforeAll(async () => {
    daemon = await startFreshDaemon(age, undefined, {
      builder: { entitlements: { 'security-insecure': true } },
    });
  });
  afterAll(() => daemon.stop());

  test('a build file that adds capabilities has them on your word alone', async ({ task }) => {
    const allowed = ['--allow', 'security.insecure'];
    const asked = await build(daemon.address, 'add: [CAP_SYS_ADMIN]', { args: allowed });
    if (age === '0.8' && (machine & all) !== all) {
      noteLack(task, 'a machine with all capabilities');
      expect(asked.code, asked.stderr).toBe(1);
      expect(asked.stderr).toContain('unable to apply caps');
    } else {
      expect(asked.code, asked.stderr).toBe(0);
      expect(asked.effective & sysAdmin).toBe(sysAdmin);
    }
    const other = await build(daemon.address, 'add: [CAP_CHOWN]', { args: allowed });
    expect(other.code, other.stderr).toBe(0);
    expect(other.effective & sysAdmin).toBe(0n);
    const without = await build(daemon.address, 'add: [CAP_SYS_ADMIN]');
    expect(without.code, without.stderr).toBe(0);
    expect(without.effective & sysAdmin).toBe(0n);
  });
});
