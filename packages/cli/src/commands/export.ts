import { createBuilder, type ExportedMoment } from '@melange2/core';
import { buildError } from '@melange2/diagnostics';
import { errors } from '../errors.ts';
import { exitCodes } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';
import { type BuildOptions, buildRequest, closing, exportTarget, pluginsOf, withoutFlags } from './build.ts';

interface ExportOptions {
  readonly to: string;
  readonly ref: string;
  readonly state: ExportedMoment;
}

/** Runs `melange2 export`. */
export async function runExport(
  file: string,
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const options = { ...withoutFlags, ...(raw as unknown as Partial<BuildOptions>) } as BuildOptions &
    ExportOptions;
  if (options.arch.length > 1 || options.arch.includes('all'))
    throw buildError(errors, 'CLI_USAGE', {
      problem: 'A target takes the files of one architecture: name one with --arch.',
    });
  const target = exportTarget(options.to, options.ref, '--ref');
  const builder = createBuilder({
    plugins: await pluginsOf(file, options, terminal),
    host: { env: terminal.env, cwd: terminal.cwd, now: terminal.now, version },
  });
  return closing(builder, terminal, async () => {
    const request = buildRequest(file, options, terminal);
    const what = { moment: options.state, target };
    for (const { location, digest, next } of await builder.export(request, what, terminal.signal)) {
      terminal.stdout(`${location}${digest === undefined ? '' : `@${digest}`}\n`);
      if (next !== undefined) terminal.stderr(`use it with: ${next}\n`);
    }
    return exitCodes.done;
  });
}
