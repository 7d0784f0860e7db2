import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';

/**
 * The time of everything in a package, in seconds since 1970: `--build-date`, else `SOURCE_DATE_EPOCH`, else 0.
 *
 * @throws {BuildError} BUILD_DATE_INVALID
 */
export function sourceDateEpoch(
  buildDate: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): number {
  if (buildDate !== undefined && buildDate !== '') {
    const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(buildDate)
      ? Date.parse(buildDate)
      : Number.NaN;
    if (Number.isNaN(ms) || ms < 0) {
      throw buildError(errors, 'BUILD_DATE_INVALID', { text: buildDate, from: '--build-date' });
    }
    return Math.floor(ms / 1000);
  }
  const text = (env['SOURCE_DATE_EPOCH'] ?? '').trim();
  if (text === '') return 0;
  if (!/^\d{1,11}$/.test(text))
    throw buildError(errors, 'BUILD_DATE_INVALID', { text, from: 'SOURCE_DATE_EPOCH' });
  return Number(text);
}
