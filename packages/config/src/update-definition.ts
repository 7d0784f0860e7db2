import { count, list, objectType, rawText, text, truth, type ObjectType } from './decode.ts';
import { noPlaces, type Places } from './places.ts';
import type {
  GitHubMonitor,
  GitMonitor,
  OciMonitor,
  ReleaseMonitor,
  Schedule,
  Update,
  VersionData,
  VersionSource,
  VersionTransform,
} from './update.ts';

const stripPrefix = 'Text taken away from the front of a version.';
const stripSuffix = 'Text taken away from the end of a version.';
const filterPrefix = 'Only tags that begin with this count.';
const filterContains = 'Only tags that contain this count.';

const releaseMonitor: ObjectType<ReleaseMonitor> = objectType<ReleaseMonitor>(
  'ReleaseMonitor',
  'A project of release-monitoring.org.',
  (at) => ({
    identifier: 0,
    stripPrefix: '',
    stripSuffix: '',
    versionFilterContains: '',
    versionFilterPrefix: '',
    at,
  }),
  [
    [
      'identifier',
      'identifier',
      count(-(2n ** 63n), 2n ** 63n - 1n, 'a whole number'),
      'Number of the project.',
    ],
    ['strip-prefix', 'stripPrefix', rawText, stripPrefix],
    ['strip-suffix', 'stripSuffix', rawText, stripSuffix],
    ['version-filter-contains', 'versionFilterContains', text, 'Only versions that contain this count.'],
    ['version-filter-prefix', 'versionFilterPrefix', text, 'Only versions that begin with this count.'],
  ],
);

const emptyGit = (at: Places): GitMonitor => ({
  stripPrefix: '',
  stripSuffix: '',
  tagFilterPrefix: '',
  tagFilterContains: '',
  at,
});

const github: ObjectType<GitHubMonitor> = objectType<GitHubMonitor>(
  'GitHubMonitor',
  'A repository on GitHub.',
  (at) => ({ ...emptyGit(at), identifier: '', tagFilter: '', useTag: false }),
  [
    ['identifier', 'identifier', text, 'Owner and repository: "owner/name".'],
    ['strip-prefix', 'stripPrefix', rawText, stripPrefix],
    ['strip-suffix', 'stripSuffix', rawText, stripSuffix],
    ['tag-filter', 'tagFilter', text, 'Deprecated: use tag-filter-prefix.'],
    ['tag-filter-prefix', 'tagFilterPrefix', text, filterPrefix],
    ['tag-filter-contains', 'tagFilterContains', text, filterContains],
    ['use-tag', 'useTag', truth, 'Whether tags are read instead of releases.'],
  ],
);

const git: ObjectType<GitMonitor> = objectType<GitMonitor>(
  'GitMonitor',
  'The tags of the repository that the package checks out.',
  emptyGit,
  [
    ['strip-prefix', 'stripPrefix', rawText, stripPrefix],
    ['strip-suffix', 'stripSuffix', rawText, stripSuffix],
    ['tag-filter-prefix', 'tagFilterPrefix', text, filterPrefix],
    ['tag-filter-contains', 'tagFilterContains', text, filterContains],
  ],
);

const oci: ObjectType<OciMonitor> = objectType<OciMonitor>(
  'OciMonitor',
  'The tags of an image.',
  (at) => ({ ...emptyGit(at), identifier: '' }),
  [
    ['identifier', 'identifier', rawText, 'Name of the image.'],
    ['strip-prefix', 'stripPrefix', rawText, stripPrefix],
    ['strip-suffix', 'stripSuffix', rawText, stripSuffix],
    ['tag-filter-prefix', 'tagFilterPrefix', rawText, filterPrefix],
    ['tag-filter-contains', 'tagFilterContains', rawText, filterContains],
  ],
);

const versionSource: ObjectType<VersionSource> = objectType<VersionSource>(
  'VersionSource',
  'One source of version data.',
  (at) => ({ name: '', stream: '', ignore: [], commitSource: '', useRelease: false, at }),
  [
    ['name', 'name', rawText, 'Name of the source.'],
    ['stream', 'stream', rawText, 'Release stream.'],
    ['ignore', 'ignore', list(rawText), 'Versions to leave out.'],
    ['commit_source', 'commitSource', rawText, 'Where the commit of a version is found.'],
    ['use_release', 'useRelease', truth, 'Whether releases are read instead of tags.'],
  ],
);

const versionData: ObjectType<VersionData> = objectType<VersionData>(
  'VersionData',
  'Versions from curated data.',
  (at) => ({ versionFormat: '', sources: [], at }),
  [
    ['version_format', 'versionFormat', rawText, 'How versions are written.'],
    ['sources', 'sources', list(versionSource), 'Where versions come from.'],
  ],
);

const versionTransform: ObjectType<VersionTransform> = objectType<VersionTransform>(
  'VersionTransform',
  'A replacement in found versions.',
  (at) => ({ match: '', replace: '', at }),
  [
    ['match', 'match', rawText, 'RE2 expression.'],
    ['replace', 'replace', rawText, 'What takes the place of a match: $1 is a group.'],
  ],
);

const schedule: ObjectType<Schedule> = objectType<Schedule>(
  'Schedule',
  'How often a package without new versions is built again.',
  (at) => ({ reason: '', period: '', at }),
  [
    ['reason', 'reason', rawText, 'Why it has a schedule.'],
    ['period', 'period', rawText, '"daily", "weekly" or "monthly".'],
  ],
);

/** An update block with nothing in it. */
export function emptyUpdate(at: Places = noPlaces): Update {
  return {
    enabled: false,
    manual: false,
    requireSequential: false,
    shared: false,
    versionSeparator: '',
    ignoreRegexPatterns: [],
    releaseMonitor: undefined,
    github: undefined,
    git: undefined,
    oci: undefined,
    versionData: undefined,
    versionTransform: [],
    excludeReason: '',
    schedule: undefined,
    enablePrereleaseTags: false,
    at,
  };
}

/** How the update block is written. */
export const updateType: ObjectType<Update> = objectType<Update>(
  'Update',
  'How bots find new versions. Nothing in a build reads it.',
  emptyUpdate,
  [
    ['enabled', 'enabled', truth, 'Whether bots look for new versions.'],
    ['manual', 'manual', truth, 'Whether a person must look at each update.'],
    ['require-sequential', 'requireSequential', truth, 'Whether updates may not leave versions out.'],
    ['shared', 'shared', truth, 'Whether the source is shared with other packages.'],
    [
      'version-separator',
      'versionSeparator',
      rawText,
      'What stands between the numbers upstream, instead of ".".',
    ],
    [
      'ignore-regex-patterns',
      'ignoreRegexPatterns',
      list(rawText),
      'Versions that match one of these do not count.',
    ],
    ['release-monitor', 'releaseMonitor', releaseMonitor, 'Look at release-monitoring.org.'],
    ['github', 'github', github, 'Look at GitHub.'],
    ['git', 'git', git, 'Look at the tags of the repository.'],
    ['oci', 'oci', oci, 'Look at the tags of an image.'],
    ['version_data', 'versionData', versionData, 'Look at curated version data.'],
    ['version-transform', 'versionTransform', list(versionTransform), 'Replacements in found versions.'],
    ['exclude-reason', 'excludeReason', rawText, 'Why updates are off.'],
    ['schedule', 'schedule', schedule, 'How often to build again.'],
    ['enable-prerelease-tags', 'enablePrereleaseTags', truth, 'Whether prereleases count.'],
  ],
);
