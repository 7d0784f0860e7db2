import { diagnostic, lineMap, type Parsed } from '@melange2/diagnostics';
import { errors } from './errors.ts';

/**
 * The text of a build file: UTF-8, or UTF-16 with a byte order mark. Marks at the start are taken away.
 *
 * Bytes that are no text in that encoding are a problem, with the place of the first of them.
 */
export function decodeBuildFile(bytes: Uint8Array, file: string): Parsed<string> {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : 'utf-8';
  const text = new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes).replace(/^\ufeff+/, '');
  try {
    new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    const at = Math.max(0, text.indexOf('\ufffd'));
    const reason = `the bytes here are no ${encoding.toUpperCase()} text`;
    const span = lineMap(file, text).span(at, at + 1);
    return { diagnostics: [diagnostic(errors, 'CONFIG_YAML_INVALID', { reason }, { span })] };
  }
  return { value: text, diagnostics: [] };
}
