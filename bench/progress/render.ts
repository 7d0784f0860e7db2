// What renderers cost at 10,000 steps and 1,000,000 lines of their output, each in a process of its own, after
// npm run setup: node bench/progress/render.ts
// The events come as fast as they are taken, so that a redraw is due all the time. The peers: a process that drops the
// events ("none"), and the fold alone, which every renderer needs.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const modes = ['none', 'fold', 'tty', 'plain', 'quiet', 'json', 'github'];
const one = join(import.meta.dirname, 'render-one.mjs');
const rows = modes.map((mode) => {
  const row = execFileSync(process.execPath, [one, mode], { encoding: 'utf8' });
  return [mode, JSON.parse(row) as object] as const;
});
console.table(Object.fromEntries(rows));
