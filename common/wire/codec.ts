import protobuf from 'protobufjs';

import { err, ok } from '../model/result.js';
import type { Result } from '../model/result.js';
import { compileBinary } from './binary.js';
import { compileJson } from './json.js';
import { jsonSchemas } from './json-schema.js';
import type { JsonSchema } from './json-schema.js';
import type { FieldError } from './json.js';
import type { WireMessages, WireName } from './messages.js';
import { loadSchema } from './schema.js';
import { ByteWriter } from './writer.js';

export type { FieldError } from './json.js';

/** Bytes that are no message of that name. */
export interface DecodeError {
  readonly name: WireName;
  readonly message: string;
}

const schema = loadSchema();
const binary = compileBinary(schema);

const need = <T>(table: ReadonlyMap<string, T>, name: string): T => {
  const codec = table.get(name);
  if (codec === undefined) throw new Error(`no message ${name} in the .proto files`);
  return codec;
};

/** All messages are written by one: none is begun within another. */
const writer = new ByteWriter();

const json = compileJson(schema, (name) => need(binary, name).make());

/** The protobuf form. Fields at their default are left out, as proto3 does. It is put into `room` where it fits there. */
export const encode = <N extends WireName>(name: N, value: WireMessages[N], room?: Buffer): Uint8Array => {
  writer.reset();
  need(binary, name).write(value, writer);
  return writer.finish(room);
};

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * Reads the protobuf form: never throws, passes over unknown fields, fills what is absent with its default.
 * Absent sub-messages and absent scalars with presence stay absent.
 */
export const decode = <N extends WireName>(
  name: N,
  bytes: Uint8Array,
): Result<WireMessages[N], DecodeError> => {
  const codec = need(binary, name);
  try {
    const reader = protobuf.Reader.create(asBuffer(bytes));
    return ok(codec.read(reader, reader.len, codec.make(), 0) as WireMessages[N]);
  } catch (cause) {
    return err({ name, message: cause instanceof Error ? cause.message : String(cause) });
  }
};

/** A message with every field at its default, which is what an empty one decodes to. */
export const blank = <N extends WireName>(name: N): WireMessages[N] =>
  need(binary, name).make() as WireMessages[N];

/** The JSON form with Diego's keys, as a value ready for `JSON.stringify`. */
export const toJson = <N extends WireName>(name: N, value: WireMessages[N]): unknown =>
  need(json, name).print(value);

/**
 * Reads the JSON form (parsed already). Types are strict, unknown keys are errors, `null` counts as absent;
 * every mistake is reported with the path of its field.
 */
export const fromJson = <N extends WireName>(
  name: N,
  value: unknown,
): Result<WireMessages[N], readonly FieldError[]> => {
  const errors: FieldError[] = [];
  const parsed = need(json, name).parse(value, '', errors);
  return errors.length > 0 ? err(errors) : ok(parsed as WireMessages[N]);
};

/** JSON schemas of messages and of all that they are made of, by name, as OpenAPI 3.0 wants them. */
export const describeJson = (names: readonly WireName[]): Record<string, JsonSchema> =>
  jsonSchemas(names.map((name) => need(schema, name)));
