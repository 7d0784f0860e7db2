import type { Field, MessageType, ScalarType } from './message-type.ts';

/** What the codec needs of one field, worked out once. */
export interface FieldPlan extends Field {
  readonly message: MessageType<unknown> | undefined;
  /** Type of the value on the wire; enums are int32. */
  readonly scalar: ScalarType;
  readonly wireType: number;
  /** Tag as it is written: packed where the field is packed. */
  readonly tag: number;
  readonly isPacked: boolean;
  /** The map's key, when it is one. */
  readonly keyPlan: FieldPlan | undefined;
  /** The map's value, when it is one. */
  readonly valuePlan: FieldPlan | undefined;
}

export interface MessagePlan {
  readonly name: string;
  /** In the order they are declared. */
  readonly fields: readonly FieldPlan[];
  /**
   * Fields in the order Go writes them: plain ones by number, then the oneofs as they are declared. A oneof
   * is one entry with the plans of its members by name.
   */
  readonly written: readonly (FieldPlan | OneofPlan)[];
  readonly byNumber: ReadonlyMap<number, FieldPlan>;
  /** Names of oneofs. */
  readonly oneofs: readonly string[];
}

export interface OneofPlan {
  readonly group: string;
  readonly members: ReadonlyMap<string, FieldPlan>;
}

const plans = new WeakMap<MessageType<unknown>, MessagePlan>();

const wireTypes: Readonly<Record<ScalarType, number>> = {
  double: 1,
  float: 5,
  int32: 0,
  int64: 0,
  uint32: 0,
  uint64: 0,
  sint32: 0,
  sint64: 0,
  fixed32: 5,
  fixed64: 1,
  sfixed32: 5,
  sfixed64: 1,
  bool: 0,
  string: 2,
  bytes: 2,
};

/** The plan of a message type, made on first use. */
export function planOf(type: MessageType<unknown>): MessagePlan {
  const known = plans.get(type);
  if (known !== undefined) return known;
  const fields = type.fields().map(planField);
  const groups = new Map<string, Map<string, FieldPlan>>();
  for (const field of fields) {
    if (field.oneof === undefined) continue;
    const members = groups.get(field.oneof) ?? new Map<string, FieldPlan>();
    groups.set(field.oneof, members.set(field.name, field));
  }
  const plan: MessagePlan = {
    name: type.name,
    fields,
    written: [
      ...fields.filter((f) => f.oneof === undefined).toSorted((a, b) => a.no - b.no),
      ...[...groups].map(([group, members]) => ({ group, members })),
    ],
    byNumber: new Map(fields.map((f) => [f.no, f])),
    oneofs: [...groups.keys()],
  };
  plans.set(type, plan);
  return plan;
}

function planField(field: Field): FieldPlan {
  const message = typeof field.type === 'object' ? field.type : undefined;
  const scalar: ScalarType =
    message !== undefined ? 'bytes' : field.type === 'enum' ? 'int32' : (field.type as ScalarType);
  const isMap = field.key !== undefined;
  const wireType = isMap ? 2 : wireTypes[scalar];
  const isPacked = field.repeated === true && wireType !== 2 && field.packed !== false;
  const { key, values, ...rest } = field;
  return {
    ...field,
    message,
    scalar,
    wireType,
    tag: field.no * 8 + (isPacked ? 2 : wireType),
    isPacked,
    keyPlan: key === undefined ? undefined : planField({ no: 1, name: 'key', type: key }),
    valuePlan: isMap
      ? planField({ no: 2, name: 'value', type: rest.type, ...(values === undefined ? {} : { values }) })
      : undefined,
  };
}
