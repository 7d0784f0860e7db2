export { solve } from './solve.ts';
export type { SolveOptions, Solution, SolvedPackage } from './solve.ts';
export { prepareRepositories } from './prepare-repositories.ts';
export type { PreparedRepositories, SolverPackage, SolverRepository } from './prepare-repositories.ts';
export type { Reason } from './install-order.ts';
export { errors } from './errors.ts';
