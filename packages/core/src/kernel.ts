import type { Redactor } from '@melange2/diagnostics';
import type { BuildHooks } from '@melange2/plugin-api';
import type { Host } from './build-request.ts';

/** What every stage of a build may use. */
export interface Kernel {
  readonly hooks: BuildHooks;
  readonly host: Host;
  readonly redactor: Redactor;
}
