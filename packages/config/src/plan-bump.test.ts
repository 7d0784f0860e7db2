import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { parseConfig, planBump } from './index.ts';

const sum = 'cf04af86dc085268c5f4470fbae49b18afbc221b78096aab842d934a76bad0ab';
const commit = '8190a1652f4534ad3feebd3b48066514f0f4375f';
const next = 'a'.repeat(40);

const text = `# kept
package:
  name: hello   # kept
  version: 2.9
  epoch: 3 # GHSA-1

var-transforms:
  - from: \${{package.version}}
    match: \\.
    replace: _
    to: under
pipeline:
  - uses: fetch
    with:
      uri: https://example.org/hello-\${{vars.under}}.tar.gz
      expected-sha256: ${sum}
  - working-directory: data
    pipeline:
      - uses: fetch
        with: {uri: "https://example.org/data.tar.gz", expected-sha256: '${sum}'}
      - uses: git-checkout
        with:
          repository: https://example.org/hello.git
          tag: v\${{vars.under}}
          expected-commit: ${commit}
      - uses: git-checkout
        with: {repository: "https://example.org/other.git", tag: v7, expected-commit: ${commit}}
`;

test('a new version changes version, epoch and the commits of its tags, and names what to download', () => {
  const { value, diagnostics } = planBump(text, 'a.yaml', { version: '2.10', expectedCommit: next });
  expect(diagnostics).toEqual([]);
  expect(value?.text).toBe(
    text
      .replace('version: 2.9', 'version: "2.10"')
      .replace('epoch: 3', 'epoch: 0')
      .replace(`expected-commit: ${commit}\n`, `expected-commit: ${next}\n`),
  );
  expect(value?.sources).toEqual([
    {
      uri: 'https://example.org/hello-2_10.tar.gz',
      checksums: [{ algorithm: 'sha256', path: ['pipeline', 0, 'with', 'expected-sha256'] }],
    },
  ]);
  expect(value?.oldCommits).toEqual([]);
});

test('the same version raises the epoch and touches nothing else', () => {
  const { value } = planBump(text, 'a.yaml', { version: '2.9' });
  expect(value?.text).toBe(text.replace('epoch: 3', 'epoch: 4'));
  expect(value?.sources).toEqual([]);
  expect([value?.from.epoch, value?.to.epoch]).toEqual([3n, 4n]);
});

test('a commit of the old version is told when no new one is given', () => {
  const { value } = planBump(text, 'a.yaml', { version: '3' });
  expect(value?.oldCommits.map(({ start }) => start.line)).toEqual([25]);
});

test('what holds a variable is left alone', () => {
  const file = text.replace(`expected-commit: ${commit}\n`, 'expected-commit: ${{vars.commit}}\n');
  const withVar = `${file}vars: {commit: ${commit}}\n`;
  const { value } = planBump(withVar, 'a.yaml', { version: '3', expectedCommit: next });
  expect(value?.text).toContain('expected-commit: ${{vars.commit}}');
  expect(value?.text).not.toContain(next);
});

test('an address that cannot be known is a problem at its place', () => {
  const file = text.replace('vars.under}}.tar.gz', 'vars.nope}}.tar.gz');
  const { value, diagnostics } = planBump(file, 'a.yaml', { version: '3' });
  expect(value).toBeUndefined();
  expect(diagnostics.map(({ code, span }) => [code, span?.start.line])).toEqual([
    ['CONFIG_VARIABLE_UNDEFINED', 15],
  ]);
});

const vectors = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');
const recipes = join(vectors, 'compile/wolfi-shared.ndjson.gz');
if (!existsSync(recipes)) process.stderr.write(`skipped: there is no ${recipes}\n`);

test.skipIf(!existsSync(recipes))(
  'a new version changes the lines of version and epoch in recipes, and no other',
  { timeout: 120_000 },
  () => {
    const lines = gunzipSync(readFileSync(recipes)).toString().trimEnd().split('\n');
    const wrong = lines.flatMap((line, i) => {
      if (i % 5 !== 0) return [];
      const { file, yaml } = JSON.parse(line) as { file: string; yaml: string };
      const version = `${parseConfig(yaml, file, { warnings: false }).value?.package.version}.1`;
      const { value, diagnostics } = planBump(yaml, file, { version });
      // A priority that is the version has to stay a whole number.
      if (diagnostics.length > 0)
        return diagnostics.some((d) => d.code === 'CONFIG_PRIORITY_INVALID') ? [] : [file];
      const after = value?.text.split('\n') ?? [];
      const changed = yaml.split('\n').filter((before, at) => before !== after[at]);
      return changed.every((text) => /^  (?:version|epoch):/.test(text))
        ? []
        : [`${file}: ${changed.join()}`];
    });
    expect(wrong).toEqual([]);
  },
);
