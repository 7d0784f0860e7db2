const chunkSize = 64;

/**
 * An immutable list of values found by id, in the order they were first set.
 *
 * Setting copies one chunk and the list of chunks, so a view of 10,000 steps
 * can be folded event by event.
 */
export class StepTable<T> {
  readonly size: number;
  readonly #chunks: readonly (readonly T[])[];
  // Shared by all versions and only ever appended to; entries at `size` and above belong to younger versions.
  readonly #index: Map<string, number>;

  private constructor(chunks: readonly (readonly T[])[], index: Map<string, number>, size: number) {
    this.#chunks = chunks;
    this.#index = index;
    this.size = size;
  }

  static empty<T>(): StepTable<T> {
    return new StepTable<T>([], new Map(), 0);
  }

  get(id: string): T | undefined {
    const at = this.#index.get(id);
    if (at === undefined || at >= this.size) return undefined;
    return this.#chunks[Math.floor(at / chunkSize)]?.[at % chunkSize];
  }

  set(id: string, value: T): StepTable<T> {
    const known = this.#index.get(id);
    if (known !== undefined && known < this.size) return this.#with(known, value, this.#index, this.size);
    // Another branch of history may have taken the next place; then this version gets an index of its own.
    const index = this.#index.size === this.size ? this.#index : this.#ownIndex();
    index.set(id, this.size);
    return this.#with(this.size, value, index, this.size + 1);
  }

  *values(): IterableIterator<T> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  /** The values in pieces. A piece is the same array for as long as nothing in it has changed, see {@link byChunk}. */
  get chunks(): readonly (readonly T[])[] {
    return this.#chunks;
  }

  #with(at: number, value: T, index: Map<string, number>, size: number): StepTable<T> {
    const number = Math.floor(at / chunkSize);
    const chunk = (this.#chunks[number] ?? []).slice();
    chunk[at % chunkSize] = value;
    const chunks = this.#chunks.slice();
    chunks[number] = chunk;
    return new StepTable<T>(chunks, index, size);
  }

  #ownIndex(): Map<string, number> {
    return new Map([...this.#index].filter(([, at]) => at < this.size));
  }
}

/**
 * Makes a function that looks at each piece of a table and remembers what it found there: of 10,000 steps few change
 * between two pictures. `look` must be pure.
 */
export function byChunk<T, R>(look: (values: readonly T[]) => R): (table: StepTable<T>) => readonly R[] {
  const known = new WeakMap<readonly T[], { readonly found: R }>();
  return (table) =>
    table.chunks.map((chunk) => {
      let entry = known.get(chunk);
      if (entry === undefined) known.set(chunk, (entry = { found: look(chunk) }));
      return entry.found;
    });
}
