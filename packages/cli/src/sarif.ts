import type { Diagnostic } from '@melange2/diagnostics';

type Json = Readonly<Record<string, unknown>>;

/**
 * Problems as a SARIF log, for code scanning services.
 *
 * @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
export function sarifLog(problems: readonly Diagnostic[], version: string): Json {
  const codes = [...new Set(problems.map((p) => p.code))].toSorted();
  return {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: { driver: { name: 'melange2', version, rules: codes.map((id) => ({ id })) } },
        columnKind: 'utf16CodeUnits',
        results: problems.map(({ code, severity, message, span }) => ({
          ruleId: code,
          ruleIndex: codes.indexOf(code),
          level: { error: 'error', warning: 'warning', info: 'note' }[severity],
          message: { text: message },
          ...(span === undefined ? {} : { locations: [{ physicalLocation: place(span) }] }),
        })),
      },
    ],
  };
}

function place({ file, start, end }: NonNullable<Diagnostic['span']>): Json {
  return {
    artifactLocation: { uri: encodeURI(file) },
    region: { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column },
  };
}
