import type {
  ContainerMount,
  ContainerOptions,
  ExecOptions,
  Gateway,
  Process,
  Reference,
  SolveError,
} from '@melange2/buildkit-client';
import type { ExportSource } from '@melange2/exporters';
import { readTar, type TarInput, tarHeader, writeTar } from '@melange2/apk';
import { architecture as architectureNames } from '@melange2/config';
import type { PlannedStep } from '@melange2/pipeline';

/** Where the command that failed lies in an exported state. */
export const failedStepFile = 'melange2/failed-step.sh';

/** The files around a step, as long as a build is open in the daemon. */
export interface StepState {
  readonly step: PlannedStep;
  readonly architecture: string;
  /** `failed`: after its command failed. `after`: when it was done. `before`: as it finds them. */
  readonly moment: 'failed' | 'after' | 'before';
  /** Starts a process in it: with the step's variables, folder and user unless others are given. */
  readonly exec: (
    options: Pick<ExecOptions, 'args' | 'tty' | 'stdin' | 'user' | 'signal'>,
  ) => Promise<Process>;
}

/** The files of a state, and how an image of it wants to be run: like the step. */
export function exportSourceOf(
  step: PlannedStep,
  architecture: string,
  openTar: ExportSource['openTar'],
): ExportSource {
  const [os = 'linux', arch = '', variant] = `linux/${architectureNames(architecture).go}`.split('/');
  return {
    platform: { os, architecture: arch, ...(variant === undefined ? {} : { variant }) },
    config: {
      env: step.env,
      workingDir: step.workingDirectory,
      user: `${step.user.uid}:${step.user.gid}`,
      command: ['/bin/sh'],
      labels: { 'melange2.package': step.package, 'melange2.step': step.name },
    },
    openTar: async (signal) => withFailedStep(await openTar(signal), step),
  };
}

/**
 * Opens the state after the command that failed, with what it had written until then; `undefined` on daemons that do
 * not keep it (before 0.11).
 */
export async function openFailedState(
  failure: SolveError,
  gateway: Gateway,
  step: PlannedStep,
  architecture: string,
): Promise<StepState | undefined> {
  const failed = failure.details.step;
  const op = failed?.op?.op;
  if (failed === undefined || op?.kind !== 'exec' || !gateway.capabilities.has('gateway.exec'))
    return undefined;
  const { mounts, network, security, meta } = op.value;
  // Binds have a state, caches what they were begun from; others are made anew.
  const options: ContainerOptions = {
    mounts: mounts.flatMap((mount, i): ContainerMount[] => {
      const resultId = failed.mountIds[i] ?? '';
      if (mount.mountType === bind) {
        return [
          {
            dest: mount.dest,
            selector: mount.selector,
            readonly: mount.readonly,
            ...(resultId === '' ? {} : { resultId }),
          },
        ];
      }
      return mount.mountType === cache && mount.cacheOpt !== undefined
        ? [
            {
              dest: mount.dest,
              kind: 'cache',
              cache: mount.cacheOpt,
              selector: mount.selector,
              // What it was begun from: with its id, that tells which cache it is.
              ...(resultId === '' ? {} : { resultId }),
            },
          ]
        : [];
    }),
    network: networks[network] ?? 'default',
  };
  const run = {
    env: meta?.env ?? [],
    cwd: meta?.cwd ?? '/',
    user: meta?.user ?? '',
    insecure: security === insecure,
  };
  return { step, architecture, moment: 'failed', exec: execIn(gateway, options, run) };
}

/**
 * Opens a result as the step finds or leaves it: with its caches, variables, folder and user.
 *
 * `emptyCache` is what the caches of the step were begun from: with their ids, that tells which caches they are.
 */
export function openResult(
  result: Reference,
  emptyCache: Reference | undefined,
  gateway: Gateway,
  given: Pick<StepState, 'step' | 'architecture' | 'moment'>,
): StepState {
  const { step } = given;
  const caches = step.mounts.map(({ id, target, sharing }): ContainerMount => {
    // A build that runs may hold a locked cache for long; looking into it does no harm.
    const mode = sharing === 'private' ? sharings.private : sharings.shared;
    return {
      dest: target,
      kind: 'cache',
      cache: { ID: id, sharing: mode },
      selector: '/cache',
      ...(emptyCache === undefined ? {} : { resultId: emptyCache.id }),
    };
  });
  const network = step.network === 'sandbox' ? 'default' : step.network;
  const options = { mounts: [{ dest: '/', resultId: result.id }, ...caches], network } as const;
  const env = Object.entries(step.env).map(([name, value]) => `${name}=${value}`);
  const run = {
    env,
    cwd: step.workingDirectory,
    user: `${step.user.uid}:${step.user.gid}`,
    insecure: step.insecure === true,
  };
  return { ...given, exec: execIn(gateway, options, run) };
}

function execIn(
  gateway: Gateway,
  options: ContainerOptions,
  { user: own, ...run }: Required<Pick<ExecOptions, 'env' | 'cwd' | 'user' | 'insecure'>>,
): StepState['exec'] {
  return async ({ user = own, ...process }) => {
    // A container ends with the first process in it, so each has one of its own.
    const container = await gateway.newContainer(options);
    const started = await container.exec({ ...process, ...run, user });
    const release = (): void => void container.release().catch(() => {});
    started.exited.then(release, release);
    return started;
  };
}

const bind = 0;
const cache = 3;
const insecure = 1;
const sharings = { shared: 0, private: 1 } as const;
const networks = ['default', 'host', 'none'] as const;

/**
 * Reads the files of a state as a tar, by the `tar` program in it.
 *
 * @throws {Error} when there is no such program, or it fails
 */
export async function tarOfState(state: StepState, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const script =
    'cd / && exec tar -c -f - --exclude=./proc --exclude=./sys --exclude=./dev --exclude=./.melange2 .';
  const process = await state.exec({ args: ['/bin/sh', '-c', script], user: '0:0', signal });
  const said: Buffer[] = [];
  process.stderr.on('data', (chunk: Buffer) => said.length < 100 && said.push(chunk));
  return (async function* () {
    yield* process.stdout as AsyncIterable<Uint8Array>;
    const code = await process.exited;
    // 1: a file changed while it was read, which cannot be helped in a state that something may still run in.
    if (code > 1)
      throw new Error(`tar ended with exit code ${code}: ${Buffer.concat(said).toString().trim()}`);
  })();
}

/** Adds the command that failed to a tar of its state, ready to be run again. */
async function* withFailedStep(
  tar: AsyncIterable<Uint8Array>,
  step: PlannedStep,
): AsyncGenerator<Uint8Array> {
  async function* entries(): AsyncGenerator<TarInput> {
    for await (const entry of readTar(tar, { archive: 'the failed state' })) {
      const name = entry.name.replace(/^(\.\/)+/, '').replace(/\/$/, '');
      if (name === '' || name === '.') continue;
      const linkName = entry.type === 'hardLink' ? entry.linkName.replace(/^(\.\/)+/, '') : entry.linkName;
      const header = { ...entry, name, linkName };
      yield entry.type === 'file' ? { header, content: entry.content } : { header };
    }
    const exports = Object.entries(step.env).map(([name, value]) => `export ${name}=${quote(value)}\n`);
    const text = `#!/bin/sh -e\n# The step ${JSON.stringify(step.name)} of ${step.package}, as it was run.\n${exports.join('')}cd ${quote(step.workingDirectory)}\n${step.script}\n`;
    const content = Buffer.from(text);
    const owner = { uid: step.user.uid, gid: step.user.gid };
    yield { header: tarHeader({ name: failedStepFile.split('/')[0] ?? '', type: 'directory', mode: 0o755 }) };
    yield {
      header: tarHeader({ name: failedStepFile, size: content.length, mode: 0o755, ...owner }),
      content,
    };
  }
  yield* writeTar(entries());
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}
