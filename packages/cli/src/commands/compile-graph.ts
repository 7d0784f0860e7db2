import { createBuilder, type GraphForm } from '@melange2/core';
import { exitCodes } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';
import { type BuildOptions, buildRequest, closing, pluginsOf, withoutFlags } from './build.ts';

/** The flags of `build` that `compile` has, and that a graph depends on. */
const flagsOfGraph = [
  'apkCacheDir',
  'buildDate',
  'buildOption',
  'buildkit',
  'cacheDir',
  'cpu',
  'emptyWorkspace',
  'envFile',
  'gitCommit',
  'gitRepoUrl',
  'ignoreSignatures',
  'keyringAppend',
  'memory',
  'overrideHostTripletLibcSubstitutionFlavor',
  'pipelineDir',
  'plugin',
  'repositoryAppend',
  'sourceDir',
  'varsFile',
] as const satisfies readonly (keyof BuildOptions)[];

type CompileGraphOptions = Pick<BuildOptions, (typeof flagsOfGraph)[number]> & {
  readonly arch: string;
  readonly llb: GraphForm;
};

/** Runs `melange2 compile --llb`: prints what the daemon would be given. */
export async function runCompileGraph(
  file: string | undefined,
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const given = raw as unknown as CompileGraphOptions;
  const flags = Object.fromEntries(
    flagsOfGraph.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  ) as unknown as Pick<BuildOptions, (typeof flagsOfGraph)[number]>;
  const options: BuildOptions = {
    ...withoutFlags,
    ...flags,
    network: { steps: {} },
    stepTimeout: { steps: {} },
    progress: 'quiet',
    pipelineDirs: [],
    arch: given.arch === '' ? [] : [given.arch],
    cacheMounts: true,
  };
  const builder = createBuilder({
    plugins: await pluginsOf(file, options, terminal),
    host: { env: terminal.env, cwd: terminal.cwd, now: terminal.now, version },
  });
  return closing(builder, terminal, async () => {
    const request = buildRequest(file, options, terminal);
    for (const { text } of await builder.draw(request, given.llb, terminal.signal))
      terminal.stdout(text.endsWith('\n') ? text : `${text}\n`);
    return exitCodes.done;
  });
}
