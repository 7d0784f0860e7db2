import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  ENVIRONMENT_REPOSITORY_INVALID: { repository: string; why: string };
  ENVIRONMENT_INDEX_MISSING: { location: string; arch: string };
  ENVIRONMENT_DOWNLOAD_FAILED: { url: string; why: string };
  ENVIRONMENT_KEY_UNREADABLE: { key: string; why: string };
  ENVIRONMENT_KEY_AMBIGUOUS: { name: string; first: string; second: string };
  ENVIRONMENT_PACKAGE_MISSING: { package: string; location: string };
  ENVIRONMENT_PACKAGE_ANONYMOUS: { package: string; repository: string };
  ENVIRONMENT_PACKAGE_UNUSABLE: { package: string; why: string };
  ENVIRONMENT_FILE_CONFLICT: { path: string; first: string; second: string; more: number };
  ENVIRONMENT_ACCOUNT_INVALID: { file: string; line: string };
  ENVIRONMENT_LOCK_INVALID: { file: string; why: string };
  ENVIRONMENT_CACHE_UNWRITABLE: { folder: string; why: string };
}

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  ENVIRONMENT_REPOSITORY_INVALID: {
    title: 'A repository cannot be read',
    message: ({ repository, why }) =>
      `"${repository}" is not a repository: ${why}. Write a directory or a URL that has an architecture's folder below it, with a tag in front where it is to be used only on demand: "@edge https://example.com/edge".`,
  },
  ENVIRONMENT_INDEX_MISSING: {
    title: 'A repository has no index',
    message: ({ location, arch }) =>
      `There is no index at ${location}. The repository has nothing for ${arch}, or its address is wrong.`,
    hint: () => 'A directory of packages gets its index with: melange2 index --output APKINDEX.tar.gz *.apk',
  },
  ENVIRONMENT_DOWNLOAD_FAILED: {
    title: 'A download failed',
    message: ({ url, why }) => `${url} could not be downloaded: ${why}.`,
    hint: ({ url, why }) =>
      /\b40[13]\b/.test(why)
        ? 'give name and password as HTTP_AUTH=basic:HOST:NAME:PASSWORD in the environment of melange2'
        : `"curl -I ${url}" shows whether the address answers; another repository is given with --repository-append`,
  },
  ENVIRONMENT_KEY_UNREADABLE: {
    title: 'A key cannot be read',
    message: ({ key, why }) => `The key ${key} of the keyring cannot be read: ${why}.`,
  },
  ENVIRONMENT_KEY_AMBIGUOUS: {
    title: 'Two keys have one name',
    message: ({ name, first, second }) =>
      `${first} and ${second} are different keys, but both would be called ${name} in the keyring. Signatures name keys by their file name, so rename one of them.`,
  },
  ENVIRONMENT_PACKAGE_MISSING: {
    title: 'A package of the index is not there',
    message: ({ package: name, location }) =>
      `The index has ${name}, but there is nothing at ${location}. The repository and its index do not belong together.`,
  },
  ENVIRONMENT_PACKAGE_ANONYMOUS: {
    title: 'A package of the index has no identity',
    message: ({ package: name, repository }) =>
      `The index of ${repository} gives no checksum (Q1…) for ${name}, so it cannot be checked. Make the index again.`,
  },
  ENVIRONMENT_PACKAGE_UNUSABLE: {
    title: 'A package cannot be put into an environment',
    message: ({ package: name, why }) => `${name} cannot be put into an environment: ${why}.`,
  },
  ENVIRONMENT_FILE_CONFLICT: {
    title: 'Two packages have the same file',
    message: ({ path, first, second, more }) =>
      `${first} and ${second} both have ${path}${more > 0 ? ` (and ${more} more files)` : ''}, with different content, and neither says that it replaces the other. Take one of them out of the environment, or let one have "replaces" for the other.`,
  },
  ENVIRONMENT_ACCOUNT_INVALID: {
    title: 'A line of an account file cannot be read',
    message: ({ file, line }) =>
      `/${file} of the environment has a line that is none: "${line}". A package of the environment ships it so.`,
  },
  ENVIRONMENT_LOCK_INVALID: {
    title: 'The lock file cannot be used',
    message: ({ file, why }) =>
      `The lock file ${file} cannot be used: ${why}. Write it again, without it packages are chosen anew.`,
  },
  ENVIRONMENT_CACHE_UNWRITABLE: {
    title: 'The cache of packages cannot be written',
    message: ({ folder, why }) =>
      `The folder ${folder}, where downloaded packages are kept, cannot be written: ${why}.`,
    hint: () => 'Make room, or name another folder with --apk-cache-dir or MELANGE2_CACHE.',
  },
};
