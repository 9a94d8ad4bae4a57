import protobuf from 'protobufjs';
import { blank, put } from './schema.js';
import type { FieldPlan, Fields, MessagePlan, ScalarType, ValuePlan } from './schema.js';

/** Nesting that is still read: protobuf's usual limit. Deeper input is hostile. */
const MAX_DEPTH = 100;

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;

const MASK = 0xffff_ffffn;

const wireType = (value: ValuePlan): number => {
  if (value.is === 'double') return FIXED64;
  return value.is === 'string' || value.is === 'bytes' || value.is === 'message' ? DELIMITED : VARINT;
};

// ---- writing ----

/** Both halves, as protobufjs takes them without a library for long integers. */
const halves = (value: bigint): protobuf.Long => {
  const bits = BigInt.asUintN(64, value);
  return { low: Number(bits & MASK), high: Number(bits >> 32n), unsigned: true } as protobuf.Long;
};

const WRITE: Record<ScalarType, (writer: protobuf.Writer, value: never) => void> = {
  string: (writer, value: string) => void writer.string(value),
  bytes: (writer, value: Uint8Array) => void writer.bytes(value),
  bool: (writer, value: boolean) => void writer.bool(value),
  double: (writer, value: number) => void writer.double(value),
  int32: (writer, value: number) => void writer.int32(value),
  uint32: (writer, value: number) => void writer.uint32(value),
  int64: (writer, value: bigint) => void writer.uint64(halves(value)),
  uint64: (writer, value: bigint) => void writer.uint64(halves(value)),
};

const writeValue = (writer: protobuf.Writer, plan: ValuePlan, value: unknown): void => {
  if (plan.is === 'message') {
    writer.fork();
    writeMessage(writer, plan.message, value as Fields);
    writer.ldelim();
  } else if (plan.is === 'enum') writer.int32(plan.numbers.get(value as string) ?? 0);
  else WRITE[plan.is](writer, value as never);
};

const writeTagged = (writer: protobuf.Writer, field: FieldPlan, value: unknown): void => {
  writer.uint32((field.id << 3) | wireType(field.value));
  writeValue(writer, field.value, value);
};

const writeEntries = (writer: protobuf.Writer, field: FieldPlan, entries: Fields): void => {
  for (const key of Object.keys(entries)) {
    writer.uint32((field.id << 3) | DELIMITED).fork();
    writer.uint32((1 << 3) | DELIMITED).string(key);
    writer.uint32((2 << 3) | wireType(field.value));
    writeValue(writer, field.value, entries[key]);
    writer.ldelim();
  }
};

const writeMessage = (writer: protobuf.Writer, plan: MessagePlan, message: Fields): void => {
  for (const field of plan.fields) {
    const value = message[field.key];
    if (value === undefined) continue;
    if (field.shape === 'list') for (const one of value as unknown[]) writeTagged(writer, field, one);
    else if (field.shape === 'map') writeEntries(writer, field, value as Fields);
    else writeTagged(writer, field, value);
  }
};

export const writeBinary = (plan: MessagePlan, message: Fields): Uint8Array => {
  const writer = protobuf.Writer.create();
  writeMessage(writer, plan, message);
  return writer.finish();
};

// ---- reading ----

const readVarint64 = (reader: protobuf.Reader): bigint => {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.pos < reader.len ? reader.buf[reader.pos] : undefined;
    if (byte === undefined) throw new Error('ends within a number');
    reader.pos += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new Error('a number of more than ten bytes');
};

const READ: Record<ScalarType, (reader: protobuf.Reader) => unknown> = {
  string: (reader) => reader.string(),
  // a copy: it would keep all that came with it otherwise
  bytes: (reader) => new Uint8Array(reader.bytes()),
  bool: (reader) => reader.bool(),
  double: (reader) => reader.double(),
  int32: (reader) => reader.int32(),
  uint32: (reader) => reader.uint32(),
  int64: (reader) => BigInt.asIntN(64, readVarint64(reader)),
  uint64: readVarint64,
};

const subEnd = (reader: protobuf.Reader, limit: number): number => {
  const size = reader.uint32();
  const end = reader.pos + size;
  if (end > limit) throw new Error('a length runs over the end of its message');
  return end;
};

interface Place {
  readonly reader: protobuf.Reader;
  /** of the message that is being read */
  readonly end: number;
  readonly depth: number;
}

/** undefined: an enum's value of a newer version, which counts as not sent. `into`: what came before is merged with it. */
const readValue = ({ reader, end, depth }: Place, plan: ValuePlan, into?: Fields): unknown => {
  if (plan.is === 'message') {
    const place = { reader, end: subEnd(reader, end), depth: depth + 1 };
    return readMessage(place, plan.message, into ?? blank(plan.message));
  }
  if (plan.is === 'enum') return plan.names.get(reader.int32());
  if (plan.is === 'string' || plan.is === 'bytes') {
    const from = reader.pos;
    subEnd(reader, end);
    reader.pos = from;
  }
  return READ[plan.is](reader);
};

const readEntry = (place: Place, field: FieldPlan, entries: Fields): void => {
  const { reader, depth } = place;
  const end = subEnd(reader, place.end);
  let key = '';
  let value: unknown;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === ((1 << 3) | DELIMITED)) key = reader.string();
    else if (tag === ((2 << 3) | wireType(field.value))) {
      value = readValue({ reader, end, depth }, field.value);
    } else reader.skipType(tag & 7, depth, tag >>> 3);
  }
  if (reader.pos !== end) throw new Error('a field runs over the end of its message');
  if (value === undefined && field.value.is === 'message') value = blank(field.value.message);
  if (value !== undefined) put(entries, key, value);
};

const readPacked = (place: Place, field: FieldPlan, list: unknown[]): void => {
  const { reader, depth } = place;
  const end = subEnd(reader, place.end);
  while (reader.pos < end) {
    const value = readValue({ reader, end, depth }, field.value);
    if (value !== undefined) list.push(value);
  }
  if (reader.pos !== end) throw new Error('a field runs over the end of its message');
};

const readSingle = (place: Place, field: FieldPlan, message: Fields): void => {
  const value = readValue(place, field.value, message[field.key] as Fields | undefined);
  if (value !== undefined) message[field.key] = value;
};

const readField = (place: Place, field: FieldPlan, message: Fields): void => {
  if (field.shape === 'single') return readSingle(place, field, message);
  if (field.shape === 'map') return readEntry(place, field, message[field.key] as Fields);
  const value = readValue(place, field.value);
  if (value !== undefined) (message[field.key] as unknown[]).push(value);
};

/** What is unknown, or known with another type, is passed over. */
const readTagged = (place: Place, plan: MessagePlan, message: Fields): void => {
  const { reader, depth } = place;
  const tag = reader.uint32();
  const [field, type] = [plan.byId.get(tag >>> 3), tag & 7];
  if (!field) return void reader.skipType(type, depth, tag >>> 3);
  const expected = field.shape === 'map' ? DELIMITED : wireType(field.value);
  if (type === expected) return readField(place, field, message);
  if (field.shape === 'list' && type === DELIMITED) {
    return readPacked(place, field, message[field.key] as unknown[]);
  }
  reader.skipType(type, depth, tag >>> 3);
};

const readMessage = (place: Place, plan: MessagePlan, message: Fields): Fields => {
  const { reader, end, depth } = place;
  if (depth > MAX_DEPTH) throw new Error('nested too deeply');
  while (reader.pos < end) readTagged(place, plan, message);
  if (reader.pos !== end) throw new Error('a field runs over the end of its message');
  return message;
};

/** Throws on anything malformed; required fields may still be absent. */
export const readBinary = (plan: MessagePlan, bytes: Uint8Array): Fields => {
  const reader = protobuf.Reader.create(
    Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  );
  return readMessage({ reader, end: reader.len, depth: 0 }, plan, blank(plan));
};
