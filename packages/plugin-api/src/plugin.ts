import type { BuildHooks } from './build-hooks.ts';

/** The version of the plugin interface. A plugin made for another one is refused with `PLUGIN_API_MISMATCH`. */
export const API_VERSION = 1;

/** What a plugin's `apply` gets: the hooks of the builder it is applied to. */
export interface PluginContext {
  readonly hooks: BuildHooks;
}

/**
 * Something that taps hooks. Made by a named factory, options in, `Plugin` out; `apply` taps and does nothing
 * else. One plugin object belongs to one builder.
 */
export interface Plugin {
  /** Its npm name: failures are reported under it, and two plugins of one name are a mistake. */
  readonly name: string;
  /** The {@link API_VERSION} it was written against. */
  readonly apiVersion: number;
  apply(context: PluginContext): void;
}
