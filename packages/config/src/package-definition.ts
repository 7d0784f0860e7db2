import { describe, emptyRecord, integer, list, mapOf, objectType, rawText, text, truth } from './decode.ts';
import type { ObjectType, ValueType } from './decode.ts';
import { parseDuration } from './duration.ts';
import type {
  Capability,
  Checks,
  Copyright,
  Cpe,
  Dependencies,
  Package,
  PackageOptions,
  Resources,
  Scriptlets,
  Trigger,
} from './package-config.ts';
import { noPlaces, type Places } from './places.ts';
import { resolveScalar } from './resolve-scalar.ts';
import { resolved } from './yaml-node.ts';

const texts = list(text);
const textMap = mapOf(text, '');

const duration: ValueType<bigint> = {
  schema: { type: ['string', 'null'], pattern: '^[-+]?(0|([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)$' },
  decode: (node, context) => {
    const at = resolved(node);
    const scalar = at.kind === 'scalar' ? resolveScalar(at) : undefined;
    const value = scalar?.tag === '!!str' ? parseDuration(String(scalar.value)) : undefined;
    if (value === undefined) {
      const wanted = 'a duration such as 90s or 1h30m';
      context.report('CONFIG_TYPE_WRONG', { wanted, found: describe(node) }, node);
    }
    return value;
  },
};

const emptyDependencies = (at: Places): Dependencies => ({
  runtime: [],
  provides: [],
  replaces: [],
  providerPriority: '',
  replacesPriority: '',
  at,
});

/** How dependencies are written. */
export const dependenciesType: ObjectType<Dependencies> = objectType<Dependencies>(
  'Dependencies',
  'What a package needs, offers and replaces.',
  emptyDependencies,
  [
    ['runtime', 'runtime', texts, 'What it needs: "name", "name>=1.2", "!name", "so:libz.so.1", "cmd:sh".'],
    ['provides', 'provides', texts, 'What it offers besides its own name: "name" or "name=version".'],
    ['replaces', 'replaces', texts, 'Packages whose files it may overwrite.'],
    [
      'provider-priority',
      'providerPriority',
      text,
      'Which of several providers is taken: the highest number.',
    ],
    [
      'replaces-priority',
      'replacesPriority',
      text,
      'Which of several owners of a file wins: the highest number.',
    ],
  ],
);

/** Dependencies of a package that states none. */
export const noDependencies: Dependencies = emptyDependencies(noPlaces);

const copyright: ObjectType<Copyright> = objectType<Copyright>(
  'Copyright',
  'A licence of the package.',
  (at) => ({ paths: [], attestation: '', license: '', licensePath: '', detectionOverride: '', at }),
  [
    ['paths', 'paths', texts, 'Files that it is about.'],
    ['attestation', 'attestation', rawText, 'Copyright notice.'],
    ['license', 'license', text, 'SPDX expression.'],
    ['license-path', 'licensePath', text, 'File in the workspace with the text of the licence.'],
    ['detection-override', 'detectionOverride', rawText, 'Why a licence check that differs is wrong.'],
  ],
);

/** How the switches of a package are written. */
export const optionsType: ObjectType<PackageOptions> = objectType<PackageOptions>(
  'PackageOptions',
  'What is left out of the dependencies that are found.',
  (at) => ({ noProvides: false, noDepends: false, noCommands: false, noVersionedShlibDeps: false, at }),
  [
    ['no-provides', 'noProvides', truth, 'Leave out what the files offer.'],
    ['no-depends', 'noDepends', truth, 'Leave out what the files need.'],
    ['no-commands', 'noCommands', truth, 'Leave out the commands they offer.'],
    ['no-versioned-shlib-deps', 'noVersionedShlibDeps', truth, 'Leave out the versions of needed libraries.'],
  ],
);

const emptyTrigger = (at: Places): Trigger => ({ script: '', paths: [], at });

const trigger: ObjectType<Trigger> = objectType<Trigger>(
  'Trigger',
  'A script that runs when a directory changes.',
  emptyTrigger,
  [
    ['script', 'script', text, 'The script, with its "#!" line.'],
    ['paths', 'paths', texts, 'Directories to watch.'],
  ],
);

/** How scriptlets are written. */
export const scriptletsType: ObjectType<Scriptlets> = objectType<Scriptlets>(
  'Scriptlets',
  'Scripts that apk runs, each with its "#!" line.',
  (at) => ({
    trigger: emptyTrigger(noPlaces),
    preInstall: '',
    postInstall: '',
    preDeinstall: '',
    postDeinstall: '',
    preUpgrade: '',
    postUpgrade: '',
    at,
  }),
  [
    ['trigger', 'trigger', trigger, 'Runs when a directory changes.'],
    ['pre-install', 'preInstall', text, 'Runs before the package is installed.'],
    ['post-install', 'postInstall', text, 'Runs after the package is installed.'],
    ['pre-deinstall', 'preDeinstall', text, 'Runs before the package is removed.'],
    ['post-deinstall', 'postDeinstall', text, 'Runs after the package is removed.'],
    ['pre-upgrade', 'preUpgrade', text, 'Runs before the package is upgraded.'],
    ['post-upgrade', 'postUpgrade', text, 'Runs after the package is upgraded.'],
  ],
);

const emptyChecks = (at: Places): Checks => ({ disabled: [], at });

/** How the checks of a package are written. */
export const checksType: ObjectType<Checks> = objectType<Checks>(
  'Checks',
  'Checks of the package.',
  emptyChecks,
  [['disabled', 'disabled', list(rawText), 'Linters that only warn.']],
);

/** The checks of a package that says nothing of them. */
export const noChecks: Checks = emptyChecks(noPlaces);

const emptyCpe = (at: Places): Cpe => ({
  part: '',
  vendor: '',
  product: '',
  edition: '',
  language: '',
  swEdition: '',
  targetSw: '',
  targetHw: '',
  other: '',
  at,
});

const cpe: ObjectType<Cpe> = objectType<Cpe>('Cpe', 'Name of the software in vulnerability data.', emptyCpe, [
  ['part', 'part', rawText, '"a" for an application, "o" for an operating system.'],
  ['vendor', 'vendor', rawText, 'Vendor; needs "product".'],
  ['product', 'product', rawText, 'Product; needs "vendor".'],
  ['edition', 'edition', rawText, 'Edition.'],
  ['language', 'language', rawText, 'Language.'],
  ['sw_edition', 'swEdition', rawText, 'Software edition.'],
  ['target_sw', 'targetSw', rawText, 'Software it runs on.'],
  ['target_hw', 'targetHw', rawText, 'Hardware it runs on.'],
  ['other', 'other', rawText, 'Anything else.'],
]);

const capability: ObjectType<Capability> = objectType<Capability>(
  'Capability',
  'File capabilities of one path.',
  (at) => ({ path: '', add: emptyRecord(), reason: '', at }),
  [
    ['path', 'path', rawText, 'The file in the package.'],
    ['add', 'add', mapOf(rawText, ''), 'Capability names, comma separated, to flags: {cap_net_raw: "+ep"}.'],
    ['reason', 'reason', rawText, 'Why the file needs them.'],
  ],
);

/** File capabilities. */
export const setcapType: ValueType<readonly Capability[]> = list(capability);

const emptyResources = (at: Places): Resources => ({ cpu: '', cpuModel: '', memory: '', disk: '', at });

const resources: ObjectType<Resources> = objectType<Resources>(
  'Resources',
  'What a build wants of a machine.',
  emptyResources,
  [
    ['cpu', 'cpu', rawText, 'Number of processors.'],
    ['cpumodel', 'cpuModel', rawText, 'Model of the processors.'],
    ['memory', 'memory', rawText, 'Memory, such as "4Gi".'],
    ['disk', 'disk', rawText, 'Disk space, such as "50Gi".'],
  ],
);

/** The package of a file without `package`. */
export function emptyPackage(at: Places = noPlaces): Package {
  return {
    name: '',
    version: '',
    epoch: 0n,
    description: '',
    annotations: emptyRecord(),
    url: '',
    commit: '',
    targetArchitecture: [],
    copyright: [],
    dependencies: noDependencies,
    options: undefined,
    scriptlets: undefined,
    checks: noChecks,
    cpe: emptyCpe(noPlaces),
    setcap: [],
    timeoutNs: 0n,
    resources: emptyResources(noPlaces),
    testResources: undefined,
    at,
  };
}

/** How `package` is written. */
export const packageType: ObjectType<Package> = objectType<Package>(
  'Package',
  'The package that is built.',
  emptyPackage,
  [
    ['name', 'name', text, 'Name of the package.'],
    ['version', 'version', text, 'Version, as upstream calls it, in apk form.'],
    [
      'epoch',
      'epoch',
      integer(0n, 2n ** 64n - 1n, 'a whole number from 0'),
      'Raised with each change that keeps the version.',
    ],
    ['description', 'description', text, 'One line that says what it is.'],
    ['annotations', 'annotations', textMap, 'Free notes.'],
    ['url', 'url', text, 'Home page.'],
    ['commit', 'commit', rawText, 'Commit of the build file.'],
    ['target-architecture', 'targetArchitecture', texts, 'Architectures to build for; all when empty.'],
    ['copyright', 'copyright', list(copyright), 'Licences.'],
    ['dependencies', 'dependencies', dependenciesType, 'What it needs, offers and replaces.'],
    ['options', 'options', optionsType, 'What is left out of the dependencies that are found.'],
    ['scriptlets', 'scriptlets', scriptletsType, 'Scripts that apk runs.'],
    ['checks', 'checks', checksType, 'Checks of the package.'],
    ['cpe', 'cpe', cpe, 'Name of the software in vulnerability data.'],
    ['setcap', 'setcap', setcapType, 'File capabilities.'],
    ['timeout', 'timeoutNs', duration, 'Longest time that the build may take: 1h30m.'],
    ['resources', 'resources', resources, 'What the build wants of a machine.'],
    ['test-resources', 'testResources', resources, 'What the tests want of a machine.'],
  ],
);
