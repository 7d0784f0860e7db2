export { parseVersion, isValidVersion, compareVersions, versionStartsWith } from './version.ts';
export type { Version, VersionToken, VersionTokenKind } from './version.ts';
export { parseConstraint, parseWorldEntry, formatConstraint, versionMatches } from './constraint.ts';
export type { Constraint, ConstraintOperator, MatchOptions } from './constraint.ts';
