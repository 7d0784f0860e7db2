import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { mutateText, randomNumbers } from '@melange2/testing';
import { expect, test } from 'vitest';
import { parseConfig, parsePipelineFile } from './index.ts';
import { readFullYaml } from './yaml-document.ts';
import type { YamlNode } from './yaml-node.ts';
import { readCommonYaml, Unsure } from './yaml-reader.ts';

/** How many mutated files are read: MELANGE2_FUZZ=200000 for a long run. */
const runs = Number(process.env['MELANGE2_FUZZ'] ?? 1500);

const seeds = [
  `package:
  name: hello
  version: 2.12 # comment
  epoch: 0
  description: "the \\"hello\\" program: \\u00e9"
  copyright:
    - license: GPL-3.0-or-later
  dependencies:
    runtime: [a, 'b c', "d"]
environment:
  contents: {packages: [busybox, build-base], repositories: []}
vars:
  a: \${{package.version}}
var-transforms:
  - from: \${{package.version}}
    match: ^(\\d+)\\.(\\d+)$
    replace: $1_$2
    to: mangled
data:
  - name: langs
    items:
      de: German
      fr: French
pipeline:
  - uses: fetch
    with:
      uri: https://example.org/hello-\${{package.version}}.tar.gz
      expected-sha256: cf04af86dc085268c5f4470fbae49b18afbc221b78096aab842d934a76bad0ab
  - if: \${{build.arch}} == 'x86_64' && ("a" != 'b')
    runs: |
      ./configure --prefix=/usr \\
        --name="\${{package.name}}"

      make -j$(nproc)
  - runs: >-
      folded text
      of two lines

        more indented
      end
subpackages:
  - range: langs
    name: hello-\${{range.key}}
    description: >
      \${{range.value}} texts
    pipeline:
    - runs: "mkdir -p x
        y"
    test:
      pipeline:
      - runs: |+
          hello

update:
  enabled: true
  github: {identifier: gnu/hello, use-tag: yes}
`,
  'package: {name: a, "version": 1, epoch: 2}\nx: &a [1, 2]\ny: *a\nz:\n  <<: {b: c}\n',
  'package:\n  name: a\n  version: "1"\r\n  epoch: 0\r\n---\nsecond: document\n',
];

function recipes(): string[] {
  const vectors = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');
  const file = join(vectors, 'compile/wolfi-shared.ndjson.gz');
  if (!existsSync(file)) return [];
  const lines = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { yaml: string }).yaml);
}

function* mutants(): Generator<string> {
  const random = randomNumbers(20_261);
  const texts = [...seeds, ...recipes()];
  for (let i = 0; i < runs; i++) {
    const text = (random(4) === 0 ? seeds[random(seeds.length)] : texts[random(texts.length)]) ?? '';
    yield mutateText(text, random);
  }
}

/** A tree without what only one of the readers has. */
function tree(node: YamlNode | undefined): unknown {
  if (node === undefined) return undefined;
  switch (node.kind) {
    case 'map':
      return { start: node.start, keys: node.keys.map(tree), values: node.values.map(tree), flow: node.flow };
    case 'list':
      return { start: node.start, items: node.items.map(tree), flow: node.flow };
    case 'scalar': {
      const { style, text } = node;
      return text === '' && style === 'plain' ? null : { style, text, start: node.start };
    }
    case 'alias':
      return { alias: node.name };
  }
}

/** Whether a quoted text or a flow collection goes over several lines. */
function hasLooseLines(node: YamlNode, text: string): boolean {
  const loose = text.slice(node.start, node.end).includes('\n');
  switch (node.kind) {
    case 'scalar':
      return loose && (node.style === 'single' || node.style === 'double');
    case 'map':
      return (loose && node.flow) || [...node.keys, ...node.values].some((n) => hasLooseLines(n, text));
    case 'list':
      return (loose && node.flow) || node.items.some((n) => hasLooseLines(n, text));
    case 'alias':
      return false;
  }
}

test(
  'the reader of common YAML reads what the complete one reads, or leaves it',
  { timeout: 3_600_000 },
  () => {
    for (const text of mutants()) {
      let common: YamlNode | undefined;
      try {
        common = readCommonYaml(text);
      } catch (cause) {
        if (cause instanceof Unsure) continue;
        throw cause;
      }
      const full = readFullYaml(text);
      if (full.problems.length > 0) {
        // libyaml, and so this reader, lets the lines of quoted texts and flow collections begin anywhere.
        if (common !== undefined && hasLooseLines(common, text)) continue;
        throw new Error(`only one reads: ${full.problems[0]?.message} in\n${JSON.stringify(text)}`);
      }
      expect(tree(common), text).toEqual(tree(full.root));
    }
  },
);

test(
  'no mutated file crashes the readers, and every problem has its place in the text',
  { timeout: 3_600_000 },
  () => {
    for (const text of mutants()) {
      for (const { diagnostics, value } of [parseConfig(text, 'a.yaml'), parsePipelineFile(text, 'a.yaml')]) {
        if (value === undefined && diagnostics.length === 0)
          throw new Error(`nothing said of\n${JSON.stringify(text)}`);
        for (const { span, code } of diagnostics) {
          const inside =
            span !== undefined && span.start.offset <= span.end.offset && span.end.offset <= text.length;
          if (!inside) throw new Error(`${code} has no place in\n${JSON.stringify(text)}`);
        }
      }
    }
  },
);
