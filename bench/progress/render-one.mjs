// One row of render.ts: node bench/progress/render-one.mjs tty
// It is JavaScript and runs what is built, with the setting of the command line: the loader of TypeScript would be a
// fifth of the memory.
import { openSync, writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { createBuildHooks } from '@melange2/plugin-api';
import { emptyView, reduce } from '@melange2/progress';

setFlagsFromString('--semi-space-growth-factor=1');

const steps = 10_000;
const linesOfEach = 100;
function* events() {
  const now = Date.now();
  yield {
    type: 'buildStarted',
    atMs: now,
    build: 'b',
    file: 'big.yaml',
    package: 'big-1-r0',
    architectures: ['x86_64'],
  };
  for (let i = 0; i < steps; i++) {
    yield {
      type: 'stepPlanned',
      atMs: now,
      step: `sha256:${i}`,
      name: `step ${i} of the build`,
      kind: 'command',
      package: `package-${i % 50}`,
      architecture: 'x86_64',
      expectedMs: 1000,
    };
  }
  for (let i = 0; i < steps; i++) {
    const step = `sha256:${i}`;
    yield { type: 'stepStarted', atMs: Date.now(), step };
    for (let line = 0; line < linesOfEach; line++) {
      const text = `cc -O2 -c src/file-${line}.c -o build/file-${line}.o -DNAME="a line as compilers are called"`;
      yield { type: 'stepLog', atMs: Date.now(), step, stream: 'stdout', text };
    }
    yield { type: 'stepFinished', atMs: Date.now(), step, cached: false, durationMs: 10 };
  }
  yield { type: 'buildFinished', atMs: Date.now(), outcome: 'succeeded', durationMs: 1000 };
}

async function pluginOf(mode, output) {
  switch (mode) {
    case 'tty':
      return (await import('@melange2/progress-tty')).progressTty({ output, now: () => Date.now() });
    case 'plain':
      return (await import('@melange2/progress-plain')).progressPlain({ output });
    case 'quiet':
      return (await import('@melange2/progress-quiet')).progressQuiet({ output });
    case 'json':
      return (await import('@melange2/progress-json')).progressJson({ output });
    case 'github':
      return (await import('@melange2/progress-github')).progressGithub({ output });
    default:
      return undefined;
  }
}

async function measure(mode) {
  const sink = openSync('/dev/null', 'w');
  let writes = 0;
  let bytes = 0;
  const output = {
    write(text) {
      writes++;
      bytes += text.length;
      writeSync(sink, text);
    },
    colors: true,
    columns: 120,
    rows: 40,
  };
  const hooks = createBuildHooks();
  const plugin = await pluginOf(mode, output);
  plugin?.apply({ hooks });
  let view = emptyView;
  const before = process.cpuUsage();
  const started = performance.now();
  let count = 0;
  for (const event of events()) {
    if (mode === 'fold') view = reduce(view, event);
    else hooks.eventReceived.call(event);
    // As when events come from a socket: timers and writes get their turn.
    if (++count % 500 === 0)
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
  }
  await hooks.closed.promise();
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - started) / 1000;
  console.log(
    JSON.stringify({
      'CPU s': Number(((user + system) / 1e6).toFixed(2)),
      'µs a line': Number(((user + system) / (steps * linesOfEach)).toFixed(2)),
      'peak MiB': Math.round(process.resourceUsage().maxRSS / 1024),
      'writes/s': Math.round(writes / seconds),
      MB: Math.round(bytes / 1e6),
      view: view.counts.completed,
    }),
  );
}

await measure(process.argv[2]);
