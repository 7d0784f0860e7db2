export { progressGithub } from './progress-github.ts';
export type { ProgressGithubOptions } from './progress-github.ts';
