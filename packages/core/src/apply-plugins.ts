import { buildError, isBuildError } from '@melange2/diagnostics';
import { API_VERSION, type BuildHooks, type Plugin } from '@melange2/plugin-api';
import { errors } from './errors.ts';

type AnyTap = { readonly name: string; readonly fn: (...args: unknown[]) => unknown };
interface Interceptable {
  intercept(interceptor: { register: (tap: AnyTap) => AnyTap }): void;
}
interface MapLike {
  intercept(interceptor: { factory: (key: unknown, hook: Interceptable) => Interceptable }): void;
  for(key: unknown): unknown;
}

/**
 * Applies `plugins` in order, so that a failure inside any tap names its plugin and its hook.
 *
 * @throws {BuildError} PLUGIN_API_MISMATCH, PLUGIN_INVALID or PLUGIN_DUPLICATE
 */
export function applyPlugins(hooks: BuildHooks, plugins: readonly Plugin[]): void {
  for (const [name, hook] of Object.entries(hooks) as [string, Interceptable | MapLike][]) {
    if ('for' in hook) {
      hook.intercept({
        factory: (key, made) => {
          nameFailures(`${name}[${String(key)}]`, made);
          return made;
        },
      });
    } else {
      nameFailures(name, hook);
    }
  }
  const seen = new Set<string>();
  for (const plugin of plugins) {
    checkShape(plugin);
    if (seen.has(plugin.name)) throw buildError(errors, 'PLUGIN_DUPLICATE', { plugin: plugin.name });
    seen.add(plugin.name);
    plugin.apply({ hooks });
  }
}

function checkShape(plugin: unknown): asserts plugin is Plugin {
  const { name, apiVersion, apply } = (plugin ?? {}) as Partial<Plugin>;
  if (typeof name !== 'string' || name === '' || typeof apply !== 'function') {
    throw buildError(errors, 'PLUGIN_INVALID', {
      plugin: typeof name === 'string' ? name : 'a plugin without a name',
    });
  }
  if (apiVersion !== API_VERSION) {
    throw buildError(errors, 'PLUGIN_API_MISMATCH', {
      plugin: name,
      wanted: String(apiVersion),
      has: String(API_VERSION),
    });
  }
}

function nameFailures(hookName: string, hook: Interceptable): void {
  hook.intercept({
    register: (tap) => {
      const fail = (cause: unknown): never => {
        if (isBuildError(cause)) throw cause;
        throw buildError(
          errors,
          'PLUGIN_HOOK_FAILED',
          { plugin: tap.name, hook: hookName, problem: messageOf(cause) },
          { cause },
        );
      };
      const fn = (...args: unknown[]): unknown => {
        try {
          const result: unknown = tap.fn(...args);
          return result instanceof Promise ? result.catch(fail) : result;
        } catch (cause) {
          return fail(cause);
        }
      };
      return { ...tap, fn };
    },
  });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
