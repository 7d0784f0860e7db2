import { buildError, type ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  PACKAGE_DEPENDENCY_INVALID: { package: string; list: string; text: string; why: string };
  PACKAGE_FOUND_INVALID: { package: string; list: string; text: string };
  PACKAGE_CAPABILITY_INVALID: { package: string; path: string; text: string };
  PACKAGE_CAPABILITY_UNUSED: { package: string; path: string; why: string };
  PACKAGE_PATH_REFUSED: { package: string; path: string };
  PACKAGE_OWNER_TOO_LARGE: { package: string; path: string; id: number };
  PACKAGE_OUTPUT_INVALID: { path: string; why: string };
  PACKAGE_WRITE_FAILED: { path: string; reason: string };
  INDEX_BUSY: { path: string; lock: string; seconds: number };
}

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  PACKAGE_DEPENDENCY_INVALID: {
    title: 'A dependency that apk refuses',
    message: ({ package: name, list, text, why }) =>
      `The package ${name} has ${JSON.stringify(text)} under dependencies.${list}, and apk refuses packages with it: ${why}.`,
  },
  PACKAGE_FOUND_INVALID: {
    title: 'A plugin found something that apk refuses',
    message: ({ package: name, list, text }) =>
      `A plugin found ${JSON.stringify(text)} for the package ${name}, and apk refuses packages with it under ${list}: it is no name, optionally with an operator and a version that apk understands.`,
  },
  PACKAGE_CAPABILITY_INVALID: {
    title: 'Not a file capability',
    message: ({ package: name, path, text }) =>
      `setcap of the package ${name} gives ${path} ${JSON.stringify(text)}, which is no capability with its flags. Write it like cap_net_raw: "+ep".`,
  },
  PACKAGE_CAPABILITY_UNUSED: {
    title: 'A capability for nothing',
    message: ({ package: name, path, why }) =>
      `setcap of the package ${name} names ${path}, and ${why}. No capability is set there.`,
  },
  PACKAGE_PATH_REFUSED: {
    title: 'A file name that apk refuses',
    message: ({ package: name, path }) =>
      `The package ${name} contains ${JSON.stringify(path)}; apk takes names with control characters for malicious and does not install such files.`,
  },
  PACKAGE_OWNER_TOO_LARGE: {
    title: 'An owner that apk cannot read',
    message: ({ package: name, path, id }) =>
      `${path} in the package ${name} belongs to the id ${id}; apk reads ids up to 2097151 and installs this one as 0.`,
  },
  PACKAGE_OUTPUT_INVALID: {
    title: 'The build gave back something that is no package',
    message: ({ path, why }) => `What the build left in melange-out cannot be packaged: ${path} ${why}.`,
  },
  PACKAGE_WRITE_FAILED: {
    title: 'A file could not be written',
    message: ({ path, reason }) => `${path} could not be written: ${reason}.`,
  },
  INDEX_BUSY: {
    title: 'Another build is writing the index',
    message: ({ path, lock, seconds }) =>
      `${path} was being written by another build for ${seconds} seconds. If no other build is running, remove ${lock}.`,
  },
};

/** Says in words why a file could not be written. */
export function writeFailed(path: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason = reasons[code];
  if (reason === undefined) return cause;
  return buildError(errors, 'PACKAGE_WRITE_FAILED', { path, reason }, { cause });
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'your quota on the disk is used up',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'something else is there',
  EISDIR: 'it is a folder',
  ENOENT: 'its folder does not exist',
};
