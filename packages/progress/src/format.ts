import stringWidth from 'fast-string-width';

/** Formats a duration as people read it: `0.3s`, `12.4s`, `3m 05s`, `1h 02m`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${String(whole % 60).padStart(2, '0')}s`;
  return `${Math.floor(whole / 3600)}h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')}m`;
}

/** Formats a number of bytes with a decimal unit: `512 B`, `1.4 kB`, `265 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/**
 * Makes one line of foreign output safe to print: of a line rewritten with carriage returns the last text
 * stays, escape sequences and other control characters go, tabs become spaces.
 */
export function plainLine(text: string): string {
  // Checked first: most lines are clean, and this runs for each of a million.
  if (!/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(text)) return text;
  const parts = text.split('\r').filter((part) => part !== '');
  return (parts.at(-1) ?? '')
    .replaceAll(/\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?/g, '')
    .replaceAll(/\u001b[P^_X][^\u001b]*(?:\u001b\\)?/g, '')
    .replaceAll(/\u001b\[[0-9;:?<=>]*[ -/]*[@-~]/g, '')
    .replaceAll(/\u001b[ -/]*[0-~]/g, '')
    .replaceAll('\t', '    ')
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '');
}

/** Cuts `text` to at most `width` terminal columns, with `…` where something was cut. Expects no escape sequences. */
export function fitWidth(text: string, width: number): string {
  if (width <= 0) return '';
  if (text.length <= width && isAscii(text)) return text;
  if (stringWidth(text) <= width) return text;
  let out = '';
  let used = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const w = stringWidth(segment);
    if (used + w > width - 1) break;
    out += segment;
    used += w;
  }
  return `${out}…`;
}

/** The number of terminal columns `text` takes. */
export function displayWidth(text: string): number {
  return isAscii(text) ? text.length : stringWidth(text);
}

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
}
