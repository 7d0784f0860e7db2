import { buildFileType } from './build-file-definition.ts';
import type { AnyObjectType, JsonSchema, ValueType } from './decode.ts';
import { stepType } from './step-definition.ts';

/**
 * The JSON Schema (draft 2020-12) of build files, made from the definition that they are read with.
 *
 * It is for editors: it knows the keys, their kinds and meanings. Texts take numbers and truth values too, as
 * YAML writes versions; what only the reader checks (names, patterns, references) is not in it.
 */
export function buildFileSchema(): JsonSchema {
  return schemaOf(buildFileType, 'https://melange2.dev/schema/build-file.json', {
    properties: { package: { required: ['name', 'version'] } },
    required: ['package'],
  });
}

/** The JSON Schema (draft 2020-12) of pipeline files, which `uses:` names. */
export function pipelineFileSchema(): JsonSchema {
  return schemaOf(stepType, 'https://melange2.dev/schema/pipeline-file.json', {});
}

function schemaOf(root: AnyObjectType, id: string, more: JsonSchema): JsonSchema {
  const defs = new Map<string, JsonSchema>();
  const waiting: AnyObjectType[] = [root];
  for (let type = waiting.pop(); type !== undefined; type = waiting.pop()) {
    if (defs.has(type.name)) continue;
    const properties: Record<string, JsonSchema> = {};
    for (const { key, type: value, description } of type.fields.values()) {
      properties[key] = { description, ...nullable(value) };
      waiting.push(...(value.refers?.() ?? []));
    }
    defs.set(type.name, {
      type: 'object',
      description: type.description,
      properties,
      // Merge keys bring the keys of another mapping.
      patternProperties: { '^<<$': {} },
      additionalProperties: false,
    });
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: id,
    title: root.name,
    $ref: `#/$defs/${root.name}`,
    ...more,
    $defs: Object.fromEntries([...defs].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** A block may be left empty, which YAML reads as null. */
function nullable(type: ValueType<unknown>): JsonSchema {
  return '$ref' in type.schema ? { anyOf: [type.schema, { type: 'null' }] } : type.schema;
}
