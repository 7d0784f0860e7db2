export { testKey, tinyPackage, tinyRepository } from './tiny-repository.ts';
export type { TinyFile, TinyPackage, TinyRepositoryOptions } from './tiny-repository.ts';
export { readmeExamples, runReadmeExample } from './readme-examples.ts';
export type { ReadmeExample } from './readme-examples.ts';
export { mutateText, randomNumbers } from './mutate-text.ts';
