import type { ErrorCatalogue } from '@melange2/diagnostics';
import { formatBytes } from '@melange2/progress';
import type { FailureCause } from './steps/verdict.ts';

/** A failed step, with what a printer shows of it. */
export interface StepFailure {
  readonly package: string;
  readonly step: string;
  readonly architecture: string;
  readonly exitCode?: number;
  /** The daemon's words. */
  readonly reason: string;
  /** The last lines it printed. */
  readonly tail: readonly string[];
  readonly logFile?: string;
  /** Its state can be opened afterwards: it is a step of a build, not of a test. */
  readonly reopens: boolean;
  /** Why it failed, where that can be known from what it printed: the kind of reason, and the reason for people. */
  readonly cause?: FailureCause;
  readonly verdict?: string;
}

/** A file or repository that was fetched, and is not what the build file pins. */
export interface SourceDifference {
  /** What it is, in a few words: a file, a tag of a repository. */
  readonly source: string;
  readonly kind: 'sha256' | 'sha512' | 'commit';
  readonly expected: string;
  readonly found: string;
}

interface Details {
  PLUGIN_API_MISMATCH: { plugin: string; wanted: string; has: string };
  PLUGIN_INVALID: { plugin: string };
  PLUGIN_DUPLICATE: { plugin: string };
  PLUGIN_HOOK_FAILED: { plugin: string; hook: string; problem: string };
  PLUGIN_HOOKS_FAILED: { hook: string; count: number };
  PLUGIN_NOT_FOUND: { plugin: string; from: string; problem: string };
  PLUGIN_CONFIG_INVALID: { file: string; problem: string };
  FILE_UNREADABLE: { path: string; reason: string };
  KEY_EXISTS: { file: string };
  BUMP_SOURCE_MISSING: { uri: string };
  BUILD_FILE_INVALID: { file: string; count: number };
  BUILD_STEP_FAILED: StepFailure;
  BUILD_SOLVE_FAILED: { package: string; architecture: string; reason: string };
  BUILD_SOURCE_DIFFERS: SourceDifference & { package: string };
  BUILD_DOWNLOAD_FAILED: { package: string; source: string; reason: string };
  BUILD_TIMED_OUT: { limit: string; running: readonly string[] };
  BUILD_STEP_TIMED_OUT: {
    package: string;
    step: string;
    limit: string;
    tail: readonly string[];
    logFile?: string;
    cause: FailureCause;
  };
  BUILD_QUANTITY_INVALID: { text: string; flag: string; wanted: string };
  BUILD_ARCHITECTURE_UNKNOWN: { name: string; known: readonly string[] };
  RECORD_NOT_FOUND: { what: string };
  RECORD_INCOMPLETE: { build: string };
  RECORD_UNWRITABLE: { folder: string; reason: string };
  EXPORT_KIND_UNKNOWN: { kind: string };
  CACHE_MOUNT_UNKNOWN: { name: string; known: readonly string[] };
  CACHE_MOUNT_AMBIGUOUS: { name: string; ids: readonly string[] };
  CACHE_MOUNT_FOREIGN: { id: string };
  CACHE_MOUNT_IN_USE: { names: readonly string[] };
  CACHE_ARCHIVE_INVALID: { file: string; problem: string };
  BUILD_DATE_INVALID: { text: string; from: string };
  HTTP_AUTH_INVALID: { parts: number };
  BUILD_PACKAGE_REFUSED: { packages: readonly string[]; count: number };
  BUILD_ENVIRONMENT_UNSOLVABLE: { package: string; architecture: string; count: number; tested: boolean };
}

export const errors: ErrorCatalogue<Details> = {
  PLUGIN_API_MISMATCH: {
    title: 'A plugin is made for another version',
    message: ({ plugin, wanted, has }) =>
      `The plugin ${plugin} is written against version ${wanted} of the plugin interface; this melange2 has version ${has}.`,
    hint: ({ plugin }) => `Install the release of ${plugin} that fits this melange2.`,
  },
  PLUGIN_INVALID: {
    title: 'A plugin does not have the right shape',
    message: ({ plugin }) =>
      `${plugin} is not a plugin: an object with name, apiVersion and apply is wanted. Was the factory given instead of what it returns?`,
  },
  PLUGIN_DUPLICATE: {
    title: 'A plugin is applied twice',
    message: ({ plugin }) => `The plugin ${plugin} is applied twice.`,
    hint: () => 'Remove one of the two, from the configuration file or the command line.',
  },
  PLUGIN_HOOK_FAILED: {
    title: 'A plugin failed',
    message: ({ plugin, hook, problem }) => `The plugin ${plugin} failed in ${hook}: ${problem}`,
    hint: ({ plugin }) => `Report it to the authors of ${plugin}, or build without it.`,
  },
  PLUGIN_HOOKS_FAILED: {
    title: 'Several plugins failed',
    message: ({ hook, count }) => `${count} plugins failed in ${hook}.`,
  },
  PLUGIN_NOT_FOUND: {
    title: 'A plugin cannot be loaded',
    message: ({ plugin, from, problem }) =>
      `The plugin ${plugin}, named in ${from}, cannot be loaded: ${problem}.`,
    hint: ({ plugin }) =>
      plugin.startsWith('.') || plugin.startsWith('/')
        ? undefined
        : `Install it beside your build files: npm install --save-dev ${plugin}`,
  },
  PLUGIN_CONFIG_INVALID: {
    title: 'The configuration file is not understood',
    message: ({ file, problem }) => `${file}: ${problem}.`,
    hint: () => 'The guide docs/plugins/README.md shows a whole configuration file.',
  },
  FILE_UNREADABLE: {
    title: 'A file cannot be read',
    message: ({ path, reason }) => `${path} cannot be read: ${reason}.`,
    hint: () => 'Check the path; paths on the command line are relative to the current folder.',
  },
  BUMP_SOURCE_MISSING: {
    title: 'The new version has no such file',
    message: ({ uri }) =>
      `There is nothing at ${uri}, so its checksum is not known and the build file stays as it is. Check the version, and the address of this fetch.`,
  },
  KEY_EXISTS: {
    title: 'A key is there already',
    message: ({ file }) =>
      `${file} exists, and a key is never overwritten: packages signed with it could not be verified any more.`,
    hint: () => 'Name another file, or move the old key away.',
  },
  BUILD_FILE_INVALID: {
    title: 'The build file has problems',
    message: ({ file, count }) =>
      `${file} has ${count === 1 ? 'a problem' : `${count} problems`}; nothing was built.`,
  },
  BUILD_STEP_FAILED: {
    title: 'A step failed',
    message: ({ package: name, step, exitCode, reason, verdict }) => {
      const how = exitCode === undefined ? `failed: ${reason}` : `failed with exit code ${exitCode}`;
      return `The step "${step}" of ${name} ${how}.${verdict === undefined ? '' : ` ${verdict}`}`;
    },
    hint: ({ logFile, reopens }) => {
      const whole = logFile === undefined ? [] : [`the whole output of the step is in ${logFile}`];
      const next = reopens
        ? [
            '"melange2 shell" opens a shell in what it left, "melange2 log --trace" shows each of its commands',
          ]
        : [];
      return [...whole, ...next].join('; ') || undefined;
    },
  },
  BUILD_SOLVE_FAILED: {
    title: 'The daemon could not do the build',
    message: ({ package: name, architecture, reason }) =>
      `BuildKit could not build ${name} for ${architecture}: ${reason}`,
    hint: ({ reason }) => {
      if (/no space left on device/i.test(reason))
        return 'The disk of the daemon is full: give it more, or let it forget what it keeps (docker builder prune, buildctl prune).';
      const [, asked, taken] = /received message larger than max \((\d+) vs\. (\d+)\)/.exec(reason) ?? [];
      return asked === undefined
        ? undefined
        : `The steps make a graph of ${formatBytes(Number(asked))}, and this daemon takes ${formatBytes(Number(taken))}: bring commands together in fewer steps, or make two build files of it. Newer daemons take more than BuildKit 0.8.`;
    },
  },
  BUILD_SOURCE_DIFFERS: {
    title: 'A source is not the one that is expected',
    message: ({ package: name, source, kind, expected, found }) =>
      `${source}, which ${name} is built from, has another ${kind} than the build file expects: expected ${expected}, found ${found}.`,
    hint: ({ kind }) =>
      `Find out why it has changed. Only where that is meant, write the new ${kind} into the build file.`,
  },
  BUILD_DOWNLOAD_FAILED: {
    title: 'A source cannot be downloaded',
    message: ({ package: name, source, reason }) =>
      `BuildKit could not download ${source}, which ${name} is built from: ${reason}.`,
    hint: () =>
      'Check the address; the machine of the daemon must reach it. A folder named with --cache-dir may hold the file by its checksum.',
  },
  BUILD_TIMED_OUT: {
    title: 'The build took too long',
    message: ({ limit, running }) =>
      `The build was stopped after ${limit}.${running.length === 0 ? '' : ` Running were: ${running.join(', ')}.`}`,
    hint: () => 'Give it more time with --timeout, or with package.timeout in the build file.',
  },
  BUILD_STEP_TIMED_OUT: {
    title: 'A step took too long',
    message: ({ package: name, step, limit }) => `The step "${step}" of ${name} was stopped after ${limit}.`,
    hint: ({ logFile }) =>
      `Give it more time with --step-timeout; ${logFile === undefined ? 'its last lines stand above' : `what it printed until then is in ${logFile}`}.`,
  },
  BUILD_QUANTITY_INVALID: {
    title: 'An amount is not understood',
    message: ({ text, flag, wanted }) => `The amount "${text}" of ${flag} is not understood: ${wanted}.`,
  },
  BUILD_ARCHITECTURE_UNKNOWN: {
    title: 'An architecture is not known',
    message: ({ name, known }) => `The architecture "${name}" is not known; known are ${known.join(', ')}.`,
  },
  BUILD_ENVIRONMENT_UNSOLVABLE: {
    title: 'The build environment cannot be put together',
    message: ({ package: name, architecture, count }) =>
      `The environment of ${name} for ${architecture} cannot be put together: ${count === 1 ? 'one package' : `${count} packages`} cannot be had.`,
    hint: ({ tested }) =>
      `${tested ? 'Build it first with "melange2 build". ' : ''}Give the repository that has them with --repository-append, and its key with --keyring-append.`,
  },
  BUILD_DATE_INVALID: {
    title: 'A date is not understood',
    message: ({ text, from }) =>
      `The date "${text}" of ${from} is not understood: ${from === 'SOURCE_DATE_EPOCH' ? 'seconds since 1970 are wanted' : 'a time such as 2026-01-31T12:00:00Z is wanted'}.`,
  },
  HTTP_AUTH_INVALID: {
    title: 'HTTP_AUTH is not understood',
    message: ({ parts }) =>
      `HTTP_AUTH is to be basic:HOST:USER:PASSWORD, but has ${parts} parts or another scheme.`,
  },
  BUILD_PACKAGE_REFUSED: {
    title: 'A package was refused',
    message: ({ packages, count }) =>
      `${packages.length === 1 ? 'The package' : 'The packages'} ${packages.join(', ')} ${packages.length === 1 ? 'has' : 'have'} ${count === 1 ? 'a problem' : `${count} problems`}; no package was written.`,
  },
  EXPORT_KIND_UNKNOWN: {
    title: 'There is no exporter of this kind',
    message: ({ kind }) =>
      `There is no exporter "${kind}": docker, tarball and registry come with melange2, others with plugins.`,
    hint: () => 'Load the plugin that has it with --plugin, or use one of the three.',
  },
  RECORD_UNWRITABLE: {
    title: 'The record of the build cannot be written',
    message: ({ folder, reason }) =>
      `The folder ${folder}, for logs and records of builds, cannot be written: ${reason}.`,
    hint: () => 'Name another folder with MELANGE2_STATE.',
  },
  RECORD_INCOMPLETE: {
    title: 'A build cannot be opened again',
    message: ({ build }) =>
      `The record of ${build} does not hold what was asked of it: the build ended before its file was understood, or was made by an older melange2.`,
    hint: () => 'Build it once more; from then on its steps can be opened.',
  },
  CACHE_MOUNT_UNKNOWN: {
    title: 'There is no cache mount of this name',
    message: ({ name, known }) =>
      `The daemon has no cache mount "${name}"${known.length === 0 ? '; it has none at all' : `; it has ${known.join(', ')}`}.`,
    hint: () => 'melange2 cache ls lists the mounts of the daemon. Each daemon has its own.',
  },
  CACHE_MOUNT_AMBIGUOUS: {
    title: 'A name stands for several cache mounts',
    message: ({ name, ids }) => `"${name}" stands for several cache mounts: ${ids.join(', ')}.`,
    hint: () => 'Name one of them by its whole id.',
  },
  CACHE_MOUNT_FOREIGN: {
    title: 'A cache mount was not made by melange2',
    message: ({ id }) => `The cache mount ${id} was made by another program, so its files cannot be reached.`,
    hint: () => 'It can be listed and removed; export and import work on the mounts of melange2.',
  },
  CACHE_MOUNT_IN_USE: {
    title: 'A cache mount is in use',
    message: ({ names }) => `${names.join(', ')} cannot be removed: a build uses it now.`,
    hint: () => 'Wait until the build has ended, then remove it.',
  },
  CACHE_ARCHIVE_INVALID: {
    title: 'The archive of a cache cannot be used',
    message: ({ file, problem }) => `${file} cannot be put into a cache: ${problem}.`,
    hint: () => 'melange2 cache export NAME FILE makes such an archive.',
  },
  RECORD_NOT_FOUND: {
    title: 'A record is not there',
    message: ({ what }) => `There is no record of ${what} on this machine.`,
    hint: () => 'melange2 log --list shows the builds whose records are kept, and their steps.',
  },
};
