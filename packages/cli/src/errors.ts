import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  CLI_USAGE: { problem: string };
  CLI_FOLDER_IN_USE: { folder: string };
  CLI_NO_BUILD_FILE: { tried: readonly string[] };
}

export const errors: ErrorCatalogue<Details> = {
  CLI_USAGE: {
    title: 'The command line is not understood',
    message: ({ problem }) => problem,
    hint: () => 'melange2 --help lists the commands, melange2 COMMAND --help their options.',
  },
  CLI_FOLDER_IN_USE: {
    title: 'A folder is there already',
    message: ({ folder }) => `${folder} is there already and not empty; nothing was written.`,
    hint: () => 'Name another folder with --dir.',
  },
  CLI_NO_BUILD_FILE: {
    title: 'No build file was given or found',
    message: ({ tried }) => `No build file was given, and this folder has none of ${tried.join(', ')}.`,
    hint: () => 'Name the file: melange2 build FILE.yaml.',
  },
};
