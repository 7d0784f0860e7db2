import type { Span } from '@melange2/diagnostics';
import type { TextOrigin } from './text-origin.ts';

/**
 * Where a mapping of a file and what is in it stand.
 *
 * A path goes down from the mapping, with keys as the file spells them and list indexes of the value:
 * `at.value('with', 'uri')`, `at.value('packages', 0)`, `at.key('working-directory')`. Without a path:
 * the mapping itself. `undefined` for what the file does not have, such as defaults.
 *
 * Spans are made when they are asked for, so that reading a file does not pay for them.
 */
export interface Places {
  /** The place of a value, quotes and block header included. */
  value(...path: readonly (string | number)[]): Span | undefined;
  /** The place of a key; the last element of the path is the key. */
  key(...path: readonly (string | number)[]): Span | undefined;
  /**
   * The origin of a text value after substitution: which characters of the file each of its characters
   * came from.
   */
  origin(...path: readonly (string | number)[]): TextOrigin | undefined;
}

/** The places of a mapping that stands in no file: a default, or one that a program made. */
export const noPlaces: Places = { value: () => undefined, key: () => undefined, origin: () => undefined };
