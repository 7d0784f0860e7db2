import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire, findPackageJSON } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildError } from '@melange2/diagnostics';
import type { BuilderConfig, Plugin } from '@melange2/plugin-api';
import { errors } from '../errors.ts';

/** Names a configuration file may have, in the order they are looked for in each folder. */
export const configFileNames: readonly string[] = ['ts', 'mts', 'js', 'mjs', 'json', 'yaml', 'yml'].map(
  (ending) => `melange2.config.${ending}`,
);

/** The nearest configuration file, from `folder` upwards. Two in one folder: the first of {@link configFileNames}. */
export function findConfigFile(folder: string): string | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const found = configFileNames.map((name) => join(at, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
    if (dirname(at) === at) return undefined;
  }
}

/**
 * Loads the plugins of the configuration file (in its order), then those named on the command line.
 *
 * A plugin is a module that exports its factory as `plugin`. Names are looked up from the configuration file's
 * folder, and from `cwd` for the command line; a name that starts with `.` or `/` is a path.
 *
 * @throws {BuildError} PLUGIN_CONFIG_INVALID, PLUGIN_NOT_FOUND or PLUGIN_INVALID
 */
export async function loadPlugins(
  configFile: string | undefined,
  names: readonly string[],
  cwd: string,
): Promise<Plugin[]> {
  const plugins: Plugin[] = [];
  if (configFile !== undefined) {
    const config = await readConfig(configFile);
    for (const entry of config.plugins ?? []) {
      plugins.push(await loadEntry(entry, dirname(configFile), configFile));
    }
  }
  for (const name of names) plugins.push(await loadEntry(name, cwd, 'the command line'));
  return plugins;
}

async function readConfig(file: string): Promise<BuilderConfig> {
  const value = await readValue(file);
  const fail = (problem: string): never => {
    throw buildError(errors, 'PLUGIN_CONFIG_INVALID', { file, problem });
  };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail('it has no configuration object');
  const unknown = Object.keys(value).filter((key) => key !== 'plugins' && key !== '$schema');
  if (unknown.length > 0) return fail(`unknown key "${unknown[0]}"; known is plugins`);
  const { plugins } = value as { plugins?: unknown };
  if (plugins !== undefined && !Array.isArray(plugins)) return fail('plugins is not a list');
  return value;
}

async function readValue(file: string): Promise<unknown> {
  try {
    if (/\.ya?ml$/.test(file)) {
      const { parse } = await import('yaml');
      return parse(await readFile(file, 'utf8')) as unknown;
    }
    if (file.endsWith('.json')) return JSON.parse(await readFile(file, 'utf8')) as unknown;
    const module = (await import(pathToFileURL(file).href)) as { default?: unknown; config?: unknown };
    return module.default ?? module.config;
  } catch (cause) {
    throw buildError(errors, 'PLUGIN_CONFIG_INVALID', { file, problem: messageOf(cause) }, { cause });
  }
}

async function loadEntry(entry: unknown, folder: string, from: string): Promise<Plugin> {
  const named = namedEntry(entry);
  // A plugin that stands there itself is looked at when it is applied.
  if (named === undefined) return entry as Plugin;
  const [name, options] = named;
  const module = await importFrom(name, folder, from);
  const { plugin: factory } = module as { plugin?: unknown };
  const fail = (problem: string, cause?: unknown): never => {
    throw buildError(errors, 'PLUGIN_NOT_FOUND', { plugin: name, from, problem }, { cause });
  };
  if (typeof factory !== 'function') return fail('the module exports no function "plugin"');
  let made: unknown;
  try {
    made = (factory as (given?: unknown) => unknown)(options);
  } catch (cause) {
    return fail(`its factory failed: ${messageOf(cause)}`, cause);
  }
  if (made instanceof Promise) {
    made.catch(() => {});
    return fail('its factory returned a promise instead of a plugin');
  }
  return made as Plugin;
}

/** The name and the options of an entry; `undefined` for one that is a plugin itself. */
function namedEntry(entry: unknown): readonly [string, unknown] | undefined {
  if (typeof entry === 'string') return [entry, undefined];
  if (!Array.isArray(entry)) return undefined;
  const [name, options] = entry as readonly unknown[];
  return typeof name === 'string' ? [name, options] : undefined;
}

async function importFrom(name: string, folder: string, from: string): Promise<unknown> {
  try {
    const path =
      name.startsWith('.') || name.startsWith('/') ? resolve(folder, name) : moduleFile(name, folder);
    return await import(pathToFileURL(path).href);
  } catch (cause) {
    const problem = messageOf(cause).split('\n')[0] ?? '';
    throw buildError(errors, 'PLUGIN_NOT_FOUND', { plugin: name, from, problem }, { cause });
  }
}

/** The file that a name stands for, seen from a folder; packages that can only be imported are found as well. */
function moduleFile(name: string, folder: string): string {
  const base = join(folder, 'noop.js');
  try {
    return createRequire(base).resolve(name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw cause;
    const manifest = findPackageJSON(name, pathToFileURL(base));
    const text = manifest === undefined ? '{}' : readFileSync(manifest, 'utf8');
    const target = importTarget((JSON.parse(text) as { exports?: unknown }).exports);
    if (manifest === undefined || target === undefined) throw cause;
    return join(dirname(manifest), target);
  }
}

/** What `exports` of a package gives to `import`, for the package itself. */
function importTarget(exported: unknown): string | undefined {
  if (typeof exported === 'string') return exported;
  if (typeof exported !== 'object' || exported === null) return undefined;
  for (const [key, value] of Object.entries(exported)) {
    if (!['.', 'node', 'import', 'default'].includes(key)) continue;
    const target = importTarget(value);
    if (target !== undefined) return target;
  }
  return undefined;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
