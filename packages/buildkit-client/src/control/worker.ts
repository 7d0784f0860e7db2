import type { pb, worker } from '@melange2/proto';

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** One of a daemon's workers. */
export interface Worker {
  readonly id: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly platforms: readonly Platform[];
  /** Absent on daemons before 0.11 and on Docker engines. */
  readonly version?: string;
}

/** Reads a worker from the wire. */
export function readWorker(record: worker.WorkerRecord): Worker {
  const version = record.BuildkitVersion?.version ?? '';
  return {
    id: record.ID,
    labels: record.Labels,
    platforms: record.platforms.map(readPlatform),
    ...(version === '' ? {} : { version }),
  };
}

function readPlatform(platform: pb.Platform): Platform {
  return {
    os: platform.OS,
    architecture: platform.Architecture,
    ...(platform.Variant === '' ? {} : { variant: platform.Variant }),
  };
}
