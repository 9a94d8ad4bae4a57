import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { readBinary, writeBinary } from './binary.js';
import { JsonRefusal, printJson, readJson } from './json.js';
import { parseJson } from './json-text.js';
import type { Draft, MesosMessages, MesosName } from './messages.js';
import { loadSchema, missingFields } from './schema.js';
import type { Fields, MessagePlan } from './schema.js';

export type Encoding = 'json' | 'protobuf';

/** Exactly these: with a charset Mesos answers 415. */
export const MEDIA_TYPES: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  protobuf: 'application/x-protobuf',
};

/** Bytes that are no message of that name. */
export interface DecodeError {
  /** as Mesos answers with it (status 400) */
  readonly message: string;
  /** what exactly is wrong */
  readonly detail: string;
}

const schema = loadSchema();

const need = (name: MesosName): MessagePlan => {
  const plan = schema.get(name);
  if (plan === undefined) throw new Error(`no message ${name} in the .proto files`);
  return plan;
};

/** The name by which Mesos speaks of it: every API has its Call, Event and Response. */
const nounOf = (name: MesosName): string => /(Call|Event|Response)$/.exec(name)?.[1] ?? name;

/** What is absent, and empty lists and maps, are left out; in JSON fields with a default are shown with it, as Mesos does. */
export const encode = <N extends MesosName>(
  name: N,
  message: Draft<MesosMessages[N]>,
  encoding: Encoding,
): Uint8Array => {
  const plan = need(name);
  const fields = message as unknown as Fields;
  return encoding === 'json' ? Buffer.from(printJson(plan, fields)) : writeBinary(plan, fields);
};

const refusal = (text: string, detail: string): DecodeError => ({ message: text, detail });

const decodeJson = (name: MesosName, bytes: Uint8Array): Result<Fields, DecodeError> => {
  const wrong = (detail: string): Result<Fields, DecodeError> =>
    err(refusal(`Failed to convert JSON into ${nounOf(name)} protobuf: ${detail}`, detail));
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const json = parseJson(text);
  if (!json.ok) return err(refusal(`Failed to parse body into JSON: ${json.error}`, json.error));
  try {
    const message = readJson(need(name), json.value);
    const missing = missingFields(need(name), message);
    return missing.length > 0 ? wrong(`Missing required fields: ${missing.join(', ')}`) : ok(message);
  } catch (cause) {
    if (cause instanceof JsonRefusal) return wrong(cause.message);
    throw cause;
  }
};

const decodeBinary = (name: MesosName, bytes: Uint8Array): Result<Fields, DecodeError> => {
  const wrong = (detail: string): Result<Fields, DecodeError> =>
    err(refusal(`Failed to parse body into ${nounOf(name)} protobuf`, detail));
  try {
    const message = readBinary(need(name), bytes);
    const missing = missingFields(need(name), message);
    return missing.length > 0 ? wrong(`Missing required fields: ${missing.join(', ')}`) : ok(message);
  } catch (cause) {
    return wrong((cause as Error).message);
  }
};

/**
 * Never throws. Unknown fields are passed over, and so are values of enums that are unknown, where the field is not
 * required; what is malformed or lacks a required field is refused, in Mesos's words.
 */
export const decode = <N extends MesosName>(
  name: N,
  bytes: Uint8Array,
  encoding: Encoding,
): Result<MesosMessages[N], DecodeError> => {
  const decoded = encoding === 'json' ? decodeJson(name, bytes) : decodeBinary(name, bytes);
  return decoded as unknown as Result<MesosMessages[N], DecodeError>;
};
