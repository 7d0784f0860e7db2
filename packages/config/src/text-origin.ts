import type { LineMap, Span } from '@melange2/diagnostics';

/**
 * How a text was made from another: `starts[i]` is where piece `i` begins in the new text, `from[i]` where
 * it begins in the old one. A piece with `copied[i]` was taken over character by character; any other was
 * put in place of the old text from `from[i]` to `from[i + 1]`.
 *
 * The last piece is empty and marks both ends.
 */
export interface TextMap {
  readonly starts: readonly number[];
  readonly from: readonly number[];
  readonly copied: readonly boolean[];
}

/** Collects the pieces of a {@link TextMap}, in ascending order of the new text. */
export class TextMapBuilder {
  readonly #starts: number[] = [];
  readonly #from: number[] = [];
  readonly #copied: boolean[] = [];

  /** From here on the old text is taken over, beginning at `from`. */
  copy(start: number, from: number): void {
    this.#add(start, from, true);
  }

  /** From here on stands something that replaces the old text beginning at `from`. */
  put(start: number, from: number): void {
    this.#add(start, from, false);
  }

  /** Ends the map; the lengths are those of the old and the new text. */
  finish(oldLength: number, newLength: number): TextMap {
    this.#add(newLength, oldLength, true);
    return { starts: this.#starts, from: this.#from, copied: this.#copied };
  }

  #add(start: number, from: number, copied: boolean): void {
    this.#starts.push(start);
    this.#from.push(from);
    this.#copied.push(copied);
  }
}

/** Which characters of a file a text came from, through decoding and substitutions. */
export interface TextOrigin {
  /** The text that the offsets count in. */
  readonly text: string;
  /** The piece of the file that `text.slice(start, end)` came from; offsets outside are moved to the nearest end. */
  span(start: number, end: number): Span;
  /** The origin of the text that was made from this one by a further substitution. */
  through(text: string, map: TextMap): TextOrigin;
}

/** Makes the origin of a text whose `map` leads to offsets of the file that `lines` belongs to. */
export function textOrigin(text: string, map: TextMap, lines: LineMap): TextOrigin {
  return new MappedText(text, [map], lines);
}

class MappedText implements TextOrigin {
  readonly text: string;
  readonly #maps: readonly TextMap[];
  readonly #lines: LineMap;

  constructor(text: string, maps: readonly TextMap[], lines: LineMap) {
    this.text = text;
    this.#maps = maps;
    this.#lines = lines;
  }

  span(start: number, end: number): Span {
    let from = Math.max(0, Math.min(start, this.text.length));
    let to = Math.max(from, Math.min(end, this.text.length));
    for (const map of this.#maps) {
      const next = sourceOffset(map, from, 'start');
      to = Math.max(next, to > from ? sourceOffset(map, to, 'end') : next);
      from = next;
    }
    return this.#lines.span(from, to);
  }

  through(text: string, map: TextMap): TextOrigin {
    return new MappedText(text, [map, ...this.#maps], this.#lines);
  }
}

/** Finds the old offset of a new one; inside a replaced piece, the start or the end of what it replaced. */
function sourceOffset(map: TextMap, offset: number, side: 'start' | 'end'): number {
  // An end belongs to the piece that holds the character before it.
  const wanted = side === 'end' ? offset - 1 : offset;
  let low = 0;
  let high = map.starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((map.starts[middle] ?? 0) <= wanted) low = middle;
    else high = middle - 1;
  }
  const from = map.from[low] ?? 0;
  if (map.copied[low] === true) return from + (offset - (map.starts[low] ?? 0));
  return side === 'end' ? (map.from[low + 1] ?? from) : from;
}
