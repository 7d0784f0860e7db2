import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildError } from '@melange2/diagnostics';
import type { BuilderConfig, Plugin, PluginEntry } from '@melange2/plugin-api';
import { errors } from './errors.ts';

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
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw buildError(errors, 'PLUGIN_CONFIG_INVALID', { file, problem }, { cause });
  }
}

async function loadEntry(entry: PluginEntry, folder: string, from: string): Promise<Plugin> {
  if (typeof entry !== 'string' && !isPair(entry)) return entry;
  const [name, options] = typeof entry === 'string' ? [entry, undefined] : entry;
  const module = await importFrom(name, folder, from);
  const { plugin: factory } = module as { plugin?: unknown };
  if (typeof factory !== 'function') {
    throw buildError(errors, 'PLUGIN_NOT_FOUND', {
      plugin: name,
      from,
      problem: 'the module exports no function "plugin"',
    });
  }
  return (factory as (options?: unknown) => Plugin)(options);
}

function isPair(entry: PluginEntry): entry is readonly [string, unknown] {
  return Array.isArray(entry);
}

async function importFrom(name: string, folder: string, from: string): Promise<unknown> {
  try {
    const path =
      name.startsWith('.') || name.startsWith('/')
        ? resolve(folder, name)
        : createRequire(join(folder, 'noop.js')).resolve(name);
    return await import(pathToFileURL(path).href);
  } catch (cause) {
    const problem = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw buildError(errors, 'PLUGIN_NOT_FOUND', { plugin: name, from, problem }, { cause });
  }
}
