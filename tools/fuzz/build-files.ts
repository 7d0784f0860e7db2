import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';
import { parseConfig } from '@melange2/config';
import type { Diagnostic } from '@melange2/diagnostics';
import {
  builtinCatalogue,
  compile,
  folderCatalogue,
  layeredCatalogue,
  normaliseScript,
  pipelineLibrary,
  type PipelineLibrary,
} from '@melange2/pipeline';
import { mutateText, randomNumbers } from '@melange2/testing';

// Damages recipes and reads, compiles and shell-checks what is left of them; each input is the same in every run:
// node --conditions=x-source tools/fuzz/build-files.ts [COUNT] [FIRST] [THREADS]
// Exit code 1 when an input crashes, hangs, is refused without a word, or has a problem whose place is not in its file.

interface Part {
  readonly first: number;
  readonly end: number;
  readonly step: number;
  readonly slot: number;
  /** For each thread: the input it works on, and since when (milliseconds). */
  readonly progress: SharedArrayBuffer;
}

type Report =
  | { readonly kind: 'failed'; readonly index: number; readonly reason: string; readonly text: string }
  | { readonly kind: 'finished'; readonly slowestMs: number; readonly slowest: number };

/** What is beyond this is a hang: an input has some kilobytes. */
const limitMs = 20_000;

/** A build file for machines without recipes. */
const ownRecipe = readFileSync(join(import.meta.dirname, '../../examples/zip.yaml'), 'utf8');

if (isMainThread) await superviseThreads();
else workOn(workerData as Part);

async function superviseThreads(): Promise<void> {
  const [count = 200_000, first = 0, threads = 1] = process.argv.slice(2).map(Number);
  const progress = new SharedArrayBuffer(threads * 16);
  const state = new Float64Array(progress);
  let failures = 0;
  const parts = Array.from({ length: threads }, async (_, slot) => {
    const part: Part = { first: first + slot, end: first + count, step: threads, slot, progress };
    const worker = new Worker(new URL(import.meta.url), { workerData: part });
    const watch = setInterval(() => {
      if (Date.now() - (state[slot * 2 + 1] ?? 0) < limitMs || state[slot * 2 + 1] === 0) return;
      failures++;
      const index = state[slot * 2] ?? 0;
      console.log(`input ${index} hangs:\n${JSON.stringify(input(index, loadRecipes().texts))}`);
      void worker.terminate();
    }, 1000);
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (report: Report) => {
        if (report.kind === 'failed') {
          failures++;
          console.log(`input ${report.index}: ${report.reason}\n${JSON.stringify(report.text)}`);
        } else console.log(`thread ${slot}: slowest input ${report.slowest} took ${report.slowestMs} ms`);
      });
      worker.on('error', reject);
      worker.on('exit', () => resolve());
    });
    clearInterval(watch);
  });
  await Promise.all(parts);
  console.log(`${count} inputs, ${failures} failures`);
  process.exitCode = failures === 0 ? 0 : 1;
}

function workOn({ first, end, step, slot, progress }: Part): void {
  const state = new Float64Array(progress);
  const { texts, pipelines } = loadRecipes();
  let slowest = first;
  let slowestMs = 0;
  for (let index = first; index < end; index += step) {
    const text = input(index, texts);
    state[slot * 2] = index;
    const startMs = Date.now();
    state[slot * 2 + 1] = startMs;
    const reason = failureOf(text, pipelines);
    if (reason !== undefined) report({ kind: 'failed', index, reason, text });
    const tookMs = Date.now() - startMs;
    if (tookMs > slowestMs) [slowest, slowestMs] = [index, tookMs];
  }
  report({ kind: 'finished', slowest, slowestMs });
}

function report(message: Report): void {
  // A thread has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(message);
}

/** What is wrong with how this text is taken; `undefined` for nothing. */
function failureOf(text: string, { library, sources }: Pipelines): string | undefined {
  try {
    const { value, diagnostics } = parseConfig(text, 'mutant.yaml');
    if (value === undefined && diagnostics.length === 0) return 'refused without a word';
    const parsing = diagnostics.find((problem) => !hasPlace(problem, text, sources));
    if (parsing !== undefined) return `${parsing.code} has no place: ${parsing.message}`;
    if (value === undefined) return undefined;
    const compiled = compile(value, { architecture: 'x86_64', library, normaliseScript });
    if (compiled.value === undefined && compiled.diagnostics.length === 0)
      return 'not compiled, without a word';
    const compiling = compiled.diagnostics.find((problem) => !hasPlace(problem, text, sources));
    return compiling === undefined ? undefined : `${compiling.code} has no place: ${compiling.message}`;
  } catch (cause) {
    return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  }
}

function hasPlace({ span }: Diagnostic, text: string, sources: ReadonlyMap<string, string>): boolean {
  if (span === undefined) return false;
  const source = span.file === 'mutant.yaml' ? text : sources.get(span.file);
  return source !== undefined && span.start.offset <= span.end.offset && span.end.offset <= source.length;
}

function input(index: number, texts: readonly string[]): string {
  const random = randomNumbers(index + 1);
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 8; i++) random(2);
  return mutateText(texts[random(texts.length)] ?? '', random);
}

interface Pipelines {
  readonly library: PipelineLibrary;
  /** The text of each pipeline file, by the name that places have. */
  readonly sources: ReadonlyMap<string, string>;
}

function loadRecipes(): { readonly texts: readonly string[]; readonly pipelines: Pipelines } {
  const vectors = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../shared/vectors');
  const lines = (name: string): { file: string; yaml: string }[] => {
    const path = join(vectors, 'compile', name);
    if (!existsSync(path)) return [];
    const text = gunzipSync(readFileSync(path)).toString().trimEnd();
    return text.split('\n').map((line) => JSON.parse(line) as { file: string; yaml: string });
  };
  const own = lines('wolfi-pipelines.ndjson.gz').map(
    ({ file, yaml }) => [file.replace('./pipelines/', ''), yaml] as const,
  );
  const catalogue = layeredCatalogue([folderCatalogue('pipelines', new Map(own)), builtinCatalogue]);
  const sources = catalogue.names().flatMap((name) => {
    const found = catalogue.resolve(name);
    return found === undefined ? [] : [[found.file, found.text] as const];
  });
  return {
    texts: [ownRecipe, ...lines('wolfi-shared.ndjson.gz').map(({ yaml }) => yaml)],
    pipelines: { library: pipelineLibrary(catalogue), sources: new Map(sources) },
  };
}
