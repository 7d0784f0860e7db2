import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  SCA_SHEBANG_UNCLEAR: { path: string; why: string };
  SCA_PKGCONFIG_UNREADABLE: { path: string };
  SCA_ELF_DAMAGED: { path: string; why: string };
  SCA_DEPENDENCY_DECLARED: { declared: string; found: string };
  SCA_NAME_UNUSABLE: { path: string; text: string };
  SCA_MODULE_PACKED: { path: string; why: string };
}

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  SCA_SHEBANG_UNCLEAR: {
    title: 'What runs a script is unclear',
    message: ({ path, why }) => `No dependency was found for the script ${path}: ${why}.`,
  },
  SCA_PKGCONFIG_UNREADABLE: {
    title: 'Not a pkg-config file',
    message: ({ path }) =>
      `${path} ends in .pc, and nothing in it is a line of a pkg-config file. It is passed over.`,
  },
  SCA_ELF_DAMAGED: {
    title: 'A damaged program or library',
    message: ({ path, why }) =>
      `${path} begins as an ELF file and cannot be read as one: ${why}. It is passed over.`,
  },
  SCA_DEPENDENCY_DECLARED: {
    title: 'A dependency is written that is found as well',
    message: ({ declared, found }) =>
      `The dependency ${declared} is written in the build file, so ${found}, which the files need, is not added. Remove it there to depend on what was found.`,
  },
  SCA_NAME_UNUSABLE: {
    title: 'A name that apk cannot take',
    message: ({ path, text }) =>
      `${path} leads to ${JSON.stringify(text)}, which apk would refuse or misread. It is left out.`,
  },
  SCA_MODULE_PACKED: {
    title: 'A kernel module could not be unpacked',
    message: ({ path, why }) =>
      `The kernel module ${path} is packed with xz and cannot be unpacked: ${why}. What it depends on is not known.`,
  },
};
