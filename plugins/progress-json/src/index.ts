export { progressJson } from './progress-json.ts';
export type { ProgressJsonOptions } from './progress-json.ts';
export { eventSchema } from './event-schema.ts';
