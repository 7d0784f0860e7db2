import type { AnalysedPackage } from '@melange2/packager';
import type { ArchitectureContext } from '../contexts.ts';
import { type SampleFiles, sampleTree } from './sample-tree.ts';

/** A package as `modifyPackage` and `checkPackage` get it, with these files and nothing found in them yet. */
export function samplePackage(files: SampleFiles, name: string = 'sample'): AnalysedPackage {
  return {
    recipe: {
      name,
      version: '1.0.0-r0',
      arch: 'x86_64',
      description: 'A sample',
      url: '',
      commit: '',
      licenses: [],
      origin: name,
      namespace: 'unknown',
      depends: [],
      provides: [],
      replaces: [],
      providerPriority: undefined,
      replacesPriority: undefined,
      noProvides: false,
      noDepends: false,
      noCommands: false,
      noVersionedLibraries: false,
      scripts: new Map(),
      triggers: [],
      setcap: [],
    },
    tree: sampleTree(files),
    found: { depends: [], provides: [], vendored: [] },
    dependencies: { depends: [], provides: [], replaces: [], vendored: [] },
    diagnostics: [],
  };
}

/** Where the sample package is built. */
export function sampleContext(): ArchitectureContext {
  return {
    file: 'sample.yaml',
    folder: '/sample',
    architecture: 'x86_64',
    package: 'sample',
    version: '1.0.0-r0',
    signal: new AbortController().signal,
  };
}
