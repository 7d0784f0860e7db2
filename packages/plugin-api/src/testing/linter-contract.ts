import assert from 'node:assert/strict';
import type { Diagnostic } from '@melange2/diagnostics';
import type { Finding, Linter } from '@melange2/lint';
import { createBuildHooks } from '../build-hooks.ts';
import type { Plugin } from '../plugin.ts';
import type { ContractCase } from './contract-case.ts';
import { pluginContract } from './plugin-contract.ts';
import { samplePackage } from './sample-package.ts';
import { oddFiles, type SampleFiles } from './sample-tree.ts';

/** A package that a linter looks at. */
export interface LintedSample {
  readonly files: SampleFiles;
  /** Name of the package. Default `sample`. */
  readonly name?: string;
}

/** A plugin with linters, under test. */
export interface LinterSubject {
  readonly make: () => Plugin;
  readonly npmName: string;
  /** Packages that something must be found in. */
  readonly finds: readonly LintedSample[];
  /** Packages that nothing may be found in. */
  readonly passes: readonly LintedSample[];
}

interface Checked {
  readonly linters: readonly Linter[];
  readonly problems: readonly Diagnostic[];
  readonly findings: readonly Finding[];
}

/** What a plugin that checks packages must do. Register each case with your test runner. */
export function linterContract(subject: LinterSubject): ContractCase[] {
  const check = async ({ files, name }: LintedSample): Promise<Checked> => {
    const hooks = createBuildHooks();
    subject.make().apply({ hooks });
    const pkg = samplePackage(files, name);
    const linters: Linter[] = [];
    const problems: Diagnostic[] = [];
    await hooks.checkPackage.promise(pkg, {
      report: (problem) => void problems.push(problem),
      lint: (linter) => void linters.push(linter),
    });
    const findings: Finding[] = [];
    for (const linter of linters) {
      findings.push(
        ...(await linter.check({ name: pkg.recipe.name, tree: pkg.tree, testPipelines: undefined })),
      );
    }
    return { linters, problems, findings };
  };
  return [
    ...pluginContract(subject.make, subject.npmName),
    {
      name: 'gives each linter a plain name of its own, a level and a piece of advice',
      run: async () => {
        const { linters } = await check({ files: {} });
        for (const { name, level, explain } of linters) {
          assert.match(name, /^[a-z0-9][a-z0-9-]*(\/[a-z0-9][a-z0-9-]*)*$/);
          assert.ok(['require', 'warn', 'ignore'].includes(level), `${name} has the level ${level}`);
          assert.match(explain, /\.$/, `the advice of ${name} is no whole sentence`);
        }
        const names = linters.map((linter) => linter.name);
        assert.equal(new Set(names).size, names.length, 'two linters have one name');
      },
    },
    {
      name: 'finds what it is made for, and says it in one line',
      run: async () => {
        for (const sample of subject.finds) {
          const { findings, problems } = await check(sample);
          const paths = Object.keys(sample.files).join(', ');
          assert.ok(findings.length + problems.length > 0, `nothing was found in ${paths}`);
          // A full stop is put behind it where it is shown.
          for (const { message } of findings) assert.match(message, /^[^\n]*[^.\n]$/);
          for (const { code, message } of problems) {
            assert.match(code, /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/);
            assert.match(message, /\S/);
          }
        }
      },
    },
    {
      name: 'finds nothing where nothing is wrong',
      run: async () => {
        for (const sample of subject.passes) {
          const { findings, problems } = await check(sample);
          assert.deepEqual([...findings, ...problems], []);
        }
      },
    },
    {
      name: 'finds the same in equal packages',
      run: async () => {
        for (const sample of subject.finds) {
          const [one, two] = [await check(sample), await check(sample)];
          assert.deepEqual([one.findings, one.problems], [two.findings, two.problems]);
        }
      },
    },
    {
      name: 'stands empty packages, links to nowhere and files that are not what they are called',
      run: async () => {
        for (const files of oddFiles) await check({ files });
      },
    },
  ];
}
