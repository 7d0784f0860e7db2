import { join } from 'node:path';
import type { DaemonCandidate, DaemonEnvironment } from './daemon-candidate.ts';

/** The sockets that buildkitd has when nobody says otherwise: root's, a user's own, and those that nerdctl sets up. */
export function buildkitdCandidates({ variables }: DaemonEnvironment): readonly DaemonCandidate[] {
  const namespace = variables['CONTAINERD_NAMESPACE'] || 'default';
  const runtime = variables['XDG_RUNTIME_DIR'];
  const candidate = (path: string, origin: string): DaemonCandidate => ({
    endpoint: { kind: 'unix', path },
    origin,
  });
  return [
    candidate('/run/buildkit/buildkitd.sock', 'usual socket of buildkitd'),
    candidate(`/run/buildkit-${namespace}/buildkitd.sock`, 'socket of a buildkitd of nerdctl'),
    ...(runtime
      ? [
          candidate(join(runtime, 'buildkit/buildkitd.sock'), 'socket of a rootless buildkitd'),
          candidate(
            join(runtime, `buildkit-${namespace}/buildkitd.sock`),
            'socket of a rootless buildkitd of nerdctl',
          ),
        ]
      : []),
  ];
}
