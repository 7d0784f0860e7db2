export { joinDependencies, withoutProvided } from './dependencies.ts';
export type { Dependencies } from './dependencies.ts';
