import fc from 'fast-check';
import { Client } from 'undici';
import { HANDLERS } from '../../bbs/handlers/calls.js';
import type { RequestName } from '../../bbs/protocol/call.js';
import { formOf, JSON_FORM } from '../../bbs/protocol/forms.js';
import type { BbsAnswerName, BbsAnswers } from '../../common/model/bbs-api.js';
import { BBS_ERROR_TYPES } from '../../common/model/bbs-error.js';
import { decode, describeJson, encode, toJson } from '../../common/wire/codec.js';
import type { WireMessages } from '../../common/wire/messages.js';
import { BBS_ROUTES } from '../../common/wire/routes.js';
import { must } from './bbs.js';
import { arbitraries } from './wire-arbitraries.js';

/** Nothing happens by itself: every commit is of a request. */
export const QUIET = { converge_repeat_interval: '1h', gather_delay: '1h', lease_check_interval: '1h' };

/** A request that is most likely wrong. */
export interface BadRequest {
  path: string;
  answer: BbsAnswerName;
  type: string;
  kind: string;
  body: Buffer;
}

interface Call {
  path: string;
  request: RequestName;
  answer: BbsAnswerName;
}

const calls: Call[] = HANDLERS.map(({ call: { route, request, answer } }) => ({
  path: BBS_ROUTES[route],
  request,
  answer,
}));

// ---- bodies ----

type Body = fc.Arbitrary<Buffer>;

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const random: Body = fc.uint8Array({ maxLength: 120 }).map(asBuffer);

const cut = ([whole, share]: [Buffer, number]): Buffer => whole.subarray(0, Math.floor(whole.length * share));

const changedAt = ([whole, share, by]: [Buffer, number, number]): Buffer => {
  const bytes = Buffer.from(whole);
  const at = Math.floor(bytes.length * share);
  if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ by;
  return bytes;
};

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** Fields of whatever number and wire type, some within others. */
const strayFields: Body = fc
  .array(
    fc.record({
      tag: fc.integer({ min: 0, max: 45 * 8 }),
      content: fc.uint8Array({ maxLength: 12 }),
      whole: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  .map((fields) =>
    Buffer.concat(
      fields.map(({ tag, content, whole }) => {
        const tagged = tag < 128 ? [tag] : [(tag & 127) | 128, tag >> 7];
        return Buffer.from(whole ? [...tagged, content.length, ...content] : [...tagged, ...content]);
      }),
    ),
  );

/** Messages within messages, deeper than anybody reads. */
const nestedDeep: Body = fc.integer({ min: 90, max: 2_000 }).map((depth) => {
  let bytes = Buffer.alloc(0);
  for (let level = 0; level < depth && bytes.length < 100; level += 1) {
    bytes = Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes]);
  }
  return Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes]);
});

type Kinds = Record<string, Body>;

const protobufKinds = (name: NonNullable<RequestName>): Kinds => {
  const valid: Body = (arbitraries[name] as fc.Arbitrary<never>).map((message) =>
    asBuffer(encode(name, message)),
  );
  return {
    random,
    strayFields,
    nestedDeep,
    wrongValues: valid,
    cut: fc.tuple(valid, share).map(cut),
    changed: fc.tuple(valid, share, fc.integer({ min: 1, max: 255 })).map(changedAt),
    twice: fc.tuple(valid, random).map((parts) => Buffer.concat(parts)),
  };
};

const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '');

const deepJson: Body = fc
  .integer({ min: 50, max: 5_000 })
  .chain((depth) =>
    fc.constantFrom('[', '{"action":', '{"desired_lrp":').map((open) => Buffer.from(open.repeat(depth))),
  );

const jsonKinds = (name: NonNullable<RequestName>): Kinds => {
  const properties = Object.keys((describeJson([name])[name]?.['properties'] as object | undefined) ?? {});
  const valid: Body = (arbitraries[name] as fc.Arbitrary<never>).map((message) =>
    text(toJson(name, message as WireMessages[typeof name])),
  );
  const anything = fc.jsonValue({ maxDepth: 3 });
  return {
    random,
    deepJson,
    anyText: fc.string({ unit: 'binary', maxLength: 60 }).map((some) => Buffer.from(some)),
    anyJson: anything.map(text),
    wrongTypes: fc
      .dictionary(fc.constantFrom(...properties, '__proto__', 'constructor', 'error'), anything, {
        maxKeys: 4,
      })
      .map(text),
    wrongValues: valid,
    cut: fc.tuple(valid, share).map(cut),
    changed: fc.tuple(valid, share, fc.integer({ min: 1, max: 127 })).map(changedAt),
  };
};

const kindsOf = (call: Call, json: boolean): Kinds => {
  if (call.request === undefined) return { random };
  return json ? jsonKinds(call.request) : protobufKinds(call.request);
};

const types = fc.constantFrom(
  'application/json',
  'application/x-protobuf',
  '',
  'nonsense',
  'text/html; charset=x',
);

const memo = new Map<string, fc.Arbitrary<BadRequest>>();

const requestsOf = (call: Call, type: string): fc.Arbitrary<BadRequest> => {
  const json = formOf(type) === JSON_FORM;
  const key = `${call.path} ${json}`;
  const known = memo.get(key);
  if (known) return known.map((request) => ({ ...request, type }));
  const { path, answer } = call;
  const made = fc.oneof(
    ...Object.entries(kindsOf(call, json)).map(([kind, body]) =>
      body.map((bytes) => ({
        path,
        answer,
        type,
        kind: `${json ? 'json' : 'protobuf'} ${kind}`,
        body: bytes,
      })),
    ),
  );
  memo.set(key, made);
  return made;
};

export const badRequest: fc.Arbitrary<BadRequest> = fc
  .tuple(fc.constantFrom(...calls), types)
  .chain(([call, type]) => requestsOf(call, type));

// ---- what must come of them ----

export interface BadInputCounts {
  requests: number;
  refused: number;
  /** requests that were right after all, most of them for reading */
  taken: number;
  /** refused ones by type of error */
  errors: Record<string, number>;
  /** requests by kind of body */
  kinds: Record<string, number>;
}

export interface Tormented {
  socketPath: string;
  /** commits so far */
  commits(): number;
}

/**
 * Sends requests one after the other. `check` throws when one has no answer, or one that is none of its call, or an
 * error that Diego does not know, or when something was refused and yet changed the board.
 */
export const createTormentor = ({ socketPath, commits }: Tormented) => {
  const client = new Client('http://bbs', { socketPath });
  const counts: BadInputCounts = { requests: 0, refused: 0, taken: 0, errors: {}, kinds: {} };
  const add = (table: Record<string, number>, key: string): void => void (table[key] = (table[key] ?? 0) + 1);

  const send = async ({ path, type, body }: BadRequest) => {
    const headers = { 'content-type': type };
    const response = await client.request({ path, method: 'POST', headers, body });
    return { ...response, bytes: Buffer.from(await response.body.arrayBuffer()) };
  };

  const answerIn = ({ answer, type }: BadRequest, bytes: Buffer): BbsAnswers[BbsAnswerName] =>
    must(formOf(type).read(answer, bytes));

  return {
    counts,
    async check(request: BadRequest): Promise<void> {
      const before = commits();
      const { statusCode, bytes } = await send(request);
      counts.requests += 1;
      add(counts.kinds, request.kind);
      if (statusCode !== 200) throw new Error(`status ${statusCode}: ${bytes.toString()}`);
      const { error } = answerIn(request, bytes);
      if (error === undefined) {
        counts.taken += 1;
        return;
      }
      counts.refused += 1;
      add(counts.errors, error.type);
      const known = error.type !== 'UnknownError' && error.type in BBS_ERROR_TYPES && error.message !== '';
      if (!known) throw new Error(`an error that says nothing: ${JSON.stringify(error)}`);
      if (commits() !== before)
        throw new Error(`refused, and yet something changed: ${JSON.stringify(error)}`);
    },
    /** takes away what was desired by chance: an LRP may have a great many instances */
    async clear(): Promise<void> {
      const rows = await send({
        path: BBS_ROUTES.DesiredLRPs,
        type: '',
        body: Buffer.alloc(0),
      } as BadRequest);
      for (const { processGuid } of must(decode('DesiredLRPsResponse', rows.bytes)).desiredLrps) {
        const body = asBuffer(encode('RemoveDesiredLRPRequest', { processGuid }));
        await send({ path: BBS_ROUTES.RemoveDesiredLRP, type: '', body } as BadRequest);
      }
    },
    close: () => client.destroy(),
  };
};
