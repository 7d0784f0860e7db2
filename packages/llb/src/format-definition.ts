import type { pb } from '@melange2/proto/llb';
import { readGraph, type GraphInput, type GraphOp } from './graph.ts';
import { formatPlatform, platformFromMessage } from './platform.ts';

export interface FormatOptions {
  /** Begins each line with the first twelve digits of the op's digest; a change then shows in all lines below. */
  readonly digests?: boolean;
}

/**
 * Writes a definition for people, one line an op: `%3 exec %1 make  cwd=/src  /src=%2:ro  # build`.
 *
 * Equal definitions give equal texts. Ops are named by their place, so that a change of one shows in one line. What
 * has its default is left out; all else that the digest depends on is there, and behind `#` what it does not.
 *
 * @throws {BuildError} LLB_DEFINITION_INVALID
 */
export function formatDefinition(definition: pb.Definition, options: FormatOptions = {}): string {
  const { ops, result } = readGraph(definition);
  const lines = ops.map((op) => {
    const digest = options.digests ? `${op.digest.slice('sha256:'.length, 'sha256:'.length + 12)} ` : '';
    const note = noteOf(op);
    return `${digest}%${op.number} ${[...wordsOf(op), ...note].join('  ')}\n`;
  });
  return `${lines.join('')}result ${result === undefined ? 'scratch' : referenceOf(result)}\n`;
}

function referenceOf({ number, index }: GraphInput): string {
  return index === 0 ? `%${number}` : `%${number}[${index}]`;
}

/** Quotes what would not be read as one word. */
function word(text: string): string {
  return /^[^\s"'\\#;%,()[\]{}]+$/.test(text) ? text : JSON.stringify(text);
}

/** A path may have more than a word, but no space, so that what follows stays apart from it. */
const path = (text: string): string => (/^[^\s"\\#;]+$/.test(text) ? text : JSON.stringify(text));

function wordsOf(op: GraphOp): readonly string[] {
  const { message } = op;
  const input = (index: bigint | undefined): string => {
    const found = op.inputs[Number(index ?? 0n)];
    return found === undefined ? 'scratch' : referenceOf(found);
  };
  const words = [...kindWords(op, input)];
  if (message.platform !== undefined) words.push(`platform=${platformText(message.platform)}`);
  const filters = message.constraints?.filter ?? [];
  if (filters.length > 0) words.push(`worker=${filters.map(word).join(',')}`);
  if (message.constraints === undefined) words.push('constraints=none');
  return words;
}

function platformText(platform: pb.Platform): string {
  const more = [platform.OSVersion, ...platform.OSFeatures].filter((t) => t !== '');
  return [formatPlatform(platformFromMessage(platform)), ...more.map(word)].join(';');
}

type Input = (index: bigint | undefined) => string;

function kindWords({ message: { op }, inputs: all }: GraphOp, input: Input): readonly string[] {
  switch (op?.kind) {
    case 'source': {
      const attributes = [...op.value.attrs].map(([key, value]) => `${key}=${word(value)}`);
      return [`source ${path(op.value.identifier)}`, ...attributes];
    }
    case 'exec':
      return execWords(op.value, input);
    case 'file':
      return [`file ${op.value.actions.map((action, i) => actionText(action, i, input)).join('; ')}`];
    case 'merge':
      return [`merge ${op.value.inputs.map((i) => input(i.input)).join(' ')}`];
    case 'diff':
      return [`diff ${input(op.value.lower?.input)} -> ${input(op.value.upper?.input)}`];
    case 'passthrough': {
      const { id, outputs } = op.value;
      const inputs = all.map((i, n) => `${referenceOf(i)}${outputs.includes(BigInt(n)) ? '*' : ''}`);
      // Those with a star are handed on, the others are waited for.
      return [`passthrough ${word(id)} ${inputs.join(' ')}`];
    }
    case 'build': {
      const { inputs, attrs } = op.value;
      return [
        `build ${[...inputs].map(([key, { input: i }]) => `${word(key)}=${input(i)}`).join(' ')}`,
        ...[...attrs].map(([key, value]) => `${key}=${word(value)}`),
      ];
    }
    case undefined:
      return [];
  }
}

function execWords(exec: pb.ExecOp, input: Input): readonly string[] {
  const { meta } = exec;
  if (meta === undefined) return ['exec'];
  const root = exec.mounts.find((m) => m.dest === '/');
  const others = exec.mounts.filter((m) => m !== root);
  const flag = (name: string, value: string | readonly string[]): readonly string[] =>
    value.length === 0
      ? []
      : [`${name}=${typeof value === 'string' ? word(value) : value.map(word).join(',')}`];
  return [
    `exec ${root === undefined ? 'scratch' : mountSource(root, input)} ${meta.args.map(word).join(' ')}`,
    ...(meta.cwd === '/' ? [] : [`cwd=${word(meta.cwd)}`]),
    ...flag('env', meta.env),
    ...flag('user', meta.user),
    ...flag('hostname', meta.hostname),
    ...(exec.network === 0 ? [] : [`network=${['unset', 'host', 'none'][exec.network] ?? exec.network}`]),
    ...(exec.security === 0 ? [] : [`security=${exec.security === 1 ? 'insecure' : exec.security}`]),
    ...flag(
      'hosts',
      meta.extraHosts.map(({ Host, IP }) => `${Host}:${IP}`),
    ),
    ...flag(
      'ulimit',
      meta.ulimit.map(({ Name, Soft, Hard }) => `${Name}:${Soft}:${Hard}`),
    ),
    ...flag('cgroup', meta.cgroupParent),
    ...flag('exit', meta.validExitCodes.map(String)),
    ...(meta.proxy_env === undefined ? [] : [`proxy=${proxyText(meta.proxy_env)}`]),
    ...flag(
      'secretenv',
      exec.secretenv.map(({ ID, name, optional }) => `${name}:${ID}${optional ? ':optional' : ''}`),
    ),
    ...flag(
      'cdi',
      exec.cdiDevices.map(({ name, optional }) => `${name}${optional ? ':optional' : ''}`),
    ),
    ...others.map((mount) => `${path(mount.dest)}=${mountSource(mount, input)}`),
    ...(meta.removeMountStubsRecursive ? [] : ['stubs=kept']),
  ];
}

function proxyText(proxy: pb.ProxyEnv): string {
  return `{${Object.entries(proxy)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}:${word(value as string)}`)
    .join(',')}}`;
}

/** What is mounted, with how, as `%2/sub:ro`. */
function mountSource(mount: pb.Mount, input: Input): string {
  const from = `${input(mount.input)}${mount.selector === '' ? '' : `(${path(mount.selector)})`}`;
  const content = ['', ':content', ':no-content'][mount.contentCache] ?? `:${mount.contentCache}`;
  const readonly = mount.readonly ? ':ro' : '';
  const owner = (opt: pb.SecretOpt | pb.SSHOpt): string =>
    `${word(opt.ID)}:0${opt.mode.toString(8)}:${opt.uid}:${opt.gid}${opt.optional ? ':optional' : ''}`;
  switch (mount.mountType) {
    case 1:
      return mount.secretOpt === undefined ? 'secret' : `secret:${owner(mount.secretOpt)}`;
    case 2:
      return mount.SSHOpt === undefined ? 'ssh' : `ssh:${owner(mount.SSHOpt)}`;
    case 3: {
      const sharing = ['shared', 'private', 'locked'][mount.cacheOpt?.sharing ?? 0] ?? 'unknown';
      return `cache:${word(mount.cacheOpt?.ID ?? '')}:${sharing}:${from}${readonly}${content}`;
    }
    case 4:
      return `tmpfs${(mount.TmpfsOpt?.size ?? 0n) === 0n ? '' : `:${mount.TmpfsOpt!.size}`}`;
    default:
      return `${from}${readonly}${!mount.readonly && mount.output < 0n ? ':discard' : ''}${content}`;
  }
}

function actionText(
  { input: from, secondaryInput, action }: pb.FileAction,
  number: number,
  input: Input,
): string {
  // Results of actions follow those of ops; `^` is the action just before, `^2` the one with that number.
  const count = Number(inputCount(input));
  const reference = (index: bigint): string => {
    const own = Number(index) - count;
    return own < 0 ? input(index) : own === number - 1 ? '^' : `^${own + 1}`;
  };
  const on = reference(from);
  switch (action?.kind) {
    case 'mkdir': {
      const { path: dir, mode, makeParents } = action.value;
      return `${on} mkdir ${path(dir)} ${octal(mode)}${makeParents ? ' parents' : ''}${stamp(action.value, reference)}`;
    }
    case 'mkfile': {
      const { path: file, mode, data } = action.value;
      return `${on} mkfile ${path(file)} ${octal(mode)} ${dataText(data)}${stamp(action.value, reference)}`;
    }
    case 'rm': {
      const { path: target, allowNotFound, allowWildcard } = action.value;
      return `${on} rm ${path(target)}${allowWildcard ? ' wildcard' : ''}${allowNotFound ? ' if-there' : ''}`;
    }
    case 'symlink':
      return `${on} symlink ${path(action.value.newpath)} -> ${path(action.value.oldpath)}${stamp(action.value, reference)}`;
    case 'copy':
      return `${on} copy ${reference(secondaryInput)}:${path(action.value.src)} ${path(action.value.dest)}${copyText(action.value)}${stamp(action.value, reference)}`;
    case undefined:
      return on;
  }
}

/** How many inputs there are: the first that is not there. */
function inputCount(input: Input): bigint {
  let count = 0n;
  while (input(count) !== 'scratch') count++;
  return count;
}

function copyText(copy: pb.FileActionCopy): string {
  const list = (name: string, values: readonly string[]): string =>
    values.length === 0 ? '' : ` ${name}=${values.map(word).join(',')}`;
  const flag = (name: string, on: boolean): string => (on ? ` ${name}` : '');
  return [
    copy.modeStr === ''
      ? copy.mode === -1
        ? ''
        : ` mode=${octal(copy.mode)}`
      : ` mode=${word(copy.modeStr)}`,
    flag('follow', copy.followSymlink),
    flag('contents', copy.dirCopyContents),
    flag('unpack', copy.attemptUnpackDockerCompatibility),
    flag('parents', copy.createDestPath),
    flag('wildcard', copy.allowWildcard),
    flag('empty-wildcard', copy.allowEmptyWildcard),
    flag('replace', copy.alwaysReplaceExistingDestPaths),
    list('include', copy.include_patterns),
    list('exclude', copy.exclude_patterns),
    list('required', copy.required_paths),
  ].join('');
}

function octal(mode: number): string {
  return mode < 0 ? String(mode) : `0${mode.toString(8)}`;
}

interface Stamped {
  readonly owner: pb.ChownOpt | undefined;
  readonly timestamp: bigint;
}

function stamp({ owner, timestamp }: Stamped, reference: (index: bigint) => string): string {
  const id = ({ user }: pb.UserOpt): string => {
    if (user === undefined) return 'none';
    return user.kind === 'byID'
      ? String(user.value)
      : `${word(user.value.name)}@${reference(user.value.input)}`;
  };
  const text = (part: pb.UserOpt | undefined): string => (part === undefined ? '' : id(part));
  const chown = owner === undefined ? '' : ` owner=${text(owner.user)}:${text(owner.group)}`;
  return `${chown}${timestamp === -1n ? '' : ` time=${timestamp}`}`;
}

function dataText(data: Uint8Array): string {
  if (data.length === 0) return 'empty';
  try {
    return JSON.stringify(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data));
  } catch {
    return `0x${Array.from(data, (b) => b.toString(16).padStart(2, '0')).join('')}`;
  }
}

/** What the digest does not depend on: name, place, cache, group. */
function noteOf({ metadata, locations }: GraphOp): readonly string[] {
  const notes: string[] = [];
  for (const [key, value] of metadata?.description ?? []) {
    notes.push(key === 'llb.customname' ? JSON.stringify(value) : `${word(key)}=${word(value)}`);
  }
  if (metadata?.ignore_cache) notes.push('ignore-cache');
  if (metadata?.export_cache !== undefined) notes.push(`export-cache=${metadata.export_cache.Value}`);
  const group = metadata?.progress_group;
  if (group !== undefined) notes.push(`group=${word(group.id)}${group.weak ? ':weak' : ''}`);
  if (metadata?.linux_resources !== undefined) notes.push('resources');
  for (const { filename, ranges } of locations) {
    const line = ranges[0]?.start?.line;
    notes.push(`at ${path(filename)}${line === undefined ? '' : `:${line}`}`);
  }
  return notes.length === 0 ? [] : [`# ${notes.join(' ')}`];
}
