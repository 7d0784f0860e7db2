import { emptyRecord, list, mapOf, objectType, rawText } from './decode.ts';
import type { ObjectType, ValueType } from './decode.ts';
import { emptyEnvironment, environmentType } from './environment-definition.ts';
import { emptyPackage, packageType } from './package-definition.ts';
import type { BuildOption, Capabilities, PackageConfig, RangeData, VarTransform } from './package-config.ts';
import { noPlaces, type Places } from './places.ts';
import { rangedSubpackages } from './ranged-subpackages.ts';
import { stepsType } from './step-definition.ts';
import { testType } from './subpackage-definition.ts';
import { emptyUpdate, updateType } from './update-definition.ts';

const rawTexts = list(rawText);

const capabilities: ObjectType<Capabilities> = objectType<Capabilities>(
  'Capabilities',
  'Linux capabilities of the steps.',
  (at) => ({ add: [], drop: [], at }),
  [
    ['add', 'add', rawTexts, 'Capabilities that the steps get.'],
    ['drop', 'drop', rawTexts, 'Capabilities that are taken from the steps.'],
  ],
);

const rangeData: ObjectType<RangeData> = objectType<RangeData>(
  'RangeData',
  'Items for the ranges of subpackages.',
  (at) => ({ name: '', items: emptyRecord(), at }),
  [
    ['name', 'name', rawText, 'What "range" names.'],
    ['items', 'items', mapOf(rawText, ''), '${{range.key}} to ${{range.value}}.'],
  ],
);

const varTransform: ObjectType<VarTransform> = objectType<VarTransform>(
  'VarTransform',
  'A variable made from another text.',
  (at) => ({ from: '', match: '', replace: '', to: '', at }),
  [
    ['from', 'from', rawText, 'The text to change, such as ${{package.version}}.'],
    ['match', 'match', rawText, 'RE2 expression; every match is replaced.'],
    ['replace', 'replace', rawText, 'What takes the place of a match: $1 is a group.'],
    ['to', 'to', rawText, 'Name of the new variable, used as ${{vars.name}}.'],
  ],
);

interface ListChange {
  readonly add: readonly string[];
  readonly remove: readonly string[];
  readonly at: Places;
}

const listChange: ObjectType<ListChange> = objectType<ListChange>(
  'ListChange',
  'A change of a list.',
  (at) => ({ add: [], remove: [], at }),
  [
    ['add', 'add', rawTexts, 'Entries to add.'],
    ['remove', 'remove', rawTexts, 'Entries to take away, by their exact text.'],
  ],
);

interface OptionContents {
  readonly packages: ListChange | undefined;
  readonly at: Places;
}

const optionContents: ObjectType<OptionContents> = objectType<OptionContents>(
  'OptionContents',
  'What an option changes in the contents of the environment.',
  (at) => ({ packages: undefined, at }),
  [['packages', 'packages', listChange, 'Packages to add and to take away.']],
);

interface OptionEnvironment {
  readonly contents: OptionContents | undefined;
  readonly at: Places;
}

const optionEnvironment: ObjectType<OptionEnvironment> = objectType<OptionEnvironment>(
  'OptionEnvironment',
  'What an option changes in the environment.',
  (at) => ({ contents: undefined, at }),
  [['contents', 'contents', optionContents, 'Changes of the contents.']],
);

interface WrittenOption {
  readonly vars: Readonly<Record<string, string>>;
  readonly environment: OptionEnvironment | undefined;
  readonly at: Places;
}

const writtenOption: ObjectType<WrittenOption> = objectType<WrittenOption>(
  'BuildOption',
  'Something that can be switched on with --build-option.',
  (at) => ({ vars: emptyRecord(), environment: undefined, at }),
  [
    ['vars', 'vars', mapOf(rawText, ''), 'Variables that it sets.'],
    ['environment', 'environment', optionEnvironment, 'What it changes in the environment.'],
  ],
);

const buildOption: ValueType<BuildOption> = {
  schema: writtenOption.schema,
  refers: () => [writtenOption],
  decode: (node, context) => {
    const option = writtenOption.decode(node, context);
    if (option === undefined) return undefined;
    const packages = option.environment?.contents?.packages;
    return { vars: option.vars, add: packages?.add ?? [], remove: packages?.remove ?? [], at: option.at };
  },
};

const noOption: BuildOption = { vars: emptyRecord(), add: [], remove: [], at: noPlaces };

/** How a build file is written. */
export const buildFileType: ObjectType<PackageConfig> = objectType<PackageConfig>(
  'BuildFile',
  'A build file of an apk package.',
  (at) => ({
    package: emptyPackage(),
    environment: emptyEnvironment(),
    capabilities: { add: [], drop: [], at: noPlaces },
    pipeline: [],
    subpackages: [],
    data: [],
    update: emptyUpdate(),
    vars: emptyRecord(),
    varTransforms: [],
    options: emptyRecord(),
    test: undefined,
    at,
  }),
  [
    ['package', 'package', packageType, 'The package that is built.'],
    ['environment', 'environment', environmentType, 'The environment that the steps run in.'],
    ['capabilities', 'capabilities', capabilities, 'Linux capabilities of the steps.'],
    ['pipeline', 'pipeline', stepsType, 'The steps of the build.'],
    ['subpackages', 'subpackages', rangedSubpackages, 'Further packages made from the same build.'],
    ['data', 'data', list(rangeData), 'Items for the ranges of subpackages.'],
    ['update', 'update', updateType, 'How bots find new versions.'],
    ['vars', 'vars', mapOf(rawText, ''), 'Variables, used as ${{vars.name}}.'],
    ['var-transforms', 'varTransforms', list(varTransform), 'Variables made from other texts.'],
    [
      'options',
      'options',
      mapOf(buildOption, noOption),
      'Things that can be switched on with --build-option.',
    ],
    ['test', 'test', testType, 'Tests of the package.'],
  ],
);
