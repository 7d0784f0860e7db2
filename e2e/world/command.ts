// Makes the offline world and prints where it is, as JSON.
import { makeWorld } from './make-world.ts';

const world = await makeWorld({ onProgress: (text) => process.stderr.write(`world: ${text}\n`) });
process.stdout.write(`${JSON.stringify(world)}\n`);
