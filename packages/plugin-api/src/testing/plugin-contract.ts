import assert from 'node:assert/strict';
import { createBuildHooks } from '../build-hooks.ts';
import { API_VERSION, type Plugin } from '../plugin.ts';
import type { ContractCase } from './contract-case.ts';

/** What every plugin must do, whatever its family. `npmName` is the name it is published under. */
export function pluginContract(make: () => Plugin, npmName: string): ContractCase[] {
  return [
    {
      name: 'is named as its package and made for this plugin interface',
      run: () => {
        const plugin = make();
        assert.equal(plugin.name, npmName);
        assert.equal(plugin.apiVersion, API_VERSION);
      },
    },
    {
      name: 'makes a new plugin each time, and taps under its own name only',
      run: () => {
        assert.notEqual(make(), make());
        const hooks = createBuildHooks();
        make().apply({ hooks });
        const names = Object.values(hooks).flatMap((hook: { taps?: { name: string }[] }) =>
          (hook.taps ?? []).map((t) => t.name),
        );
        assert.deepEqual(
          [...new Set(names)].filter((n) => n !== npmName),
          [],
        );
      },
    },
  ];
}
