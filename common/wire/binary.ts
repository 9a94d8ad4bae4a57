import { isUtf8 } from 'node:buffer';
import type protobuf from 'protobufjs';

import type { FieldPlan, MessagePlan, ScalarType, ValuePlan } from './schema.js';
import { createShortTexts } from './short-texts.js';
import type { ByteWriter } from './writer.js';

/**
 * Protobuf to model and back, compiled once per message into plain JavaScript: these functions run for
 * every cell state and every row of a listing, where walking the plans would cost several times as much.
 * The sources hold names and numbers of our own .proto files only, nothing from outside.
 */
export interface BinaryCodec {
  write(value: unknown, writer: ByteWriter): void;
  /** Reads up to `end` into `target`, which `make` gave. Throws on anything malformed. */
  read(reader: protobuf.Reader, end: number, target: unknown, depth: number): unknown;
  /** A value with every field at its default. */
  make(): unknown;
}

/** Nesting that is still read: protobuf's usual limit. Deeper input is hostile. */
const MAX_DEPTH = 100;

const VARINT = 0;
const DELIMITED = 2;

const helpers = {
  text: (reader: protobuf.Reader): string => {
    const from = reader.pos;
    const short = shortText(reader, from);
    if (short !== undefined) return short;
    const text = reader.string();
    // U+FFFD stands in the text itself, or for bytes that are no UTF-8: only then look twice.
    if (text.includes('\uFFFD')) checkUtf8(reader, from);
    return text;
  },
  oneOf: (values: readonly string[], text: string): string => {
    if (!values.includes(text)) throw new Error(`${JSON.stringify(text)} is none of ${values.join(', ')}`);
    return text;
  },
  put: (target: Record<string, unknown>, key: string, value: unknown): void => {
    if (key !== '__proto__') target[key] = value;
    else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  },
  checkDepth: (depth: number): void => {
    if (depth > MAX_DEPTH) throw new Error('nested too deeply');
  },
  checkEnd: (reader: protobuf.Reader, end: number): void => {
    if (reader.pos !== end) throw new Error('a field runs over the end of its message');
  },
  checkUnion: (tag: string, wanted: boolean): void => {
    if ((tag !== '') !== wanted) throw new Error(wanted ? 'no known kind' : 'more than one kind');
  },
  end: (reader: protobuf.Reader, limit: number): number => subEnd(reader, limit),
};

const findShort = createShortTexts();

/** undefined, and nothing read, when it is not one of those that are worth looking for */
const shortText = (reader: protobuf.Reader, at: number): string | undefined => {
  const { buf, len } = reader;
  const [size, from] = [buf[at] as number, at + 1];
  // lengths from here on take more than one byte
  if (at >= len || size > 0x7f || from + size > len) return undefined;
  const text = findShort(buf as Buffer, from, size);
  if (text !== undefined) reader.pos = from + size;
  return text;
};

/** Looks again at the string that was read from `from` on. */
const checkUtf8 = (reader: protobuf.Reader, from: number): void => {
  const end = reader.pos;
  reader.pos = from;
  reader.uint32();
  if (!isUtf8(reader.buf.subarray(reader.pos, end))) throw new Error('a string is not UTF-8');
  reader.pos = end;
};

const subEnd = (reader: protobuf.Reader, limit: number): number => {
  const size = reader.uint32();
  const end = reader.pos + size;
  if (end > limit) throw new Error('a length runs over the end of the message');
  return end;
};

const tag = (id: number, wireType: number): number => ((id << 3) | wireType) >>> 0;

const wireType = (value: ValuePlan): number => {
  if (value.is === 'enum') return VARINT;
  if (value.is === 'message') return DELIMITED;
  return value.type === 'string' || value.type === 'bytes' ? DELIMITED : VARINT;
};

const isNumeric = (value: ValuePlan): boolean => wireType(value) === VARINT;

/** Sources refer to arrays and records of names by their place in this list. */
type Constants = unknown[];

const constant = (constants: Constants, value: unknown): string => `c[${constants.push(value) - 1}]`;

const numbersOf = (names: readonly string[]): Record<string, number> =>
  Object.assign(
    Object.create(null) as Record<string, number>,
    Object.fromEntries(Object.entries(names).map(([number, name]) => [name, Number(number)])),
  );

// ---- writing ----

/** Source that writes `expression` with its tag, whatever its value. */
const writeValue = (id: number, value: ValuePlan, expression: string, constants: Constants): string => {
  const start = `w.uint32(${tag(id, wireType(value))})`;
  if (value.is === 'message') {
    return `${start}.fork(); write_${value.message.name}(${expression}, w); w.ldelim();`;
  }
  if (value.is === 'enum') {
    return `${start}.int32(${constant(constants, numbersOf(value.names))}[${expression}] | 0);`;
  }
  // Bytes are JSON text here, so they are written and read as strings: the same on the wire.
  if (isNumeric(value)) return `${start}.${value.type}(${expression});`;
  return `${start}.string(${expression});`;
};

const writeMap = (field: FieldPlan, access: string, constants: Constants): string =>
  `for (const k of ${field.asMap ? `${access}.keys()` : `Object.keys(${access})`}) {
    w.uint32(${tag(field.id, DELIMITED)}).fork().uint32(${tag(1, DELIMITED)}).string(k);
    ${writeValue(2, field.value, field.asMap ? `${access}.get(k)` : `${access}[k]`, constants)}
    w.ldelim();
  }`;

const writePresent = (field: FieldPlan, access: string, constants: Constants): string => {
  if (field.shape === 'map') return writeMap(field, access, constants);
  // Numbers in lists go unpacked, one tag each, as Diego declares them.
  if (field.shape === 'list') {
    return `for (const v of ${access}) { ${writeValue(field.id, field.value, 'v', constants)} }`;
  }
  return writeValue(field.id, field.value, access, constants);
};

const isDefault = (field: FieldPlan, access: string): string => {
  const { value } = field;
  if (value.is === 'enum') return `${access} === ${JSON.stringify(value.names[0])}`;
  return `!${access}`;
};

const writeField = (plan: MessagePlan, field: FieldPlan, constants: Constants): string => {
  if (field.embed) return writeValue(field.id, field.value, 'm', constants);
  const access = plan.unwrap ? 'm' : `m.${field.key}`;
  const write = writePresent(field, access, constants);
  if (field.optional) return `if (${access} !== undefined) { ${write} }`;
  if (field.shape !== 'single' || field.value.is === 'message') return write;
  return `if (!(${isDefault(field, access)})) { ${write} }`;
};

const writeUnion = (plan: MessagePlan, constants: Constants): string => {
  if (!plan.union) return '';
  const cases = plan.union.members.map(
    (member) =>
      `case ${JSON.stringify(member.json)}: ${writeValue(member.id, member.value, 'm', constants)} break;`,
  );
  return `switch (m.${plan.union.tag}) { ${cases.join('\n')} }`;
};

// ---- reading ----

const DEFAULTS: Record<ScalarType, string> = {
  string: "''",
  bytes: "''",
  bool: 'false',
  int32: '0',
  uint32: '0',
  int64: '0',
  uint64: '0',
};

const defaultOf = (value: ValuePlan): string => {
  if (value.is === 'message') return `make_${value.message.name}()`;
  if (value.is === 'enum') return JSON.stringify(value.names[0]);
  return value.values ? JSON.stringify(value.values[0]) : DEFAULTS[value.type];
};

const readValue = (value: ValuePlan, limit: string, constants: Constants): string => {
  if (value.is === 'message') {
    const name = value.message.name;
    return `read_${name}(r, h.end(r, ${limit}), make_${name}(), d + 1)`;
  }
  if (value.is === 'enum') {
    return `(${constant(constants, value.names)}[r.int32()] ?? ${JSON.stringify(value.names[0])})`;
  }
  if (value.values) return `h.oneOf(${constant(constants, value.values)}, h.text(r))`;
  return value.type === 'string' || value.type === 'bytes' ? 'h.text(r)' : `r.${value.type}()`;
};

const skip = 'default: r.skipType(t & 7, d, t >>> 3);';

const checkKind = (value: ValuePlan, access: string): string =>
  value.is === 'message' && value.message.union
    ? `h.checkUnion(${access}.${value.message.union.tag}, true);`
    : '';

const readMap = (field: FieldPlan, access: string, constants: Constants): string =>
  `{ const e = h.end(r, end); let k = ''; let v = ${defaultOf(field.value)};
    while (r.pos < e) { const t = r.tag(); switch (t) {
      case ${tag(1, DELIMITED)}: k = h.text(r); break;
      case ${tag(2, wireType(field.value))}: v = ${readValue(field.value, 'e', constants)}; break;
      ${skip} } }
    h.checkEnd(r, e); ${checkKind(field.value, 'v')}
    ${field.asMap ? `${access}.set(k, v)` : `h.put(${field.optional ? `(${access} ??= {})` : access}, k, v)`}; break; }`;

const readList = (field: FieldPlan, access: string, constants: Constants): string => {
  const push = `${access}.push(${readValue(field.value, 'end', constants)});`;
  if (!isNumeric(field.value)) return `${push} break;`;
  return `${push} break;
    case ${tag(field.id, DELIMITED)}: {
      const e = h.end(r, end); while (r.pos < e) ${push} h.checkEnd(r, e); break; }`;
};

/** A sub-message that comes in several pieces is merged, as protobuf wants it. */
const readMessage = (field: FieldPlan, plan: MessagePlan, access: string): string => {
  const target = field.embed ? 'm' : field.optional ? `(${access} ??= make_${plan.name}())` : access;
  return `read_${plan.name}(r, h.end(r, end), ${target}, d + 1); break;`;
};

const readField = (plan: MessagePlan, field: FieldPlan, constants: Constants): string => {
  if (field.ignore) return '';
  const access = plan.unwrap ? 'm' : `m.${field.key}`;
  const { value, shape } = field;
  const label = `case ${tag(field.id, shape === 'map' ? DELIMITED : wireType(value))}: `;
  if (shape === 'map') return label + readMap(field, access, constants);
  if (shape === 'list') return label + readList(field, access, constants);
  if (value.is === 'message') return label + readMessage(field, value.message, access);
  return `${label}${access} = ${readValue(value, 'end', constants)}; break;`;
};

const readMembers = (plan: MessagePlan): string =>
  (plan.union?.members ?? [])
    .map((member) => {
      if (member.value.is !== 'message') throw new Error(`${plan.name}: a union of messages only`);
      const name = member.value.message.name;
      return `case ${tag(member.id, DELIMITED)}:
        h.checkUnion(m.${plan.union?.tag}, false);
        m.${plan.union?.tag} = ${JSON.stringify(member.json)};
        read_${name}(r, h.end(r, end), Object.assign(m, make_${name}()), d + 1);
        break;`;
    })
    .join('\n');

const makeFields = (plan: MessagePlan): string[] => {
  const fields = plan.fields
    .filter((field) => !field.optional && !field.ignore)
    .flatMap((field) => {
      if (field.embed && field.value.is === 'message') return makeFields(field.value.message);
      if (field.asMap) return [`${field.key}: new Map()`];
      if (field.shape !== 'single') return [`${field.key}: ${field.shape === 'map' ? '{}' : '[]'}`];
      return [`${field.key}: ${defaultOf(field.value)}`];
    });
  return plan.union ? [`${plan.union.tag}: ''`, ...fields] : fields;
};

const functionsOf = (plan: MessagePlan, constants: Constants): string => {
  const { name, union } = plan;
  const lines = (source: (field: FieldPlan) => string): string => plan.fields.map(source).join('\n');
  return `
function make_${name}() { return { ${plan.unwrap ? '' : makeFields(plan).join(', ')} }; }
function write_${name}(m, w) {
  ${lines((field) => writeField(plan, field, constants))}
  ${writeUnion(plan, constants)}
}
function read_${name}(r, end, m, d) {
  h.checkDepth(d);
  while (r.pos < end) { const t = r.tag(); switch (t) {
    ${lines((field) => readField(plan, field, constants))}
    ${readMembers(plan)}
    ${skip} } }
  h.checkEnd(r, end);
  ${union ? `h.checkUnion(m.${union.tag}, true);` : ''}
  return m;
}`;
};

/** Compiles the codecs of all messages, by message name. */
export const compileBinary = (schema: ReadonlyMap<string, MessagePlan>): ReadonlyMap<string, BinaryCodec> => {
  const constants: Constants = [];
  const plans = [...schema.values()];
  const sources = plans.map((plan) => functionsOf(plan, constants)).join('\n');
  const table = plans.map(
    ({ name }) =>
      `[${JSON.stringify(name)}, { make: make_${name}, write: write_${name}, read: read_${name} }]`,
  );
  const build = new Function('h', 'c', `'use strict'; ${sources}\nreturn new Map([${table.join(',')}]);`);
  return build(helpers, constants) as ReadonlyMap<string, BinaryCodec>;
};
