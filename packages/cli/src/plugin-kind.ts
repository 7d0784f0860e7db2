/** The kinds of plugins that `melange2 plugin new` makes. */
export const pluginKinds: readonly ['cache', 'exporter', 'renderer', 'linter', 'sca'] = [
  'cache',
  'exporter',
  'renderer',
  'linter',
  'sca',
];

export type PluginKind = (typeof pluginKinds)[number];
