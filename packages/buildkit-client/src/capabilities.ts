import type { apicaps, gateway } from '@melange2/proto';
import { readWorker, type Worker } from './control/worker.ts';

/** What a daemon can do, as it says itself. Never guessed from a version. */
export interface Capabilities {
  /** Capabilities of build graphs, such as `mergeop` or `source.ocilayout`. */
  readonly llb: ReadonlySet<string>;
  /** Capabilities of the gateway, such as `gateway.exec`. */
  readonly gateway: ReadonlySet<string>;
  readonly workers: readonly Worker[];
  /** True when the daemon has the capability, of either kind. */
  readonly has: (capability: string) => boolean;
}

/** Reads the answer to a gateway's Ping. */
export function readCapabilities(pong: gateway.PongResponse): Capabilities {
  const llb = enabled(pong.LLBCaps);
  const gatewayCaps = enabled(pong.FrontendAPICaps);
  return {
    llb,
    gateway: gatewayCaps,
    workers: pong.Workers.map(readWorker),
    has: (capability) => llb.has(capability) || gatewayCaps.has(capability),
  };
}

function enabled(caps: readonly apicaps.APICap[]): ReadonlySet<string> {
  return new Set(caps.filter((cap) => cap.Enabled).map((cap) => cap.ID));
}

/** Something that a daemon may lack. */
export interface Shortcoming {
  /** Its name in `Capabilities`. */
  readonly capability: string;
  /** What it is needed for. */
  readonly feature: string;
  /** The first BuildKit version that has it. */
  readonly since: string;
  /** What happens on daemons without it. */
  readonly instead: string;
  /** `same`: the result is the same. `less`: something is missing. `refused`: asking for it is an error. */
  readonly effect: 'same' | 'less' | 'refused';
}

/**
 * What daemons may lack and what is done instead: the only place that knows it. In the order of how much it matters
 * to a build of packages.
 */
export const capabilityTable: readonly Shortcoming[] = [
  {
    capability: 'solve.base',
    feature: 'build through the gateway',
    since: '0.3',
    instead:
      'The graph is handed to the daemon directly. What else it can do is not known, and a failed step cannot be opened.',
    effect: 'less',
  },
  {
    capability: 'mergeop',
    feature: 'put the environment together of one layer for each package',
    since: '0.10',
    instead:
      'One step unpacks all packages of the environment, so a change of one package unpacks all again.',
    effect: 'same',
  },
  {
    capability: 'source.ocilayout',
    feature: 'read packages of the environment as layers from the client',
    since: '0.11',
    instead: 'The packages are sent as files and unpacked in the graph.',
    effect: 'same',
  },
  {
    capability: 'diffop',
    feature: 'take the difference of two states',
    since: '0.10',
    instead: 'Graphs with a diff are refused by the daemon.',
    effect: 'refused',
  },
  {
    capability: 'file.copy.includeexcludepatterns',
    feature: 'copy only files that match patterns',
    since: '0.9',
    instead: 'The copy is refused by the daemon.',
    effect: 'refused',
  },
  {
    capability: 'gateway.evaluate',
    feature: 'run a graph without exporting it',
    since: '0.11',
    instead: 'The root of the result is looked at, which runs the graph too.',
    effect: 'same',
  },
  {
    capability: 'gateway.exec',
    feature: 'open a shell in a failed step',
    since: '0.8',
    instead: 'There is no shell in a failed step.',
    effect: 'less',
  },
  {
    capability: 'gateway.exec.signals',
    feature: 'send signals to a process in an opened container',
    since: '0.10',
    instead: 'The process is ended by closing its stream.',
    effect: 'less',
  },
  {
    capability: 'gateway.exec.filesystem',
    feature: 'list and read files of an opened container',
    since: '0.27',
    instead: 'Files of a failed step are read by running tar in it.',
    effect: 'same',
  },
  {
    capability: 'gateway.warnings',
    feature: 'attach warnings to a build',
    since: '0.10',
    instead: 'Warnings are shown by the client only and are not in the history of the daemon.',
    effect: 'less',
  },
  {
    capability: 'source.metaresolver',
    feature: 'look up what a source stands for',
    since: '0.13',
    instead: 'Images are looked up by the older call; other sources cannot be.',
    effect: 'less',
  },
  {
    capability: 'exporter.multiple',
    feature: 'several exports of one build',
    since: '0.13',
    instead: 'The build is solved once for each export; its steps come from the cache from the second on.',
    effect: 'same',
  },
  {
    capability: 'exec.secretenv',
    feature: 'secrets as environment variables',
    since: '0.10',
    instead: 'The step is refused by the daemon; a secret as a file works.',
    effect: 'refused',
  },
  {
    capability: 'exec.validexitcode',
    feature: 'other exit codes than 0 that count as success',
    since: '0.17',
    instead: 'The step is refused by the daemon.',
    effect: 'refused',
  },
  {
    capability: 'exec.mount.tmpfs.size',
    feature: 'limit the size of a tmpfs',
    since: '0.10',
    instead: 'The tmpfs may take half of the memory.',
    effect: 'less',
  },
  {
    capability: 'exec.meta.ulimit',
    feature: 'set limits of a step (ulimit)',
    since: '0.10',
    instead: 'The step runs with the limits of the daemon.',
    effect: 'less',
  },
  {
    capability: 'file.symlink.create',
    feature: 'make symbolic links without a step',
    since: '0.19',
    instead: 'Links come in a layer or a local source.',
    effect: 'same',
  },
  {
    capability: 'exporter.sourcedateepoch',
    feature: 'set all times of an exported image',
    since: '0.11',
    instead: 'Images carry the times of their making.',
    effect: 'less',
  },
  {
    capability: 'source.policy',
    feature: 'rules about sources',
    since: '0.11',
    instead: 'A build with a source policy is refused.',
    effect: 'refused',
  },
  {
    capability: 'source.policy.session',
    feature: 'have a function of the client decide about each source',
    since: '0.26',
    instead: 'The build is refused; rules are what older daemons know.',
    effect: 'refused',
  },
  {
    capability: 'exporter.session',
    feature: 'choose exporters when the result is known',
    since: '0.21',
    instead: 'The build is refused; exporters have to be named with it.',
    effect: 'refused',
  },
  {
    capability: 'source.local.differ',
    feature: 'choose how changed files of a local source are found',
    since: '0.9',
    instead: 'They are found by size, time and owner.',
    effect: 'same',
  },
];

/** Returns what this daemon lacks, each with what is done instead. Empty for a new daemon. */
export function shortcomings(capabilities: Capabilities): readonly Shortcoming[] {
  return capabilityTable.filter(({ capability }) => !capabilities.has(capability));
}
