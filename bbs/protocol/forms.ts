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
  write<N extends WireName>(name: N, message: WireMessages[N]): Uint8Array;
  /** one message of several that have some entries each of its one list, and nothing else */
  join(parts: readonly Uint8Array[]): Uint8Array;
}

/** Diego's own form. */
export const PROTOBUF: Form = {
  contentType: 'application/x-protobuf',
  read(name, bytes) {
    const message = decode(name, bytes);
    return message.ok ? message : err({ problems: [], detail: message.error.message });
  },
  write: encode,
  join: (parts) => Buffer.concat(parts),
};

const NOTHING = Buffer.alloc(0);
const COMMA = Buffer.from(',');

/** `{"list":[1,2]}` and `{"list":[3]}` → `{"list":[1,2,3]}` */
const joinLists = (parts: readonly Uint8Array[]): Buffer => {
  const begin = (parts[0]?.indexOf(0x5b) ?? -1) + 1;
  const [first, ...rest] = parts.map((part, at) =>
    part.subarray(at === 0 ? 0 : begin, at === parts.length - 1 ? undefined : -2),
  );
  return Buffer.concat([first ?? NOTHING, ...rest.flatMap((part) => [COMMA, part])]);
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
  join: joinLists,
};

/** Whatever does not say that it is JSON is taken as protobuf, as Diego does. */
export const formOf = (contentType: string | undefined): Form =>
  /^application\/json\s*(;|$)/i.test(contentType?.trim() ?? '') ? JSON_FORM : PROTOBUF;
