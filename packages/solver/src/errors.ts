import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  SOLVER_WORLD_INVALID: { entry: string };
  SOLVER_NAME_UNKNOWN: {
    name: string;
    wanted: string;
    nearest?: string | undefined;
    command?: string | undefined;
  };
  SOLVER_VERSION_UNKNOWN: { constraint: string; wanted: string; versions: readonly string[]; more: number };
  SOLVER_TAG_NEEDED: { constraint: string; wanted: string; tags: readonly string[] };
  SOLVER_CONFLICT: { subject: string; wanted: string; reasons: readonly string[] };
}

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  SOLVER_WORLD_INVALID: {
    title: 'A package constraint cannot be read',
    message: ({ entry }) =>
      `"${entry}" does not name a package. Write a name, and if need be an operator and a version behind it, such as foo, foo=1.2-r0, foo~1.2 or foo@tag.`,
  },
  SOLVER_NAME_UNKNOWN: {
    title: 'A package does not exist',
    message: ({ name, wanted }) => `No package is called "${name}" or provides it. ${wanted}`,
    hint: ({ nearest, command }) =>
      command !== undefined
        ? `The command of this name is in the package "${command}".`
        : nearest !== undefined
          ? `Did you mean "${nearest}"?`
          : 'Check the spelling, and that the repository that has it is among the repositories.',
  },
  SOLVER_VERSION_UNKNOWN: {
    title: 'No version of a package fits',
    message: ({ constraint, wanted, versions, more }) =>
      `No package meets "${constraint}". ${wanted} The repositories have ${versions.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`,
  },
  SOLVER_TAG_NEEDED: {
    title: 'A package is in a tagged repository only',
    message: ({ constraint, wanted, tags }) =>
      `"${constraint}" is only in the repository tagged @${tags.join(', @')}, which is used only where it is asked for. ${wanted}`,
    hint: ({ constraint, tags }) =>
      `Write "${constraint.replace(/[<>=~].*$/, '')}@${tags[0] ?? ''}" to take it from there.`,
  },
  SOLVER_CONFLICT: {
    title: 'Packages cannot be installed together',
    message: ({ subject, wanted, reasons }) =>
      [`${subject} ${wanted}`, ...reasons.map((r) => `- ${r}`)].join('\n'),
  },
};
