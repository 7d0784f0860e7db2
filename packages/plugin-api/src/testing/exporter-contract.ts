import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tarHeader, type TarInput, writeTar } from '@melange2/apk';
import type { Exported, Exporter, ExportSource, ExportTarget } from '@melange2/exporters';
import { createBuildHooks } from '../build-hooks.ts';
import type { Plugin } from '../plugin.ts';
import type { ContractCase } from './contract-case.ts';
import { pluginContract } from './plugin-contract.ts';

/** An exporter under test. */
export interface ExporterSubject {
  readonly make: () => Plugin;
  readonly npmName: string;
  /** The kind of target that it answers to: what people write behind `--export-on-failure`. */
  readonly kind: string;
  /** A target that can be exported to; `folder` is empty, and removed afterwards. */
  readonly target: (folder: string) => Omit<ExportTarget, 'kind'> | Promise<Omit<ExportTarget, 'kind'>>;
  /** Settings of the environment that it looks at. Default none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Throws when `exported` does not hold the sample: `etc/sample` with the text `sample`. */
  readonly verify?: (target: ExportTarget, exported: Exported) => void | Promise<void>;
  /** Targets that it must refuse. Default: that without a name alone. */
  readonly refused?: readonly RefusedTarget[];
}

/**
 * A target that cannot be exported to. Paths in it are in the working directory of the export, where there is a file named
 * `file` and nothing else.
 */
export interface RefusedTarget {
  /** Why it is refused, for the name of the case: `a file is where its folder should be`. */
  readonly when: string;
  readonly ref: string;
  /** Default none. */
  readonly attributes?: ExportTarget['attributes'];
  /** Code of the error. */
  readonly code: string;
}

interface Trial {
  readonly exporter: Exporter;
  readonly target: ExportTarget;
  readonly folder: string;
  readonly temporaryDir: string;
}

/** What an exporter must do. Register each case with your test runner. */
export function exporterContract(subject: ExporterSubject): ContractCase[] {
  const resolve = (target: ExportTarget): Exporter | undefined => {
    const hooks = createBuildHooks();
    subject.make().apply({ hooks });
    return hooks.resolveExporter.for(target.kind).call(target);
  };
  const withTrial = async (run: (trial: Trial) => Promise<void>): Promise<void> => {
    const root = await mkdtemp(join(tmpdir(), 'exporter-contract-'));
    const [folder, temporaryDir] = [join(root, 'target'), join(root, 'temporary')];
    try {
      await mkdir(folder);
      await mkdir(temporaryDir);
      const target = { ...(await subject.target(folder)), kind: subject.kind };
      const exporter = resolve(target);
      assert.ok(exporter !== undefined, `nothing answers to the kind ${subject.kind}`);
      await run({ exporter, target, folder, temporaryDir });
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  };
  const send = (
    trial: Trial,
    source: ExportSource,
    signal: AbortSignal,
    onProgress = (_: number): void => {},
  ): Promise<Exported> =>
    trial.exporter.export(source, {
      signal,
      onProgress,
      temporaryDir: trial.temporaryDir,
      env: subject.env ?? {},
      cwd: trial.folder,
    });
  /** Sends to a target that must be refused. */
  const sendTo = async (trial: Trial, target: ExportTarget): Promise<Exported> => {
    const exporter = resolve(target);
    assert.ok(exporter !== undefined, `nothing answers to the kind ${target.kind}`);
    return send({ ...trial, target, exporter }, sampleSource(), never());
  };
  const never = (): AbortSignal => new AbortController().signal;
  return [
    ...pluginContract(subject.make, subject.npmName),
    {
      name: 'leaves targets of other kinds to others',
      run: () => {
        assert.equal(resolve({ kind: 'a-kind-of-somebody-else', ref: 'x', attributes: {} }), undefined);
      },
    },
    {
      name: 'takes a file system to its target, tells how far it is, and says where it is',
      run: () =>
        withTrial(async (trial) => {
          const told: number[] = [];
          const exported = await send(trial, sampleSource(), never(), (bytes) => void told.push(bytes));
          assert.match(exported.location, /\S/);
          assert.ok((told.at(-1) ?? 0) > 0, 'no bytes were told of');
          assert.deepEqual(
            told,
            told.toSorted((a, b) => a - b),
            'the bytes went down',
          );
          assert.deepEqual(await readdir(trial.temporaryDir), [], 'temporary files were left');
          await subject.verify?.(trial.target, exported);
        }),
    },
    {
      name: 'can be given the same target again',
      run: () =>
        withTrial(async (trial) => {
          await send(trial, sampleSource(), never());
          const exported = await send(trial, sampleSource(), never());
          await subject.verify?.(trial.target, exported);
        }),
    },
    {
      name: 'keeps what was there before when the file system ends with a failure, and leaves nothing half-written',
      run: () =>
        withTrial(async (trial) => {
          const exported = await send(trial, sampleSource(), never());
          const before = await readdir(trial.folder, { recursive: true });
          await assert.rejects(send(trial, brokenSource(), never()), /reset by the test/);
          assert.deepEqual(await readdir(trial.folder, { recursive: true }), before);
          assert.deepEqual(await readdir(trial.temporaryDir), [], 'temporary files were left');
          await subject.verify?.(trial.target, exported);
        }),
    },
    {
      name: 'stops when it is told to',
      run: () =>
        withTrial(async (trial) => {
          const stop = new AbortController();
          // As a daemon's stream does, it ends by the signal that it was opened with.
          const endless: ExportSource = {
            ...sampleSource(),
            openTar: (signal) =>
              Promise.resolve(
                (async function* () {
                  yield* sampleTar();
                  stop.abort(new Error('stopped by the test'));
                  if (!signal.aborted) await once(signal, 'abort');
                  throw signal.reason;
                })(),
              ),
          };
          await assert.rejects(send(trial, endless, stop.signal));
          assert.deepEqual(await readdir(trial.folder, { recursive: true }), []);
          assert.deepEqual(await readdir(trial.temporaryDir), [], 'temporary files were left');
        }),
    },
    {
      name: 'refuses a target without a name, with a code',
      run: () =>
        withTrial(async (trial) => {
          await assert.rejects(sendTo(trial, { ...trial.target, ref: '' }), { name: 'BuildError' });
        }),
    },
    ...(subject.refused ?? []).map(({ when, ref, attributes = {}, code }): ContractCase => ({
      name: `refuses a target when ${when}, with ${code}, and writes nothing`,
      run: () =>
        withTrial(async (trial) => {
          await writeFile(join(trial.folder, 'file'), 'before');
          await assert.rejects(sendTo(trial, { kind: subject.kind, ref, attributes }), { code });
          assert.deepEqual(await readdir(trial.folder, { recursive: true }), ['file']);
          assert.deepEqual(await readdir(trial.temporaryDir), [], 'temporary files were left');
        }),
    })),
  ];
}

function sampleSource(openTar: () => AsyncIterable<Uint8Array> = sampleTar): ExportSource {
  return {
    platform: { os: 'linux', architecture: 'amd64' },
    config: { env: { SAMPLE: 'yes' }, workingDir: '/etc', user: '0:0' },
    openTar: () => Promise.resolve(openTar()),
  };
}

function brokenSource(): ExportSource {
  return sampleSource(async function* () {
    for await (const chunk of sampleTar()) {
      yield chunk.subarray(0, 700);
      throw new Error('reset by the test');
    }
  });
}

function sampleTar(): AsyncIterable<Uint8Array> {
  const content = Buffer.from('sample');
  const inputs: TarInput[] = [
    { header: tarHeader({ name: 'etc', type: 'directory', mode: 0o755 }) },
    { header: tarHeader({ name: 'etc/sample', size: content.length }), content },
  ];
  return writeTar(inputs);
}
