interface Rule {
  /** Packages whose values may be imported. */
  readonly values: readonly string[];
  /** Packages of which only types may be imported. */
  readonly types: readonly string[];
}

const everything = [
  'diagnostics',
  'config',
  'pipeline',
  'llb',
  'buildkit-client',
  'daemon',
  'apk',
  'solver',
  'environment',
  'cache',
  'exporters',
  'packager',
  'sca',
  'lint',
  'sbom',
  'license',
  'progress',
  'plugin-api',
];

/** Who may import whom: the table of ARCHITECTURE.md. A new edge is a decision record in docs/adr, then a line here. */
export const allowedImports: Readonly<Record<string, Rule>> = {
  diagnostics: { values: [], types: [] },
  config: { values: ['diagnostics'], types: [] },
  progress: { values: ['diagnostics'], types: [] },
  apk: { values: ['diagnostics'], types: [] },
  license: { values: ['diagnostics'], types: [] },
  llb: { values: ['diagnostics', 'proto'], types: [] },
  solver: { values: ['diagnostics', 'apk'], types: [] },
  cache: { values: ['diagnostics'], types: ['llb'] },
  exporters: { values: ['diagnostics', 'apk'], types: [] },
  pipeline: { values: ['diagnostics', 'llb', 'config'], types: ['cache'] },
  environment: { values: ['diagnostics', 'apk', 'solver', 'llb'], types: [] },
  'buildkit-client': { values: ['diagnostics', 'proto'], types: ['progress'] },
  daemon: { values: ['diagnostics', 'buildkit-client'], types: [] },
  sca: { values: ['diagnostics', 'apk'], types: ['config'] },
  lint: { values: ['diagnostics', 'apk', 'sca'], types: ['config'] },
  sbom: { values: ['diagnostics', 'apk'], types: ['config'] },
  packager: { values: ['diagnostics', 'apk', 'sca', 'lint', 'sbom', 'license'], types: ['config'] },
  'plugin-api': { values: [], types: everything },
  core: { values: everything, types: [] },
  cli: {
    values: [
      'core',
      'plugin-api',
      'diagnostics',
      'daemon',
      'progress',
      'progress-plain',
      'progress-tty',
      'progress-quiet',
      'progress-json',
      'progress-github',
      'cache-go',
      'cache-pip',
      'cache-npm',
      'cache-cargo',
      'cache-ccache',
      'cache-apk',
      'cache-uv',
      'cache-composer',
      'cache-maven',
      'cache-gradle',
      'cache-ruby',
      'exporter-docker',
      'exporter-tarball',
      'exporter-registry',
    ],
    types: everything,
  },
};

/** The contract package each family of plugins may import, besides plugin-api and diagnostics. */
export const pluginFamilies: Readonly<Record<string, readonly string[]>> = {
  cache: ['cache'],
  exporter: ['exporters'],
  progress: ['progress'],
};
