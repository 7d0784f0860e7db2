export { testKey, tinyPackage, tinyRepository } from './tiny-repository.ts';
export type { TinyFile, TinyPackage, TinyRepositoryOptions } from './tiny-repository.ts';
export { mutateText, randomNumbers } from './mutate-text.ts';
