export { testKey, tinyPackage, tinyRepository } from './tiny-repository.ts';
export type { TinyFile, TinyPackage, TinyRepositoryOptions } from './tiny-repository.ts';
