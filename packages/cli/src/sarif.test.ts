import { expect, test } from 'vitest';
import { sarifLog } from './sarif.ts';

const at = (line: number): { line: number; column: number; offset: number } => ({
  line,
  column: 2,
  offset: 0,
});

test('problems become results with their rule and region', () => {
  const span = { file: 'a b.yaml', start: at(3), end: at(4) };
  const log = sarifLog(
    [
      { code: 'B_TWO', severity: 'warning', message: 'two' },
      { code: 'A_ONE', severity: 'error', message: 'one', span },
    ],
    '1.0',
  );
  expect(log['runs']).toEqual([
    {
      tool: { driver: { name: 'melange2', version: '1.0', rules: [{ id: 'A_ONE' }, { id: 'B_TWO' }] } },
      columnKind: 'utf16CodeUnits',
      results: [
        { ruleId: 'B_TWO', ruleIndex: 1, level: 'warning', message: { text: 'two' } },
        {
          ruleId: 'A_ONE',
          ruleIndex: 0,
          level: 'error',
          message: { text: 'one' },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: 'a%20b.yaml' },
                region: { startLine: 3, startColumn: 2, endLine: 4, endColumn: 2 },
              },
            },
          ],
        },
      ],
    },
  ]);
});
