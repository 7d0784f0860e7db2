import { connect, type StatusEvent } from '@melange2/buildkit-client';
import { assemble, lockEnvironment, openTransport, platformOf } from '@melange2/environment';
import { marshal } from '@melange2/llb';

export interface RunInstalledOptions {
  /** Address of the daemon. */
  readonly address: string;
  readonly repositories: readonly string[];
  readonly keyring: readonly string[];
  readonly packages: readonly string[];
  readonly arch: string;
  readonly cacheDir: string;
  /** The program and its arguments, run in the fresh root as user 1000. */
  readonly args: readonly string[];
  readonly signal?: AbortSignal;
}

export interface RunInstalled {
  /** What the program wrote. */
  readonly output: string;
  /** All packages of the root, `name-version`, in the order of their installation. */
  readonly installed: readonly string[];
}

/**
 * Installs packages with all that they depend on into a fresh root, and runs a program in it on a daemon.
 *
 * Every signature, identity and data hash on the way is verified. The run is never taken from the daemon's cache.
 *
 * @throws {BuildError} of the environment, or BUILDKIT_SOLVE_FAILED when the program fails.
 */
export async function runInstalled(options: RunInstalledOptions): Promise<RunInstalled> {
  const { arch, cacheDir, keyring, packages: world, repositories } = options;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const transport = openTransport();
  const client = await connect(options.address, signal);
  try {
    const { value: locked, diagnostics } = await lockEnvironment({
      arch,
      cacheDir,
      keyring,
      repositories,
      world,
      directory: process.cwd(),
      transport,
      ...signal,
    });
    if (locked === undefined) throw new Error(diagnostics.map((d) => d.message).join('\n'));
    const { llb: caps } = await client.capabilities(signal);
    const { attachables, state } = await assemble(locked, { cacheDir, transport, caps, ...signal });
    const { root } = state.run({
      args: options.args,
      user: '1000:1000',
      cwd: '/',
      network: 'none',
      ignoreCache: true,
      customName: options.args.join(' '),
    });
    let output = '';
    const onEvent = (event: StatusEvent): void => {
      if (event.type === 'vertexLog') output += Buffer.from(event.bytes).toString();
    };
    await client.build({
      definition: marshal(root, { platform: platformOf(arch), caps }),
      session: attachables,
      onEvent,
      ...signal,
    });
    return { output, installed: locked.packages.map(({ name, version }) => `${name}-${version}`) };
  } finally {
    client.close();
  }
}
