import type { FieldWriter } from './field-writer.ts';

/** The scalar types of proto3 by name. */
export type ScalarType =
  | 'double'
  | 'float'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes';

/** One field of a message, as its .proto file has it. */
export interface Field {
  readonly no: number;
  readonly name: string;
  /** For a map: the type of its values. */
  readonly type: ScalarType | 'enum' | MessageType<unknown>;
  /** Names and numbers of an enum. */
  readonly values?: Readonly<Record<string, number>>;
  /** Key type; only maps have one. */
  readonly key?: ScalarType;
  readonly repeated?: boolean;
  /** False where the file says `[packed = false]`. */
  readonly packed?: boolean;
  /** True for proto3 `optional`: a zero that is set is written. */
  readonly optional?: boolean;
  /** The oneof the field is a member of. */
  readonly oneof?: string;
}

/**
 * A message of the wire interface. It is both the name of a type and the value that `encode` and `decode` take.
 *
 * Its fields are listed on first use only, so that importing hundreds of types costs nothing.
 */
export interface MessageType<out T> {
  /** Full name, such as `pb.Op`. */
  readonly name: string;
  readonly fields: () => readonly Field[];
  /**
   * Writes a message that fits the type, unchecked otherwise; `encode` falls back to the fields to say what does not
   * fit. Only made for the types of the .proto files.
   */
  readonly write?: (writer: FieldWriter, value: never) => void;
  /** Carries the type of the message; never present at run time. */
  readonly shape?: T;
}

/** Makes a message type. Two calls make two types: make each one once, at the top of a module. */
export function message<T>(
  name: string,
  fields: () => readonly Field[],
  write?: (writer: FieldWriter, value: Init<T>) => void,
): MessageType<T> {
  return write === undefined ? { name, fields } : { name, fields, write };
}

/**
 * What `encode` takes for a message: every field may be left out, 64-bit integers may be numbers,
 * maps with text keys may be plain objects.
 */
export type Init<T> = T extends bigint
  ? bigint | number
  : T extends string | number | boolean | undefined | Uint8Array
    ? T
    : T extends ReadonlyMap<infer K, infer V>
      ? ReadonlyMap<K, Init<V>> | (K extends string ? Readonly<Record<string, Init<V>>> : never)
      : T extends readonly (infer E)[]
        ? readonly Init<E>[]
        : T extends { readonly kind: infer K extends string; readonly value: infer V }
          ? { readonly kind: K; readonly value: Init<V> }
          : { readonly [P in keyof T]?: Init<T[P]> | undefined };

/**
 * Under this key a decoded message keeps the bytes of fields it does not know; `encode` writes them again
 * behind the known ones. Absent when there are none.
 */
export const unknownFields: unique symbol = Symbol('unknown fields');
