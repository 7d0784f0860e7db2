import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { melange2 } from '../harness/melange2.ts';
import { testFolder } from '../harness/test-folder.ts';

// The built command line has some libraries in files of their own, which are read when a build file needs them.

const file = `package: &all
  name: app
  version: "1.2"
  epoch: 0
  description: &words "an \\
    app"
var-transforms:
  - {from: "\${{package.version}}", match: "(\\\\d)\\\\.", replace: "\${1}_", to: under}
pipeline:
  - name: *words
    runs: echo \${{vars.under}}
`;

test('the built command line reads aliases and runs transforms, and tells of patterns that are none', async () => {
  const cwd = testFolder();
  writeFileSync(join(cwd, 'app.yaml'), file);
  const compiled = await melange2(['compile', '--arch', 'x86_64', 'app.yaml'], { cwd });
  expect(compiled, compiled.stderr).toMatchObject({ code: 0 });
  expect(JSON.parse(compiled.stdout)).toMatchObject({
    package: { description: 'an app' },
    pipeline: [{ name: 'an app', runs: 'echo 1_2\n' }],
  });
  writeFileSync(join(cwd, 'app.yaml'), file.replace('(\\\\d)', '(\\\\d'));
  const refused = await melange2(['check', 'app.yaml'], { cwd });
  expect(refused.code).toBe(2);
  expect(refused.stdout).toContain('app.yaml:8:43: error CONFIG_PATTERN_INVALID');
});

test('explain, query, package-version and bump work on one file', async () => {
  const cwd = testFolder();
  writeFileSync(join(cwd, 'app.yaml'), file);
  const run = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await melange2(args, { cwd });
    return code === 0 ? stdout : `${code} ${stderr}`;
  };
  expect(await run('explain', 'app.yaml:11', '--arch', 'x86_64')).toContain('${{vars.under}} = "1_2"');
  expect(await run('query', 'app.yaml', '{{ .Package.FullVersion }}')).toBe('1.2-r0');
  expect(await run('bump', 'app.yaml', '1.2')).toBe('');
  expect(await run('package-version', 'app.yaml')).toBe('app-1.2-r1');
  expect(readFileSync(join(cwd, 'app.yaml'), 'utf8')).toBe(file.replace('epoch: 0', 'epoch: 1'));
});
