import assert from 'node:assert/strict';
import { parseConstraint } from '@melange2/apk';
import type { AnalysedPackage } from '@melange2/packager';
import { createBuildHooks } from '../build-hooks.ts';
import type { Plugin } from '../plugin.ts';
import type { ContractCase } from './contract-case.ts';
import { pluginContract } from './plugin-contract.ts';
import { sampleContext, samplePackage } from './sample-package.ts';
import { oddFiles, type SampleFiles } from './sample-tree.ts';

/** A package, and what must be found in its files. */
export interface AnalysedSample {
  readonly files: SampleFiles;
  readonly depends?: readonly string[];
  readonly provides?: readonly string[];
}

/** A rule that finds dependencies, under test. */
export interface ScaRuleSubject {
  readonly make: () => Plugin;
  readonly npmName: string;
  readonly finds: readonly AnalysedSample[];
  /** Packages in whose files nothing may be found. */
  readonly ignores: readonly SampleFiles[];
}

/** What a rule that finds dependencies must do. Register each case with your test runner. */
export function scaRuleContract(subject: ScaRuleSubject): ContractCase[] {
  const analyse = (pkg: AnalysedPackage): Promise<AnalysedPackage> => {
    const hooks = createBuildHooks();
    subject.make().apply({ hooks });
    return hooks.modifyPackage.promise(pkg, sampleContext());
  };
  return [
    ...pluginContract(subject.make, subject.npmName),
    {
      name: 'finds what it is made for, in words that apk understands',
      run: async () => {
        for (const { files, depends = [], provides = [] } of subject.finds) {
          const { found } = await analyse(samplePackage(files));
          for (const text of depends) assert.ok(found.depends.includes(text), `${text} is not depended on`);
          for (const text of provides) assert.ok(found.provides.includes(text), `${text} is not provided`);
          for (const text of [...found.depends, ...found.provides]) {
            assert.ok(
              parseConstraint(text) !== undefined && !/\s/.test(text),
              `apk does not understand ${text}`,
            );
          }
        }
      },
    },
    {
      name: 'keeps what others found, and the rest of the package',
      run: async () => {
        for (const { files } of subject.finds) {
          const found = { depends: ['other>=1'], provides: ['other=2'], vendored: ['so:other.so=1'] };
          const pkg = { ...samplePackage(files), found };
          const after = await analyse(pkg);
          for (const list of ['depends', 'provides', 'vendored'] as const) {
            for (const text of found[list]) assert.ok(after.found[list].includes(text), `${text} is lost`);
          }
          assert.equal(after.recipe, pkg.recipe, 'the recipe was changed');
          assert.equal(after.tree, pkg.tree, 'the files were changed');
        }
      },
    },
    {
      name: 'finds nothing where there is nothing for it',
      run: async () => {
        for (const files of subject.ignores) {
          const pkg = samplePackage(files);
          assert.deepEqual((await analyse(pkg)).found, pkg.found);
        }
      },
    },
    {
      name: 'finds the same in equal packages',
      run: async () => {
        for (const { files } of subject.finds) {
          const [one, two] = [await analyse(samplePackage(files)), await analyse(samplePackage(files))];
          assert.deepEqual(one.found, two.found);
        }
      },
    },
    {
      name: 'stands empty packages, links to nowhere and files that are not what they are called',
      run: async () => {
        for (const files of oddFiles) await analyse(samplePackage(files));
      },
    },
  ];
}
