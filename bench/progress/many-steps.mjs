// A plugin that makes many small steps out of one, for real-build.ts: `uses: bench/many` with `lanes`, `steps` and `lines`
// becomes that many chains of so many execs, each of which prints so many lines.
// It is JavaScript, as the command line loads it from what is built. A chain hands a folder on, not a root: layers on
// layers have an end after some hundred.
import { randomUUID } from 'node:crypto';
import { copy, mkdir, scratch } from '@melange2/llb';
import { API_VERSION } from '@melange2/plugin-api';

const name = 'bench-many-steps';
/** Makes the steps of this run others than those of the last one, which the daemon would have. */
const run = randomUUID();
const text =
  'name: many\nruns: ${{inputs.lanes}} ${{inputs.steps}} ${{inputs.lines}}\ninputs:\n  lanes: {required: true}\n  steps: {required: true}\n  lines: {required: true}\n';

export const plugin = () => ({
  name,
  apiVersion: API_VERSION,
  apply({ hooks }) {
    hooks.resolvePipeline.tapPromise(name, async (uses) =>
      uses === 'bench/many' ? { text, file: 'many.yaml', builtIn: false } : undefined,
    );
    hooks.lowerStep.for('bench/many').tap(name, (step, { before }) => {
      const [lanes, steps, lines] = step.script.trim().split(/\s+/).map(Number);
      const root = before.file([mkdir('/before', { mode: 0o755 }), mkdir('/after', { mode: 0o777 })]);
      const ends = Array.from({ length: lanes }, (_, lane) => {
        let handed = scratch().file(mkdir(`/${lane}`, { mode: 0o755 }));
        for (let i = 0; i < steps; i++) {
          handed = root
            .run({
              args: [
                '/bin/sh',
                '-c',
                `seq -f "cc -O2 -DNAME=a-line-as-compilers-are-called -c src/${step.package}/${lane}/${i}/file-%.0f.c" ${lines}`,
                run,
              ],
              mounts: [
                { kind: 'bind', dest: '/before', source: handed, readonly: true },
                { kind: 'bind', dest: '/after', source: scratch() },
              ],
              network: 'none',
              readonlyRoot: true,
              customName: `${step.package}: compile ${lane}/${i}`,
              description: { 'melange2.step': step.id },
            })
            .mount('/after');
        }
        return handed;
      });
      // Of the last of each chain nothing is taken, but it has to be there.
      const nothing = { allowWildcard: true, allowEmptyWildcard: true };
      return before.file(ends.map((end) => copy(end, '/*', '/tmp/', nothing)));
    });
  },
});
