import { existsSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import { errors } from '../errors.ts';
import { exitCodes } from '../exit-code.ts';
import type { PluginKind } from '../plugin-kind.ts';
import { pluginTemplate } from '../plugin-template.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

const packageName = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;

/** Runs `melange2 plugin new`. A folder with anything in it is left alone. */
export async function runPluginNew(
  kind: string,
  name: string,
  options: { readonly dir?: string },
  terminal: Terminal,
): Promise<number> {
  if (!packageName.test(name)) {
    const problem = `"${name}" is no name of an npm package: small letters, digits and hyphens, with or without @scope/ before.`;
    throw buildError(errors, 'CLI_USAGE', { problem });
  }
  const shown = options.dir ?? name.slice(name.indexOf('/') + 1);
  const folder = resolve(terminal.cwd, shown);
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw buildError(errors, 'CLI_FOLDER_IN_USE', { folder: shown });
  }
  for (const [path, text] of Object.entries(pluginTemplate(kind as PluginKind, name, version))) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  terminal.stdout(`${name} is in ${shown}. Next:

  cd ${shown}
  npm install
  npm test
  npm run build

README.md in it says how to use it.
`);
  return exitCodes.done;
}
