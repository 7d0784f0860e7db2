export { startPrivateDaemon, readPrivateDaemon } from './private-daemon.ts';
export type { PrivateDaemon, PrivateDaemonOptions } from './private-daemon.ts';
export type { DaemonProgram } from './daemon-command.ts';
export type { DaemonAttempt } from './daemon-attempt.ts';
export { hasDefaultNetwork, pingDockerEngine } from './docker-engine.ts';
export type { DockerEngine } from './docker-engine.ts';
export { errors } from './errors.ts';
