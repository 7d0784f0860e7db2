import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The version of melange2, as its package says it. Found by name: the bundle lies in another folder than the source. */
export const version: string = (require('@melange2/cli/package.json') as { version: string }).version;
