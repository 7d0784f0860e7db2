import type { Conformance } from './solver.ts';

const [vectors = '', ...areas] = process.argv.slice(2);
let failures = 0;
for (const area of areas) {
  const { run } = (await import(`./${area}.ts`)) as { run: (vectors: string) => Promise<Conformance> };
  const { equal, listed, failed } = await run(vectors);
  failures += failed.length;
  for (const failure of failed) console.log(`${area}: ${failure}`);
  console.log(`${area}: ${equal} equal, ${listed} differ for a listed reason, ${failed.length} failed`);
}
process.exitCode = failures === 0 ? 0 : 1;
