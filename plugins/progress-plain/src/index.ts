export { progressPlain } from './progress-plain.ts';
export type { ProgressPlainOptions } from './progress-plain.ts';
