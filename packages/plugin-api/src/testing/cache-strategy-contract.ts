import assert from 'node:assert/strict';
import type { CacheMount, CacheStep } from '@melange2/cache';
import { createBuildHooks } from '../build-hooks.ts';
import type { Plugin } from '../plugin.ts';
import type { ContractCase } from './contract-case.ts';
import { pluginContract } from './plugin-contract.ts';

/** A cache strategy under test. */
export interface CacheStrategySubject {
  readonly make: () => Plugin;
  readonly npmName: string;
  /** Steps that must get a mount. */
  readonly serves: readonly Partial<CacheStep>[];
  /** Steps that must get none. */
  readonly ignores: readonly Partial<CacheStep>[];
}

/** What a cache strategy must do. Register each case with your test runner. */
export function cacheStrategyContract(subject: CacheStrategySubject): ContractCase[] {
  const other: CacheMount = {
    name: 'other',
    target: '/other',
    sharing: 'shared',
    env: {},
    identity: [],
    plugin: 'x',
  };
  const mountsOf = (step: Partial<CacheStep>, before: readonly CacheMount[] = []): readonly CacheMount[] => {
    const hooks = createBuildHooks();
    subject.make().apply({ hooks });
    return hooks.modifyCacheMounts.call(before, { ...anyStep, ...step });
  };
  return [
    ...pluginContract(subject.make, subject.npmName),
    {
      name: 'gives its steps mounts at absolute paths, named with one plain word, as its own',
      run: () => {
        for (const step of subject.serves) {
          const mounts = mountsOf(step);
          assert.ok(mounts.length > 0, `no mount for ${JSON.stringify(step)}`);
          for (const mount of mounts) {
            assert.match(mount.target, /^\/[^\0]+$/);
            assert.match(mount.name, /^[a-z0-9][a-z0-9-]*$/);
            assert.equal(mount.plugin, subject.npmName);
          }
          const targets = mounts.map((m) => m.target);
          assert.equal(new Set(targets).size, targets.length, 'two mounts at one place');
        }
      },
    },
    {
      name: 'leaves other steps alone',
      run: () => {
        for (const step of [anyStep, ...subject.ignores]) assert.deepEqual(mountsOf(step, [other]), [other]);
      },
    },
    {
      name: 'keeps what other strategies added',
      run: () => {
        for (const step of subject.serves) assert.ok(mountsOf(step, [other]).includes(other));
      },
    },
    {
      name: 'gives equal steps equal mounts',
      run: () => {
        for (const step of subject.serves) assert.deepEqual(mountsOf(step), mountsOf(step));
      },
    },
  ];
}

const anyStep: CacheStep = { uses: [], script: 'echo hello', env: {}, packages: new Map() };
