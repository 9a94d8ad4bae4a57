import { parseJson, printDouble } from './json-text.js';
import { blank, put } from './schema.js';
import type { FieldPlan, Fields, MessagePlan, ScalarType, ValuePlan } from './schema.js';

/** The same limit as for protobuf; deeper JSON is hostile. */
const MAX_DEPTH = 100;

// ---- printing ----

const PRINT: Record<ScalarType, (value: never) => string> = {
  string: (value: string) => JSON.stringify(value),
  bytes: (value: Uint8Array) =>
    `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`,
  bool: String,
  double: printDouble,
  int32: String,
  uint32: String,
  int64: String,
  uint64: String,
};

const printValue = (plan: ValuePlan, value: unknown): string => {
  if (plan.is === 'message') return printJson(plan.message, value as Fields);
  return plan.is === 'enum' ? JSON.stringify(value) : PRINT[plan.is](value as never);
};

const printEntries = (plan: ValuePlan, entries: Fields): string =>
  `{${Object.keys(entries)
    .map((key) => `${JSON.stringify(key)}:${printValue(plan, entries[key])}`)
    .join(',')}}`;

/** undefined: not shown */
const printField = (field: FieldPlan, value: unknown): string | undefined => {
  if (value === undefined) return field.shownDefault;
  if (field.shape === 'single') return printValue(field.value, value);
  if (field.shape === 'map') {
    return Object.keys(value as Fields).length > 0 ? printEntries(field.value, value as Fields) : undefined;
  }
  const list = value as unknown[];
  return list.length > 0 ? `[${list.map((one) => printValue(field.value, one)).join(',')}]` : undefined;
};

/** As Mesos writes it: without empty lists, with the defaults that fields declare. */
export const printJson = (plan: MessagePlan, message: Fields): string => {
  const parts: string[] = [];
  for (const field of plan.fields) {
    const text = printField(field, message[field.key]);
    if (text !== undefined) parts.push(`"${field.name}":${text}`);
  }
  return `{${parts.join(',')}}`;
};

// ---- reading ----

/** What Mesos says of JSON that is no such message. */
export class JsonRefusal extends Error {}

const refuse = (text: string): never => {
  throw new JsonRefusal(text);
};

const kindOf = (json: unknown): string => {
  if (Array.isArray(json)) return 'array';
  return typeof json;
};

const unexpected = (field: FieldPlan, json: unknown): never =>
  refuse(`Not expecting a JSON ${kindOf(json)} for field '${field.name}'`);

const numberIn = (field: FieldPlan, text: string): unknown => {
  const parsed = parseJson(text);
  if (parsed.ok && (typeof parsed.value === 'number' || text === parsed.value)) return parsed.value;
  if (/^-?\d{1,20}$/.test(text)) return text;
  return refuse(`Failed to parse '${text}' as a JSON number for field '${field.name}'`);
};

const toBigint = (json: unknown): bigint => {
  if (typeof json === 'string') return BigInt(json);
  return Number.isFinite(json) ? BigInt(Math.trunc(json as number)) : 0n;
};

const readNumber = (field: FieldPlan, type: ScalarType, json: unknown): unknown => {
  if (type === 'double' && typeof json === 'string' && /^-?Infinity$/.test(json)) return Number(json);
  const value = typeof json === 'string' ? numberIn(field, json) : json;
  if (typeof value !== 'number' && typeof value !== 'string') return unexpected(field, json);
  if (type === 'double') return Number(value);
  const whole = toBigint(value);
  if (type === 'int64') return BigInt.asIntN(64, whole);
  if (type === 'uint64') return BigInt.asUintN(64, whole);
  return Number(type === 'int32' ? BigInt.asIntN(32, whole) : BigInt.asUintN(32, whole));
};

const readBool = (field: FieldPlan, json: unknown): boolean => {
  if (typeof json === 'boolean') return json;
  if (typeof json !== 'string') return unexpected(field, json);
  if (json !== 'true' && json !== 'false') {
    refuse(`Failed to parse '${json}' as a JSON boolean for field '${field.name}'`);
  }
  return json === 'true';
};

const readBytes = (field: FieldPlan, json: string): Uint8Array => {
  const [, wrong] = /([^A-Za-z0-9+/=\s])/.exec(json) ?? [];
  if (wrong !== undefined) {
    refuse(`Failed to base64 decode bytes field '${field.name}': Invalid character '${wrong}'`);
  }
  return new Uint8Array(Buffer.from(json, 'base64'));
};

const readScalar = (field: FieldPlan, type: ScalarType, json: unknown): unknown => {
  if (type === 'bool') return readBool(field, json);
  if (type !== 'string' && type !== 'bytes') return readNumber(field, type, json);
  if (typeof json !== 'string') return unexpected(field, json);
  return type === 'string' ? json : readBytes(field, json);
};

/** undefined: an enum's value of a newer version, which counts as not sent. */
const readEnum = (field: FieldPlan, names: ReadonlyMap<string, number>, json: unknown): unknown => {
  if (typeof json !== 'string') return unexpected(field, json);
  if (names.has(json)) return json;
  return field.required ? refuse(`Failed to find enum for '${json}'`) : undefined;
};

const isObject = (json: unknown): json is Fields =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

const readOne = (field: FieldPlan, json: unknown, depth: number): unknown => {
  const { value } = field;
  if (value.is === 'enum') return readEnum(field, value.numbers, json);
  if (value.is !== 'message') return readScalar(field, value.is, json);
  return isObject(json) ? readMessage(value.message, json, depth + 1) : unexpected(field, json);
};

/** A single value is a list of one, as Mesos takes it. */
const readList = (field: FieldPlan, json: unknown, depth: number): unknown[] =>
  (Array.isArray(json) ? json : [json])
    .filter((one) => one !== null)
    .map((one) => readOne(field, one, depth))
    .filter((one) => one !== undefined);

const readEntries = (field: FieldPlan, json: unknown, depth: number): Fields => {
  if (!isObject(json)) return unexpected(field, json);
  const entries: Fields = {};
  for (const key of Object.keys(json)) {
    if (json[key] !== null) put(entries, key, readOne(field, json[key], depth));
  }
  return entries;
};

const readField = (field: FieldPlan, json: unknown, depth: number): unknown => {
  if (field.shape === 'list') return readList(field, json, depth);
  return field.shape === 'map' ? readEntries(field, json, depth) : readOne(field, json, depth);
};

const readMessage = (plan: MessagePlan, json: Fields, depth: number): Fields => {
  if (depth > MAX_DEPTH) refuse('Nested too deeply');
  const message = blank(plan);
  for (const key of Object.keys(json)) {
    const field = plan.byName.get(key);
    if (!field || json[key] === null) continue;
    const value = readField(field, json[key], depth);
    if (value !== undefined) message[field.key] = value;
  }
  return message;
};

/** Throws a JsonRefusal in Mesos's words; unknown keys and nulls are passed over, required fields may still be absent. */
export const readJson = (plan: MessagePlan, json: unknown): Fields => {
  if (!isObject(json)) return refuse('Expecting a JSON object');
  return readMessage(plan, json, 0);
};
