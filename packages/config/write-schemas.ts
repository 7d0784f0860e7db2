// Writes the schemas that editors read: node --conditions=x-source packages/config/write-schemas.ts
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFileSchema, pipelineFileSchema } from './src/index.ts';

const write = (name: string, schema: unknown): void =>
  writeFileSync(join(import.meta.dirname, name), `${JSON.stringify(schema, null, 2)}\n`);

write('schema.json', buildFileSchema());
write('pipeline.schema.json', pipelineFileSchema());
