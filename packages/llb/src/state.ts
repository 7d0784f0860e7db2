import { ExecNode, type RunOptions } from './exec.ts';
import { fileNode, type FileAction } from './file.ts';
import type { Output } from './node.ts';
import type { OpOptions } from './op-options.ts';
import { passthrough } from './passthrough.ts';
import type { Platform } from './platform.ts';
import {
  applyImageConfig,
  applySettings,
  defaultSettings,
  type ImageConfig,
  type Settings,
  type StateSettings,
} from './settings.ts';

/**
 * A file system in a build graph, with the settings that steps on it take over.
 *
 * States never change: each method returns a new one. Nothing is built before the graph is marshalled and solved.
 */
export class State {
  /** Result of the op that makes it; undefined is the empty file system. */
  readonly output: Output | undefined;
  readonly settings: Settings;

  constructor(output: Output | undefined, settings: Settings) {
    this.output = output;
    this.settings = settings;
  }

  /** The same files with other settings for all that is built on them. */
  with(settings: StateSettings & { readonly platform?: Platform }): State {
    return new State(this.output, applySettings(this.settings, settings, settings.platform));
  }

  /** The same files with variables, directory and platform of an image's configuration. */
  withImageConfig(config: ImageConfig): State {
    return new State(this.output, applyImageConfig(this.settings, config));
  }

  /**
   * Runs a command on these files. Settings given here are for this step only.
   *
   * @throws {BuildError} LLB_EXEC_WITHOUT_ARGS, LLB_MOUNT_INVALID, LLB_IP_ADDRESS_INVALID
   */
  run(options: RunOptions): Exec {
    const node = new ExecNode(this, options);
    const { rootIndex } = node;
    return new ExecResult(node, rootIndex === undefined ? this : resultOf(node, rootIndex, this));
  }

  /**
   * Changes files by one op: its actions are done in order.
   *
   * @throws {BuildError} LLB_FILE_WITHOUT_ACTIONS
   */
  file(actions: FileAction | readonly FileAction[], options: OpOptions = {}): State {
    const list = 'kind' in actions ? [actions] : actions;
    return new State({ node: fileNode(this, list, options), index: 0 }, this.settings);
  }

  /** The same files, but only when the others have been built. `id` names the op. */
  requires(id: string, others: readonly State[], options: OpOptions = {}): State {
    if (this.output === undefined) return this;
    const inputs = [{ state: this, output: true }, ...others.map((state) => ({ state }))];
    return passthrough(id, inputs, options)[0]!;
  }
}

/** What a step leaves behind. */
export interface Exec {
  /** The root file system after the step; that before it where the root is read-only. */
  readonly root: State;
  /**
   * The file system of a mount after the step; its source where the mount is read-only.
   *
   * @throws {BuildError} LLB_MOUNT_WITHOUT_RESULT when there is no such mount or nothing of it is kept.
   */
  readonly mount: (dest: string) => State;
}

class ExecResult implements Exec {
  readonly root: State;
  readonly #node: ExecNode;

  constructor(node: ExecNode, root: State) {
    this.#node = node;
    this.root = root;
  }

  mount(dest: string): State {
    const { index, source = empty } = this.#node.mountResult(dest);
    return index === undefined ? source : resultOf(this.#node, index, source);
  }
}

/** A result of a step on `from`, which it takes its settings from. */
function resultOf(node: ExecNode, index: number, from: State): State {
  return stateOf({ node, index }, node.options.platform, from.settings);
}

const empty: State = new State(undefined, defaultSettings);

/** The empty file system. */
export function scratch(): State {
  return empty;
}

/** Makes a state of a result; an op's own platform is handed on. */
export function stateOf(
  output: Output,
  platform: Platform | undefined,
  settings: Settings = defaultSettings,
): State {
  return new State(output, platform === undefined ? settings : applySettings(settings, {}, platform));
}
