import { buildError, isBuildError } from '@melange2/diagnostics';
import { API_VERSION, type BuildHooks, type Plugin } from '@melange2/plugin-api';
import { errors } from '../errors.ts';

interface AnyTap {
  readonly name: string;
  readonly type: 'sync' | 'async' | 'promise';
  readonly fn: (...args: unknown[]) => unknown;
}
interface Interceptable {
  intercept(interceptor: { register: (tap: AnyTap) => AnyTap }): void;
}
interface MapLike {
  intercept(interceptor: { factory: (key: unknown, hook: Interceptable) => Interceptable }): void;
  for(key: unknown): unknown;
}

/** Who taps at the moment, whatever name it gives its taps. */
interface Applying {
  plugin: string | undefined;
}

/**
 * Applies `plugins` in order, so that a failure inside any tap names its plugin and its hook.
 *
 * @throws {BuildError} PLUGIN_API_MISMATCH, PLUGIN_INVALID, PLUGIN_DUPLICATE, PLUGIN_HOOK_FAILED for `apply` itself
 */
export function applyPlugins(hooks: BuildHooks, plugins: readonly Plugin[]): void {
  const applying: Applying = { plugin: undefined };
  for (const [name, hook] of Object.entries(hooks) as [string, Interceptable | MapLike][]) {
    if ('for' in hook) {
      hook.intercept({
        factory: (key, made) => {
          guardTaps(`${name}[${String(key)}]`, made, applying);
          return made;
        },
      });
    } else {
      guardTaps(name, hook, applying);
    }
  }
  const seen = new Set<string>();
  for (const plugin of plugins) {
    checkShape(plugin);
    if (seen.has(plugin.name)) throw buildError(errors, 'PLUGIN_DUPLICATE', { plugin: plugin.name });
    seen.add(plugin.name);
    applying.plugin = plugin.name;
    try {
      const result: unknown = plugin.apply({ hooks });
      if (result instanceof Promise) {
        result.catch(() => {});
        throw new Error('it returned a promise, and whatever it taps later would be missed');
      }
    } catch (cause) {
      throw hookFailed(plugin.name, 'apply', cause);
    } finally {
      applying.plugin = undefined;
    }
  }
}

function checkShape(plugin: unknown): asserts plugin is Plugin {
  const { name, apiVersion, apply } = (plugin ?? {}) as Partial<Plugin>;
  if (typeof name !== 'string' || name === '' || typeof apply !== 'function') {
    throw buildError(errors, 'PLUGIN_INVALID', {
      plugin: typeof name === 'string' && name !== '' ? name : 'a plugin without a name',
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

/**
 * Wraps each tap of a hook: its failure names the plugin, and what it returns is looked at.
 *
 * Taps of async hooks all become promises: tapable would lose the failure of an async function given to `tap`, and
 * a callback's failure could not be named.
 */
function guardTaps(hookName: string, hook: Interceptable, applying: Applying): void {
  const isAsync = hook.constructor.name.startsWith('Async');
  hook.intercept({
    register: (tap) => {
      const plugin = applying.plugin ?? tap.name;
      const fail = (cause: unknown): never => {
        throw hookFailed(plugin, hookName, cause);
      };
      const checked = (result: unknown): unknown => {
        const problem = problemOf(hookName, result);
        return problem === undefined ? result : fail(new Error(problem));
      };
      const call = (args: unknown[]): unknown => {
        try {
          return tap.type === 'async' ? callback(tap, args) : tap.fn(...args);
        } catch (cause) {
          return fail(cause);
        }
      };
      const fn = isAsync
        ? async (...args: unknown[]): Promise<unknown> => {
            try {
              return checked(await call(args));
            } catch (cause) {
              return fail(cause);
            }
          }
        : (...args: unknown[]): unknown => {
            const result = call(args);
            if (!(result instanceof Promise)) return checked(result);
            result.catch(() => {});
            return fail(new Error('it returned a promise, and this hook does not wait for one'));
          };
      return { ...tap, type: isAsync ? 'promise' : 'sync', fn };
    },
  });
}

function callback(tap: AnyTap, args: readonly unknown[]): Promise<unknown> {
  return new Promise((done, failed) => {
    tap.fn(...args, (cause: unknown, result: unknown) => {
      if (cause === undefined || cause === null) done(result);
      else failed(cause instanceof Error ? cause : new Error(messageOf(cause)));
    });
  });
}

/** What is wrong with the result of a tap, as far as that shows here. */
function problemOf(hookName: string, result: unknown): string | undefined {
  if (result === undefined || !hookName.startsWith('modify')) return undefined;
  const wantsList = hookName === 'modifyCacheMounts';
  if (typeof result === 'object' && result !== null && Array.isArray(result) === wantsList) return undefined;
  const got = result === null ? 'null' : Array.isArray(result) ? 'a list' : `a ${typeof result}`;
  return `it returned ${got} where ${wantsList ? 'a list' : 'an object'} or undefined is wanted`;
}

function hookFailed(plugin: string, hook: string, cause: unknown): unknown {
  if (isBuildError(cause)) return cause;
  return buildError(errors, 'PLUGIN_HOOK_FAILED', { plugin, hook, problem: messageOf(cause) }, { cause });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
