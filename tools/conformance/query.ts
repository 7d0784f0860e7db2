import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseConfig, queryConfig, type PackageConfig } from '@melange2/config';
import type { Conformance } from './solver.ts';

interface Row {
  readonly file: string;
  readonly template: string;
  readonly melange: { readonly out?: string; readonly error?: string; readonly partial?: string };
}

/** Runs every template of the vectors on its recipe: what is printed, or at which stage it fails behind which text. */
export async function run(vectors: string): Promise<Conformance> {
  const folder = join(vectors, 'compile');
  const rows = JSON.parse(readFileSync(join(folder, 'query.json'), 'utf8')) as readonly Row[];
  const recipes = new Map(
    gunzipSync(readFileSync(join(folder, 'wolfi-shared.ndjson.gz')))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly file: string; readonly yaml: string })
      .map(({ file, yaml }) => [file, yaml]),
  );
  const configs = new Map<string, PackageConfig | undefined>();
  const result = { equal: 0, listed: 0, failed: [] as string[] };
  for (const { file, template, melange } of rows) {
    let config = configs.get(file);
    if (config === undefined) {
      config = parseConfig(recipes.get(file) ?? '', file).value;
      configs.set(file, config);
    }
    if (config === undefined) throw new Error(`${file} is no build file`);
    const { output, problem } = queryConfig(config, template);
    const code =
      melange.error?.startsWith('invalid template') === true
        ? 'CONFIG_TEMPLATE_INVALID'
        : 'CONFIG_TEMPLATE_FAILED';
    const wanted =
      melange.error === undefined ? { output: melange.out } : { output: melange.partial ?? '', code };
    const got = { output, ...(problem === undefined ? {} : { code: problem.code }) };
    if (JSON.stringify(wanted) === JSON.stringify(got)) result.equal++;
    else {
      const reason = problem === undefined ? '' : ` (${problem.message})`;
      result.failed.push(
        `${file} ${template}\n  want ${JSON.stringify(wanted)} ${melange.error ?? ''}\n  got  ${JSON.stringify(got)}${reason}`,
      );
    }
  }
  return result;
}
