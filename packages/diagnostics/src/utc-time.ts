const two = (value: number): string => String(value).padStart(2, '0');

/**
 * A time as `toISOString` writes it, `2024-03-01T12:30:00.000Z`, from milliseconds since 1970.
 *
 * For `toISOString`, Node loads what it knows of time zones, which a time of UTC needs nothing of: that is up to 8 MB
 * for as long as the process lives.
 *
 * @throws {RangeError} when the time is none.
 */
export function utcTime(timeMs: number): string {
  const date = new Date(timeMs);
  const year = date.getUTCFullYear();
  // Also what is no time at all.
  if (!(year >= 0 && year <= 9999)) return date.toISOString();
  const day = `${String(year).padStart(4, '0')}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day}T${time}.${String(date.getUTCMilliseconds()).padStart(3, '0')}Z`;
}
