import { BackwardWriter } from './backward-writer.ts';
import { compareText } from './compare-text.ts';
import { unknownFields } from './message-type.ts';
import { WireError } from './wire-error.ts';

type Long = bigint | number;

/**
 * Writes fields with their tags, last field first. The plain methods leave out what is absent or zero; the ones with
 * `Value` at the end write it all the same, as lists, maps and oneofs need it.
 */
export class FieldWriter extends BackwardWriter {
  /** Writes the unknown fields that a decoded message kept. */
  unknown(message: object): void {
    const bytes = (message as { readonly [unknownFields]?: Uint8Array })[unknownFields];
    if (bytes !== undefined) this.raw(bytes);
  }

  /** Ends a message or packed list whose last byte is at `end`: writes its length and tag before it. */
  close(end: number, tag: number): void {
    this.varint(this.length - end);
    this.varint(tag);
  }

  string(value: string | undefined, tag: number): void {
    if (value !== undefined && value !== '') this.stringValue(value, tag);
  }

  stringValue(value: string, tag: number): void {
    if (typeof value !== 'string') throw new WireError('A text is needed.');
    const end = this.length;
    this.text(value);
    this.varint(this.length - end);
    this.varint(tag);
  }

  strings(values: readonly string[] | undefined, tag: number): void {
    if (values === undefined) return;
    for (let i = values.length - 1; i >= 0; i--) this.stringValue(values[i]!, tag);
  }

  bytes(value: Uint8Array | undefined, tag: number): void {
    if (value !== undefined && value.length > 0) this.bytesValue(value, tag);
  }

  bytesValue(value: Uint8Array, tag: number): void {
    if (!(value instanceof Uint8Array)) throw new WireError('Bytes are needed.');
    this.raw(value);
    this.varint(value.length);
    this.varint(tag);
  }

  bool(value: boolean | undefined, tag: number): void {
    if (value) this.boolValue(value, tag);
  }

  boolValue(value: boolean, tag: number): void {
    this.varint(value ? 1 : 0);
    this.varint(tag);
  }

  int32(value: number | undefined, tag: number): void {
    if (value !== undefined && value !== 0) this.int32Value(value, tag);
  }

  int32Value(value: number, tag: number): void {
    this.int32Raw(value);
    this.varint(tag);
  }

  int32Raw(value: number): void {
    if ((value | 0) !== value) throw new WireError('An int32 is needed.');
    if (value >= 0) this.varint(value);
    else this.negative(value);
  }

  uint32(value: number | undefined, tag: number): void {
    if (value !== undefined && value !== 0) this.uint32Value(value, tag);
  }

  uint32Value(value: number, tag: number): void {
    this.uint32Raw(value);
    this.varint(tag);
  }

  uint32Raw(value: number): void {
    if (value >>> 0 !== value) throw new WireError('A uint32 is needed.');
    this.varint(value);
  }

  int64(value: Long | undefined, tag: number): void {
    if (value !== undefined && value !== 0 && value !== 0n) this.int64Value(value, tag);
  }

  int64Value(value: Long, tag: number): void {
    this.int64Raw(value);
    this.varint(tag);
  }

  int64Raw(value: Long): void {
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value)) throw new WireError('An int64 is needed.');
      if (value >= 0) this.varint(value);
      else this.negative(value);
    } else {
      if (BigInt.asIntN(64, value) !== value) throw new WireError('An int64 is needed.');
      this.varint64(value);
    }
  }

  uint64(value: Long | undefined, tag: number): void {
    if (value !== undefined && value !== 0 && value !== 0n) this.uint64Value(value, tag);
  }

  uint64Value(value: Long, tag: number): void {
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value) || value < 0) throw new WireError('A uint64 is needed.');
      this.varint(value);
    } else {
      if (BigInt.asUintN(64, value) !== value) throw new WireError('A uint64 is needed.');
      this.varint64(value);
    }
    this.varint(tag);
  }

  /** Writes the entries of a map in order of their keys; `entry` writes the value, then the key. */
  map<K, V>(
    content: ReadonlyMap<K, V> | Readonly<Record<string, V>> | undefined,
    tag: number,
    entry: (writer: FieldWriter, key: K, value: V) => void,
  ): void {
    if (content === undefined) return;
    const entries =
      content instanceof Map ? [...(content as Map<K, V>)] : Object.entries(content as Record<string, V>);
    if (entries.length > 1) entries.sort(compareEntries);
    for (let i = entries.length - 1; i >= 0; i--) {
      const [key, value] = entries[i]!;
      const end = this.length;
      entry(this, key as K, value);
      this.close(end, tag);
    }
  }
}

function compareEntries([a]: readonly [unknown, unknown], [b]: readonly [unknown, unknown]): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}
