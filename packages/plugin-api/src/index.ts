export { API_VERSION } from './plugin.ts';
export type { Plugin, PluginContext } from './plugin.ts';
export { createBuildHooks } from './build-hooks.ts';
export type { BuildHooks } from './build-hooks.ts';
export type {
  ArchitectureContext,
  BuilderInfo,
  BuildSummary,
  CacheBackend,
  CacheStore,
  ConfigContext,
  EnvironmentRequest,
  LowerContext,
  PackageReport,
  ProblemReport,
  SessionAttachments,
  SolveRequest,
} from './contexts.ts';
export { defineConfig } from './define-config.ts';
export type { BuilderConfig, PluginEntry } from './define-config.ts';
