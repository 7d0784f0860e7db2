import { emptyRecord, mapOf, objectType, rawText, text, type ObjectType } from './decode.ts';
import { emptyEnvironment, environmentType } from './environment-definition.ts';
import {
  checksType,
  dependenciesType,
  noChecks,
  noDependencies,
  optionsType,
  scriptletsType,
  setcapType,
} from './package-definition.ts';
import type { Subpackage, Test } from './package-config.ts';
import { conditionText, stepsType } from './step-definition.ts';

/** How a test block is written. */
export const testType: ObjectType<Test> = objectType<Test>(
  'Test',
  'Steps that prove the package works, in an environment of their own with the package installed.',
  (at) => ({ environment: emptyEnvironment(), pipeline: [], at }),
  [
    ['environment', 'environment', environmentType, 'The environment of the test.'],
    ['pipeline', 'pipeline', stepsType, 'The steps of the test.'],
  ],
);

/** How a subpackage is written; `range` is read apart, before the others. */
export const subpackageType: ObjectType<Subpackage> = objectType<Subpackage>(
  'Subpackage',
  'A further package made from the same build.',
  (at) => ({
    if: '',
    range: undefined,
    name: '',
    description: '',
    annotations: emptyRecord(),
    url: '',
    commit: '',
    pipeline: [],
    dependencies: noDependencies,
    options: undefined,
    scriptlets: undefined,
    checks: noChecks,
    setcap: [],
    test: undefined,
    at,
  }),
  [
    ['if', 'if', conditionText, 'The subpackage is made when this holds.'],
    [
      'range',
      'range',
      { schema: rawText.schema, decode: () => undefined },
      'Entry of "data": the subpackage is made once for each of its items.',
    ],
    ['name', 'name', text, 'Name of the subpackage.'],
    ['description', 'description', text, 'One line that says what it is.'],
    ['annotations', 'annotations', mapOf(text, ''), 'Free notes.'],
    ['url', 'url', text, 'Home page.'],
    ['commit', 'commit', rawText, 'Commit of the build file.'],
    ['pipeline', 'pipeline', stepsType, 'Steps that fill the subpackage; they run after the main ones.'],
    ['dependencies', 'dependencies', dependenciesType, 'What it needs, offers and replaces.'],
    ['options', 'options', optionsType, 'What is left out of the dependencies that are found.'],
    ['scriptlets', 'scriptlets', scriptletsType, 'Scripts that apk runs.'],
    ['checks', 'checks', checksType, 'Checks of the subpackage.'],
    ['setcap', 'setcap', setcapType, 'File capabilities.'],
    ['test', 'test', testType, 'Tests of the subpackage.'],
  ],
);
