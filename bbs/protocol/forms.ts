import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { decode, encode, fromJson, toJson } from '../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import type { Problems } from '../core/problems.js';

/** Why bytes are no message of that name. */
export interface Unreadable {
  /** what the sender can use; nothing when the bytes have no form at all */
  problems: Problems;
  /** as the decoder says it */
  detail: string;
}

/** How messages look on the wire. */
export interface Form {
  readonly contentType: string;
  read<N extends WireName>(name: N, bytes: Uint8Array): Result<WireMessages[N], Unreadable>;
  /** in `room`, if it is put there at all and fits */
  write<N extends WireName>(name: N, message: WireMessages[N], room?: Buffer): Uint8Array;
  /**
   * A message as a part of one that has all their entries: each has some of its one list, and nothing else. The parts
   * follow each other; what is given is not used any more.
   */
  part(message: Uint8Array, place: { first: boolean; last: boolean }): Uint8Array;
}

/** Diego's own form. */
export const PROTOBUF: Form = {
  contentType: 'application/x-protobuf',
  read(name, bytes) {
    const message = decode(name, bytes);
    return message.ok ? message : err({ problems: [], detail: message.error.message });
  },
  write: encode,
  part: (message) => message,
};

const [COMMA, OPEN] = [0x2c, 0x5b];

/** `{"list":[1,2]}` and `{"list":[3]}` → `{"list":[1,2` and `,3]}` */
const listPart = (message: Uint8Array, { first, last }: { first: boolean; last: boolean }): Uint8Array => {
  const begin = first ? 0 : message.indexOf(OPEN);
  if (!first) message[begin] = COMMA;
  return message.subarray(begin, last ? undefined : -2);
};

const parsed = (bytes: Uint8Array): Result<unknown, Unreadable> => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (text.trim() === '') return ok({});
  try {
    return ok(JSON.parse(text) as unknown);
  } catch (cause) {
    return err({ problems: [], detail: (cause as Error).message });
  }
};

/** Diego's JSON names; an empty body is an empty message. What is wrong is told with the path of its field. */
export const JSON_FORM: Form = {
  contentType: 'application/json',
  read(name, bytes) {
    const json = parsed(bytes);
    if (!json.ok) return json;
    const message = fromJson(name, json.value);
    if (message.ok) return message;
    const told = message.error.map(({ path, message: text }) => `${path} ${text}`.trim());
    // without a path it is no object at all
    return err({
      problems: message.error.some(({ path }) => path === '') ? [] : told,
      detail: told.join(', '),
    });
  },
  write: (name, message) => Buffer.from(JSON.stringify(toJson(name, message))),
  part: listPart,
};

/** Whatever does not say that it is JSON is taken as protobuf, as Diego does. */
export const formOf = (contentType: string | undefined): Form =>
  /^application\/json\s*(;|$)/i.test(contentType?.trim() ?? '') ? JSON_FORM : PROTOBUF;
