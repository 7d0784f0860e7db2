import type { CacheMount, CacheStep } from '@melange2/cache';
import { usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface CacheCargoOptions {
  /** Home folder of the build user. */
  readonly home?: string;
}

/** Keeps the crates and git checkouts of cargo. What it compiles stays in the workspace: that depends on the compiler. */
export function cacheCargo({ home = '/home/build' }: CacheCargoOptions = {}): Plugin {
  const name = '@melange2/cache-cargo';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['cargo', 'rustup', 'maturin'], ['cargo'])
          ? [...mounts, ...cargoMounts(step, home, name)]
          : mounts,
      );
    },
  };
}

function cargoMounts(step: CacheStep, home: string, plugin: string): CacheMount[] {
  const cargo = step.env['CARGO_HOME'] ?? `${home}/.cargo`;
  const env = { CARGO_HOME: cargo };
  return [
    { name: 'cargo-registry', target: `${cargo}/registry`, sharing: 'shared', env, identity: [], plugin },
    { name: 'cargo-git', target: `${cargo}/git`, sharing: 'shared', env, identity: [], plugin },
  ];
}
