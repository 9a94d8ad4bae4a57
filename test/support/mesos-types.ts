import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import protobuf from 'protobufjs';
import { packageRoot } from '../../common/runtime/package-root.js';

/** Where the types of the messages are written from, and where to. */
export const PROTO_DIR = join(packageRoot(), 'mesos-bridge', 'protocol', 'proto');
export const TYPES_DIR = join(packageRoot(), 'mesos-bridge', 'protocol', 'messages');

const SCALARS: Record<string, string> = {
  string: 'string',
  bool: 'boolean',
  double: 'number',
  int32: 'number',
  uint32: 'number',
  int64: 'bigint',
  uint64: 'bigint',
  bytes: 'Uint8Array',
};

const COMMAND = 'UPDATE_DOCS=1 npm test -- protocol/messages';

const camelCase = (name: string): string =>
  name.replace(/[_-]([a-z0-9])/g, (_, c: string) => c.toUpperCase());

const doc = (comment: string | null): string => (comment ? `/** ${comment.replace(/\n/g, ' ')} */\n` : '');

const nameOf = (type: protobuf.ReflectionObject): string =>
  type.parent instanceof protobuf.Type ? type.parent.name + type.name : type.name;

/** The types that files define, by their TypeScript name: the file's name without its ending. */
type Homes = ReadonlyMap<string, string>;

const valueType = (field: protobuf.Field, used: Set<string>): string => {
  const scalar = SCALARS[field.type];
  if (scalar) return scalar;
  const type = field.resolve().resolvedType;
  if (!type) throw new Error(`no type ${field.type} for ${field.fullName}`);
  used.add(nameOf(type));
  return nameOf(type);
};

const fieldLine = (field: protobuf.Field, used: Set<string>): string => {
  const value = valueType(field, used);
  const key = camelCase(field.name);
  const comment = doc(field.comment);
  if (field.map) return `${comment}readonly ${key}: Readonly<Record<string, ${value}>>;`;
  if (field.repeated) return `${comment}readonly ${key}: readonly ${value}[];`;
  return `${comment}readonly ${key}${field.required ? '' : '?'}: ${value};`;
};

const enumLine = (type: protobuf.Enum): string =>
  `export type ${nameOf(type)} = ${Object.keys(type.values)
    .map((name) => `'${name}'`)
    .join(' | ')};`;

const typeLines = (type: protobuf.Type, used: Set<string>): string[] => [
  ...type.nestedArray.filter((nested) => nested instanceof protobuf.Enum).map(enumLine),
  `${doc(type.comment)}export interface ${type.name} {
    ${type.fieldsArray.map((field) => fieldLine(field, used)).join('\n')}
  }`,
];

const protoFiles = (): string[] =>
  readdirSync(PROTO_DIR)
    .map((file) => file.replace(/\.proto$/, ''))
    .sort();

const parse = (file: string, root: protobuf.Root): protobuf.Root => {
  const source = readFileSync(join(PROTO_DIR, `${file}.proto`), 'utf8');
  return protobuf.parse(source, root, { keepCase: true, alternateCommentMode: true }).root;
};

const namespaceOf = (root: protobuf.Root): protobuf.ReflectionObject[] =>
  (root.lookup('outcry.mesos') as protobuf.Namespace).nestedArray;

const homesOf = (files: readonly string[]): Homes =>
  new Map(
    files.flatMap((file) =>
      namespaceOf(parse(file, new protobuf.Root())).flatMap((type): [string, string][] => [
        [type.name, file],
        ...(type instanceof protobuf.Type ? type.nestedArray : []).map((inner): [string, string] => [
          type.name + inner.name,
          file,
        ]),
      ]),
    ),
  );

const importLines = (file: string, used: ReadonlySet<string>, homes: Homes): string[] => {
  const byHome = new Map<string, string[]>();
  for (const name of [...used].sort()) {
    const home = homes.get(name) ?? '';
    if (home !== file) byHome.set(home, [...(byHome.get(home) ?? []), name]);
  }
  return [...byHome]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([home, names]) => `import type { ${names.join(', ')} } from './${home}.js';`);
};

const render = (file: string, root: protobuf.Root, homes: Homes): string => {
  const used = new Set<string>();
  const types = namespaceOf(root).filter((type) => homes.get(type.name) === file);
  const body = types.flatMap((type) => {
    if (type instanceof protobuf.Type) return typeLines(type, used);
    return type instanceof protobuf.Enum ? [enumLine(type)] : [];
  });
  return [
    `// Written from proto/${file}.proto by ${COMMAND}`,
    ...importLines(file, used, homes),
    ...body,
  ].join('\n\n');
};

const renderTable = (files: readonly string[], homes: Homes, root: protobuf.Root): string => {
  const names = namespaceOf(root)
    .filter((type) => type instanceof protobuf.Type)
    .map((type) => type.name)
    .sort();
  return [
    `// Written from the .proto files by ${COMMAND}`,
    files.map((file) => `import type * as ${camelCase(file)} from './${file}.js';`).join('\n'),
    `/** Every message, by its name. */
     export interface MesosMessages {
       ${names.map((name) => `${name}: ${camelCase(homes.get(name) ?? '')}.${name};`).join('\n')}
     }`,
  ].join('\n\n');
};

/** The sources of the types by file name, as they must stand in `TYPES_DIR`. */
export const renderTypes = async (): Promise<Map<string, string>> => {
  const files = protoFiles();
  const homes = homesOf(files);
  const root = new protobuf.Root();
  for (const file of files) parse(file, root);
  root.resolveAll();
  const sources = new Map(files.map((file) => [`${file}.ts`, render(file, root, homes)]));
  sources.set('table.ts', renderTable(files, homes, root));
  const options = await resolveConfig(join(TYPES_DIR, 'values.ts'));
  for (const [file, source] of sources) {
    sources.set(file, await format(source, { ...options, parser: 'typescript' }));
  }
  return sources;
};
