// Writes src/generated/*.ts from the .proto files: one module for each proto package, with an interface and a
// message type for every message, constants for every enum and a table for every service.
// Run by `pnpm generate`; the result is not committed.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

const root = import.meta.dirname;
const out = join(root, 'src/generated');

/** Proto package → module. The module's name is what the package is called in TypeScript. */
const modules = {
  'google.protobuf': 'protobuf',
  'google.rpc': 'rpc',
  'grpc.health.v1': 'health',
  'containerd.services.content.v1': 'content',
  'fsutil.types': 'fsutil',
  pb: 'pb',
  stack: 'stack',
  errdefs: 'errdefs',
  'moby.buildkit.v1': 'control',
  'moby.buildkit.v1.types': 'worker',
  'moby.buildkit.v1.apicaps': 'apicaps',
  'moby.buildkit.v1.frontend': 'gateway',
  'moby.buildkit.v1.sourcepolicy': 'sourcepolicy',
  'moby.buildkit.v1.sourcepolicy.policysession': 'policysession',
  'moby.buildkit.secrets.v1': 'secrets',
  'moby.exporter.v1': 'exporter',
  'moby.filesync.v1': 'filesync',
  'moby.sshforward.v1': 'ssh',
  'moby.upload.v1': 'upload',
};

const longs = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);
const texts = { string: 'string', bool: 'boolean', bytes: 'Uint8Array' };

function load() {
  const schema = new protobuf.Root();
  // Well-known types are ours too, so that nothing is taken from the library but its parser.
  schema.resolvePath = (_origin, target) => target;
  for (const file of readdirSync(root, { recursive: true }).toSorted((a, b) => (a < b ? -1 : 1))) {
    if (!file.endsWith('.proto') || file.startsWith('node_modules') || file.startsWith('dist')) continue;
    protobuf.parse(readFileSync(join(root, file), 'utf8'), schema, {
      keepCase: true,
      alternateCommentMode: true,
    });
  }
  schema.resolveAll();
  return schema;
}

function packageOf(object) {
  let space = object.parent;
  while (space instanceof protobuf.Type) space = space.parent;
  return space.fullName.slice(1);
}

/**
 * Straight-line code that writes a message, from its last field in Go's order to its first: plain fields by number,
 * then the oneofs as they are declared.
 */
function writerOf(type, { refer, packageName }) {
  const name = nameOf(type);
  const plain = type.fieldsArray.filter((f) => !f.partOf).toSorted((a, b) => a.id - b.id);
  const maps = [];
  const lines = [];
  for (const group of type.oneofsArray.toReversed()) {
    lines.push(
      `  if (m.${group.name} !== undefined) {`,
      `    switch (m.${group.name}.kind) {`,
      ...group.fieldsArray.flatMap((f) => [
        `      case '${f.name}':`,
        ...single(f, `m.${group.name}.value`).map((line) => `        ${line}`),
        '        break;',
      ]),
      `      default: throw new WireError('No such member.');`,
      '    }',
      '  }',
    );
  }
  function single(field, value, no = field.id) {
    if (field.resolvedType instanceof protobuf.Type) {
      const target = field.resolvedType;
      const call =
        packageOf(target) === packageName
          ? `write${nameOf(target)}(w, ${value})`
          : `${refer(target)}.write!(w, ${value} as never)`;
      return [`{ const end = w.length; ${call}; w.close(end, ${no * 8 + 2}); }`];
    }
    return [`w.${kindOf(field)}Value(${value}, ${no * 8 + wireOf(field)});`];
  }
  for (const field of plain.toReversed()) {
    const value = `m.${field.name}`;
    if (field.map) {
      const entry = `write${name}_${field.name}`;
      const key = { type: field.keyType, resolvedType: null };
      lines.push(`  w.map(${value}, ${field.id * 8 + 2}, ${entry});`);
      maps.push(
        `function ${entry}(w: FieldWriter, k: ${scalarOf(field.keyType)}, v: ${initOf(field, refer)}): void {`,
        ...single(field, 'v', 2).map((line) => `  ${line}`),
        ...single(key, 'k', 1).map((line) => `  ${line}`),
        '}',
      );
    } else if (field.repeated && wireOf(field) !== 2) {
      lines.push(
        `  if (${value} !== undefined && ${value}.length > 0) {`,
        '    const end = w.length;',
        `    for (let i = ${value}.length - 1; i >= 0; i--) w.${kindOf(field)}Raw(${value}[i]!);`,
        `    w.close(end, ${field.id * 8 + 2});`,
        '  }',
      );
    } else if (field.repeated && kindOf(field) === 'string') {
      lines.push(`  w.strings(${value}, ${field.id * 8 + 2});`);
    } else if (field.repeated) {
      lines.push(
        `  if (${value} !== undefined) {`,
        `    for (let i = ${value}.length - 1; i >= 0; i--) ${single(field, `${value}[i]!`).join(' ')}`,
        '  }',
      );
    } else if (field.resolvedType instanceof protobuf.Type) {
      lines.push(`  if (${value} !== undefined) ${single(field, value).join(' ')}`);
    } else lines.push(`  w.${kindOf(field)}(${value}, ${field.id * 8 + wireOf(field)});`);
  }
  return [
    `function write${name}(w: FieldWriter, m: Init<${name}>): void {`,
    '  w.unknown(m);',
    ...lines,
    '}',
    ...maps,
  ];
}

const kindOf = (field) => (field.resolvedType instanceof protobuf.Enum ? 'int32' : field.type);
const wireOf = (field) =>
  field.resolvedType instanceof protobuf.Type || ['string', 'bytes'].includes(field.type) ? 2 : 0;
const scalarOf = (type) => texts[type] ?? (longs.has(type) ? 'bigint' : 'number');

function initOf(field, refer) {
  if (field.resolvedType instanceof protobuf.Type) return `Init<${refer(field.resolvedType)}>`;
  return field.resolvedType || !longs.has(field.type) ? scalarOf(kindOf(field)) : 'bigint | number';
}

/** The TypeScript name: nested ones are joined, `Packet.PacketType` is `PacketType` unless that is taken. */
const nameOf = (object) => object.name;

function writeModule(packageName, space) {
  const imports = new Set();
  const uses = new Set();
  const refer = (type) => {
    const from = packageOf(type);
    if (from === packageName) return nameOf(type);
    const module = modules[from];
    imports.add(module);
    return `${module}.${nameOf(type)}`;
  };
  const scalar = (type) => texts[type] ?? (longs.has(type) ? 'bigint' : 'number');
  const typeOf = (field) =>
    field.resolvedType instanceof protobuf.Enum
      ? 'number'
      : field.resolvedType
        ? refer(field.resolvedType)
        : scalar(field.type);
  const memberType = (field) => {
    if (field.map) return `ReadonlyMap<${scalar(field.keyType)}, ${typeOf(field)}>`;
    if (field.repeated) return `readonly ${typeOf(field)}[]`;
    return field.resolvedType instanceof protobuf.Type ? `${typeOf(field)} | undefined` : typeOf(field);
  };
  const comment = (text, indent = '') => (text ? [`${indent}/** ${text.replaceAll('\n', ' ')} */`] : []);
  const fieldLiteral = (field) => {
    const parts = [`no: ${field.id}`, `name: '${field.name}'`];
    if (field.resolvedType instanceof protobuf.Enum) {
      parts.push(`type: 'enum'`, `values: ${refer(field.resolvedType)}`);
    } else parts.push(`type: ${field.resolvedType ? refer(field.resolvedType) : `'${field.type}'`}`);
    if (field.map) parts.push(`key: '${field.keyType}'`);
    if (field.repeated) parts.push('repeated: true');
    if (field.partOf) parts.push(`oneof: '${field.partOf.name}'`);
    return `  { ${parts.join(', ')} },`;
  };

  const types = [];
  const enums = [];
  const services = [];
  const collect = (from) => {
    for (const object of from.nestedArray) {
      if (object instanceof protobuf.Type) {
        types.push(object);
        collect(object);
      } else if (object instanceof protobuf.Enum) enums.push(object);
      else if (object instanceof protobuf.Service) services.push(object);
    }
  };
  collect(space);

  const body = [];
  for (const object of enums) {
    const values = Object.entries(object.values);
    body.push(
      ...comment(object.comment),
      `export const ${nameOf(object)}: {`,
      ...values.map(([k, v]) => `  readonly ${k}: ${v};`),
      '} = {',
      ...values.map(([k, v]) => `  ${k}: ${v},`),
      '};',
      '',
    );
  }
  for (const type of types) {
    uses.add('message').add('MessageType').add('Init').add('FieldWriter');
    if (type.oneofsArray.length > 0) uses.add('WireError');
    const name = nameOf(type);
    const lines = [];
    const done = new Set();
    for (const field of type.fieldsArray) {
      const group = field.partOf;
      if (!group)
        lines.push(...comment(field.comment, '  '), `  readonly ${field.name}: ${memberType(field)};`);
      else if (!done.has(group)) {
        done.add(group);
        lines.push(
          `  readonly ${group.name}:`,
          ...group.fieldsArray.map(
            (f) => `    | { readonly kind: '${f.name}'; readonly value: ${typeOf(f)} }`,
          ),
          '    | undefined;',
        );
      }
    }
    const writer = writerOf(type, { refer, packageName });
    body.push(
      ...comment(type.comment),
      `export interface ${name} {`,
      ...lines,
      '}',
      `export const ${name}: MessageType<${name}> = message<${name}>('${type.fullName.slice(1)}', () => [`,
      ...type.fieldsArray.map(fieldLiteral),
      `], write${name});`,
      ...writer,
      '',
    );
  }
  for (const service of services) {
    uses.add('method').add('Method').add('Service');
    const full = service.fullName.slice(1);
    const methods = service.methodsArray.map((m) => {
      const input = refer(m.resolvedRequestType);
      const output = refer(m.resolvedResponseType);
      return { m, input, output };
    });
    body.push(
      ...comment(service.comment),
      `export const ${nameOf(service)}: Service<{`,
      ...methods.map(({ m, input, output }) => `  readonly ${m.name}: Method<${input}, ${output}>;`),
      '}> = {',
      `  name: '${full}',`,
      '  methods: {',
      ...methods.map(
        ({ m, input, output }) =>
          `    ${m.name}: method('${full}', '${m.name}', ${input}, ${output}, ${Boolean(m.requestStream)}, ${Boolean(m.responseStream)}),`,
      ),
      '  },',
      '};',
      '',
    );
  }
  const head = ['// Made by proto/generate.mjs from the .proto files.'];
  const values = ['message', 'method', 'WireError'].filter((u) => uses.has(u));
  const typeNames = ['FieldWriter', 'Init', 'MessageType', 'Method', 'Service'].filter((u) => uses.has(u));
  const from = {
    message: 'message-type',
    Init: 'message-type',
    FieldWriter: 'field-writer',
    WireError: 'wire-error',
    MessageType: 'message-type',
    method: 'service',
    Method: 'service',
    Service: 'service',
  };
  for (const file of ['field-writer', 'message-type', 'service', 'wire-error']) {
    const v = values.filter((u) => from[u] === file);
    const t = typeNames.filter((u) => from[u] === file);
    if (v.length + t.length > 0) {
      const types = v.length === 0;
      const names = types ? t : [...v, ...t.map((u) => `type ${u}`)];
      head.push(`import ${types ? 'type ' : ''}{ ${names.join(', ')} } from '../${file}.ts';`);
    }
  }
  for (const module of [...imports].toSorted((a, b) => (a < b ? -1 : 1)))
    head.push(`import * as ${module} from './${module}.ts';`);
  writeFileSync(join(out, `${modules[packageName]}.ts`), `${head.join('\n')}\n\n${body.join('\n')}`);
}

const schema = load();
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const packageName of Object.keys(modules)) writeModule(packageName, schema.lookup(packageName));
