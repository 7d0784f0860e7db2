// Compares with what other programs answer: `npm run conformance -- AREA...`, without an area all of them.
// Exit code 1 when something differs without being on a list with a reason.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { generators, root, run, say, workspaceEnv } from './lib.mjs';

const areas = readdirSync(join(root, 'tools/conformance'))
  .filter((file) => file.endsWith('.ts') && !file.startsWith('run-') && !file.includes('-differences'))
  .map((file) => file.slice(0, -'.ts'.length));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((area) => !areas.includes(area));
if (unknown.length > 0) {
  say(`There is no area ${unknown.join(', ')}. Areas: ${areas.join(', ')}.`);
  process.exit(2);
}
const vectors = process.env.MELANGE2_VECTORS ?? join(root, '../shared/vectors');
if (!existsSync(vectors)) {
  say(`Skipped: the recorded answers are not at ${vectors}. MELANGE2_VECTORS can name another folder.`);
  process.exit(0);
}
// From source, so that nothing has to be built but the code that is generated.
for (const [, script, made] of generators) {
  const code = existsSync(join(root, made)) ? 0 : await run('node', [script], { quiet: true });
  if (code !== 0) process.exit(code);
}
process.exitCode = await run(
  'node',
  [
    '--conditions=x-source',
    '--no-warnings',
    join(root, 'tools/conformance/run-areas.ts'),
    vectors,
    ...(wanted.length > 0 ? wanted : areas),
  ],
  { env: workspaceEnv() },
);
