import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  PLUGIN_API_MISMATCH: { plugin: string; wanted: string; has: string };
  PLUGIN_INVALID: { plugin: string };
  PLUGIN_DUPLICATE: { plugin: string };
  PLUGIN_HOOK_FAILED: { plugin: string; hook: string; problem: string };
  PLUGIN_NOT_FOUND: { plugin: string; from: string; problem: string };
  PLUGIN_CONFIG_INVALID: { file: string; problem: string };
  FILE_UNREADABLE: { path: string; reason: string };
  KEY_EXISTS: { file: string };
}

export const errors: ErrorCatalogue<Details> = {
  PLUGIN_API_MISMATCH: {
    title: 'A plugin is made for another version',
    message: ({ plugin, wanted, has }) =>
      `The plugin ${plugin} is written against version ${wanted} of the plugin interface; this melange2 has version ${has}.`,
    hint: ({ plugin }) => `Install the release of ${plugin} that fits this melange2.`,
  },
  PLUGIN_INVALID: {
    title: 'A plugin does not have the right shape',
    message: ({ plugin }) =>
      `${plugin} is not a plugin: an object with name, apiVersion and apply is wanted. Did you pass the factory instead of calling it?`,
  },
  PLUGIN_DUPLICATE: {
    title: 'A plugin is applied twice',
    message: ({ plugin }) => `The plugin ${plugin} is applied twice.`,
    hint: () => 'Remove one of the two, from the configuration file or the command line.',
  },
  PLUGIN_HOOK_FAILED: {
    title: 'A plugin failed',
    message: ({ plugin, hook, problem }) => `The plugin ${plugin} failed in ${hook}: ${problem}`,
    hint: ({ plugin }) => `Report it to the authors of ${plugin}, or build without it.`,
  },
  PLUGIN_NOT_FOUND: {
    title: 'A plugin cannot be loaded',
    message: ({ plugin, from, problem }) =>
      `The plugin ${plugin}, named in ${from}, cannot be loaded: ${problem}.`,
    hint: ({ plugin }) =>
      plugin.startsWith('.') || plugin.startsWith('/')
        ? undefined
        : `Install it beside your build files: npm install --save-dev ${plugin}`,
  },
  PLUGIN_CONFIG_INVALID: {
    title: 'The configuration file is not understood',
    message: ({ file, problem }) => `${file}: ${problem}.`,
    hint: () => 'The guide docs/plugins/README.md shows a whole configuration file.',
  },
  FILE_UNREADABLE: {
    title: 'A file cannot be read',
    message: ({ path, reason }) => `${path} cannot be read: ${reason}.`,
    hint: () => 'Check the path; paths on the command line are relative to the current folder.',
  },
  KEY_EXISTS: {
    title: 'A key is there already',
    message: ({ file }) =>
      `${file} exists, and a key is never overwritten: packages signed with it could not be verified any more.`,
    hint: () => 'Name another file, or move the old key away.',
  },
};
