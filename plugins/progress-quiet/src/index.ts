export { progressQuiet } from './progress-quiet.ts';
export type { ProgressQuietOptions } from './progress-quiet.ts';
