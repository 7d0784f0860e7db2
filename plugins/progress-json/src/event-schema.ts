import { EVENT_VERSION } from '@melange2/progress';

type Schema = Readonly<Record<string, unknown>>;

const string: Schema = { type: 'string' };
const number: Schema = { type: 'number' };
const boolean: Schema = { type: 'boolean' };
const strings: Schema = { type: 'array', items: string };
const oneOf = (...values: string[]): Schema => ({ enum: values });

const position: Schema = {
  type: 'object',
  required: ['line', 'column', 'offset'],
  properties: { line: number, column: number, offset: number },
};
const span: Schema = {
  type: 'object',
  required: ['file', 'start', 'end'],
  properties: { file: string, start: position, end: position },
};
const stage: Schema = oneOf(
  'read',
  'compile',
  'connect',
  'resolve',
  'fetch',
  'assemble',
  'plan',
  'solve',
  'receive',
  'analyse',
  'check',
  'emit',
  'index',
);

const problem: Schema = {
  type: 'object',
  required: ['code', 'severity', 'message'],
  properties: {
    code: string,
    severity: oneOf('error', 'warning', 'info'),
    message: string,
    span,
    hint: string,
  },
};

/** Fields of each event; a name that ends in `?` is optional. */
const events: Readonly<Record<string, Readonly<Record<string, Schema>>>> = {
  buildStarted: { build: string, file: string, package: string, architectures: strings },
  stageStarted: { stage, 'architecture?': string },
  stageFinished: { stage, 'architecture?': string, durationMs: number, 'detail?': string },
  daemonFound: { address: string, how: string, 'version?': string },
  stepPlanned: {
    step: string,
    name: string,
    kind: oneOf('command', 'source', 'environment', 'export', 'internal'),
    'package?': string,
    'architecture?': string,
    'place?': span,
    'planned?': string,
    'logFile?': string,
    'expectedMs?': number,
  },
  stepStarted: { step: string },
  stepLog: { step: string, stream: oneOf('stdout', 'stderr'), text: string },
  stepProgress: {
    step: string,
    item: string,
    current: number,
    'total?': number,
    unit: oneOf('bytes', 'items'),
    finished: boolean,
  },
  stepFinished: { step: string, cached: boolean, durationMs: number, 'error?': string, 'exitCode?': number },
  transfer: {
    id: string,
    name: string,
    direction: oneOf('up', 'down'),
    currentBytes: number,
    'totalBytes?': number,
    finished: boolean,
  },
  problemFound: { problem },
  notice: { level: oneOf('info', 'warning'), text: string, 'architecture?': string },
  cacheMountUsed: {
    id: string,
    'name?': string,
    'architecture?': string,
    target: string,
    state: oneOf('hit', 'fresh', 'unknown'),
    'sizeBytes?': number,
  },
  packageWritten: {
    name: string,
    version: string,
    architecture: string,
    file: string,
    sizeBytes: number,
    installedSizeBytes: number,
    digest: string,
  },
  buildPaused: {},
  buildResumed: {},
  buildFinished: {
    outcome: oneOf('succeeded', 'failed', 'canceled'),
    durationMs: number,
    'logs?': string,
    'failure?': problem,
  },
};

/** JSON schema (draft 2020-12) of one line of output. */
export const eventSchema: Schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A melange2 build event',
  oneOf: Object.entries(events).map(([type, fields]) => ({
    type: 'object',
    title: type,
    required: ['v', 'type', 'atMs', ...Object.keys(fields).filter((f) => !f.endsWith('?'))],
    properties: {
      v: { const: EVENT_VERSION },
      type: { const: type },
      atMs: number,
      ...Object.fromEntries(
        Object.entries(fields).map(([name, schema]) => [name.replace(/\?$/, ''), schema]),
      ),
    },
  })),
};
