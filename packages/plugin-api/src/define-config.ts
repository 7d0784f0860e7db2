import type { Plugin } from './plugin.ts';

/** A plugin in a configuration file: itself, its npm name, or its name with its options. */
export type PluginEntry = Plugin | string | readonly [name: string, options: unknown];

/** What `melange2.config.ts`, `.js`, `.json` or `.yaml` holds. */
export interface BuilderConfig {
  /** Applied in this order, before those of `--plugin`. */
  readonly plugins?: readonly PluginEntry[];
}

/** Gives a configuration its type. Returns it unchanged. */
export function defineConfig(config: BuilderConfig): BuilderConfig {
  return config;
}
