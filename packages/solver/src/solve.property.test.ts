import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepareRepositories, type SolverPackage } from './prepare-repositories.ts';
import { solve } from './solve.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
const virtual = ['v', 'so:w.so.1'];
const version = fc.constantFrom('1', '1.2-r0', '2-r1', '3_rc1');
const name = fc.constantFrom(...names, ...virtual);
const constraint = fc.oneof(
  { weight: 4, arbitrary: name },
  {
    weight: 3,
    arbitrary: fc.tuple(name, fc.constantFrom('=', '<', '>=', '~'), version).map((t) => t.join('')),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(name, fc.constantFrom('', '<2', '>1')).map(([n, range]) => `!${n}${range}`),
  },
);
const record: fc.Arbitrary<SolverPackage> = fc.record({
  name: fc.constantFrom(...names),
  version,
  origin: fc.constantFrom(undefined, 'o', 'p'),
  depends: fc.array(constraint, { maxLength: 3 }),
  provides: fc.array(
    fc.oneof(
      fc.constantFrom(...virtual),
      fc.tuple(name, version).map((t) => t.join('=')),
    ),
    { maxLength: 2 },
  ),
  installIf: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    fc.array(name, { minLength: 1, maxLength: 2 }),
  ),
  providerPriority: fc.constantFrom(undefined, 5, 10),
});
const index = fc.array(record, { minLength: 1, maxLength: 12 });
const world = fc.array(constraint, { minLength: 1, maxLength: 4 });
const runs = { numRuns: Number(process.env['MELANGE2_RUNS'] ?? 300) };

test('a world has a sound answer or a reason, never both and never neither', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(index, world, (packages, wanted) => {
      // An answer that lacks a dependency or meets a conflict is thrown by the solver itself.
      const { value, diagnostics } = solve({
        world: wanted,
        repositories: prepareRepositories([{ packages }]),
      });
      expect(diagnostics.length > 0).toBe(value === undefined);
      const chosen = value?.packages.map((p) => p.package.name) ?? [];
      expect(new Set(chosen).size).toBe(chosen.length);
      expect(value?.packages.every((p) => p.reasons.length > 0) ?? true).toBe(true);
    }),
    runs,
  );
});

test('neither the order of the world nor that of the records changes the answer', { timeout: 60_000 }, () => {
  const label = (packages: readonly SolverPackage[], wanted: readonly string[]): string => {
    // Two records of one name and version are told apart by their order only.
    const unique = [...new Map(packages.map((p) => [`${p.name} ${p.version}`, p])).values()];
    const { value } = solve({ world: wanted, repositories: prepareRepositories([{ packages: unique }]) });
    return value?.packages.map((p) => `${p.package.name}-${p.package.version}`).join(' ') ?? 'none';
  };
  const distinct = fc.uniqueArray(record, {
    selector: (p) => `${p.name} ${p.version}`,
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(distinct, world, (packages, wanted) => {
      expect(label(packages.toReversed(), wanted.toReversed())).toBe(label(packages, wanted));
    }),
    runs,
  );
});
