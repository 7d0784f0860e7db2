/** Where the sources are, and where steps run unless they say otherwise. */
export const workspaceFolder = '/home/build';

/** The folder that holds one folder for each package that is built. */
export const outputFolder = '/home/build/melange-out';

/** Where pipelines look for what was fetched before. */
export const cacheFolder = '/var/cache/melange';
