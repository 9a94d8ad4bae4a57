import protobuf from 'protobufjs';
import { createShortTexts } from '../../common/wire/short-texts.js';
import { blank, put, wireType } from './schema.js';
import type { FieldPlan, Fields, MessagePlan, ScalarType, ValuePlan } from './schema.js';

/** Nesting that is still read: protobuf's usual limit. Deeper input is hostile. */
const MAX_DEPTH = 100;

const DELIMITED = 2;
const KEY_TAG = (1 << 3) | DELIMITED;

const MASK = 0xffff_ffffn;

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
  writer.uint32(field.tag);
  writeValue(writer, field.value, value);
};

const writeEntries = (writer: protobuf.Writer, field: FieldPlan, entries: Fields): void => {
  for (const key of Object.keys(entries)) {
    writer.uint32(field.tag).fork();
    writer.uint32(KEY_TAG).string(key);
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

/** Numbers that most are, which need no arithmetic of long integers. */
const readUint64 = (reader: protobuf.Reader): bigint => {
  const { buf, pos, len } = reader;
  const [first = 0x80, second = 0x80, third = 0x80] = [buf[pos], buf[pos + 1], buf[pos + 2]];
  if (pos + 3 > len || (first > 0x7f && second > 0x7f && third > 0x7f)) return readVarint64(reader);
  return BigInt(reader.uint32());
};

type NumberType = Exclude<ScalarType, 'string' | 'bytes'>;

const READ: Record<NumberType, (reader: protobuf.Reader) => unknown> = {
  bool: (reader) => reader.bool(),
  double: (reader) => reader.double(),
  int32: (reader) => reader.int32(),
  uint32: (reader) => reader.uint32(),
  int64: (reader) => BigInt.asIntN(64, readUint64(reader)),
  uint64: readUint64,
};

/** Names of resources, roles and agents come again and again. */
const findShort = createShortTexts();

/** One reading of one message. Throws on anything malformed. */
class Reading {
  private depth = 0;

  constructor(
    private readonly reader: protobuf.Reader,
    private readonly bytes: Buffer,
  ) {}

  /** Reads up to `end`; what is in `message` already is merged with it. */
  message(plan: MessagePlan, end: number, message: Fields): Fields {
    const { reader } = this;
    if (this.depth >= MAX_DEPTH) throw new Error('nested too deeply');
    this.depth += 1;
    while (reader.pos < end) this.tagged(plan, end, message);
    this.depth -= 1;
    this.checkEnd(end);
    return message;
  }

  private checkEnd(end: number): void {
    if (this.reader.pos !== end) throw new Error('a field runs over the end of its message');
  }

  /** Where what comes now ends, by the length before it. */
  private sized(limit: number): number {
    const size = this.reader.uint32();
    const end = this.reader.pos + size;
    if (end > limit) throw new Error('a length runs over the end of its message');
    return end;
  }

  /** What is unknown, or known with another type, is passed over. */
  private tagged(plan: MessagePlan, end: number, message: Fields): void {
    const tag = this.reader.uint32();
    const field = plan.byId[tag >>> 3];
    const type = tag & 7;
    if (field && type === field.wireType) return this.field(field, end, message);
    if (field?.shape === 'list' && type === DELIMITED) {
      return this.packed(field, this.sized(end), message[field.key] as unknown[]);
    }
    this.reader.skipType(type, this.depth, tag >>> 3);
  }

  private field(field: FieldPlan, end: number, message: Fields): void {
    if (field.shape === 'map') return this.entry(field, this.sized(end), message[field.key] as Fields);
    if (field.shape === 'list') return this.item(field, end, message[field.key] as unknown[]);
    const value = this.value(field.value, end, message[field.key] as Fields | undefined);
    if (value !== undefined) message[field.key] = value;
  }

  private item(field: FieldPlan, end: number, list: unknown[]): void {
    const value = this.value(field.value, end);
    if (value !== undefined) list.push(value);
  }

  private packed(field: FieldPlan, end: number, list: unknown[]): void {
    while (this.reader.pos < end) this.item(field, end, list);
    this.checkEnd(end);
  }

  private entry(field: FieldPlan, end: number, entries: Fields): void {
    const { reader } = this;
    let key = '';
    let value: unknown;
    while (reader.pos < end) {
      const tag = reader.uint32();
      if (tag === KEY_TAG) key = this.text(end);
      else if (tag === ((2 << 3) | wireType(field.value))) value = this.value(field.value, end);
      else reader.skipType(tag & 7, this.depth, tag >>> 3);
    }
    this.checkEnd(end);
    if (value === undefined && field.value.is === 'message') value = blank(field.value.message);
    if (value !== undefined) put(entries, key, value);
  }

  private text(limit: number): string {
    const end = this.sized(limit);
    const { pos } = this.reader;
    this.reader.pos = end;
    return findShort(this.bytes, pos, end - pos) ?? this.bytes.toString('utf8', pos, end);
  }

  /** A copy: it would keep all that came with it otherwise. */
  private blob(limit: number): Uint8Array {
    const end = this.sized(limit);
    const blob = new Uint8Array(this.bytes.subarray(this.reader.pos, end));
    this.reader.pos = end;
    return blob;
  }

  /** undefined: an enum's value of a newer version, which counts as not sent */
  private value(plan: ValuePlan, end: number, into?: Fields): unknown {
    switch (plan.is) {
      case 'message':
        return this.message(plan.message, this.sized(end), into ?? blank(plan.message));
      case 'string':
        return this.text(end);
      case 'bytes':
        return this.blob(end);
      case 'enum':
        return plan.names.get(this.reader.int32());
      default:
        return READ[plan.is](this.reader);
    }
  }
}

/** Throws on anything malformed; required fields may still be absent. */
export const readBinary = (plan: MessagePlan, bytes: Uint8Array): Fields => {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = protobuf.Reader.create(buffer);
  return new Reading(reader, buffer).message(plan, reader.len, blank(plan));
};
