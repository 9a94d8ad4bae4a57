import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { fromJson, toJson } from '../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import type { BbsRoute } from '../../common/wire/routes.js';

/** What is wrong with a body; never more than the sender can use. */
export type Complaints = string[];

/** One call of the BBS in its JSON form, as both sides see it. */
export interface Call<Args, Value> {
  readonly route: BbsRoute;
  /** client: the request's body */
  print(args: Args): Body;
  /** server: the request's body */
  parse(body: Body): Result<Args, Complaints>;
  /** server: the answer's body */
  reply(value: Value): Body;
  /** client: the answer's body */
  read(body: Body): Result<Value, Complaints>;
}

export type Body = Record<string, unknown>;

export const isBody = (json: unknown): json is Body =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

interface Kinds {
  string: string;
  integer: number;
  boolean: boolean;
  strings: string[];
  object: Body;
}

type Kind = keyof Kinds;
type Optional = `${Kind}?`;
type KindOf<K> = K extends `${infer Base}?` ? Base : K;

/** Field name → its kind; with `?` it may be absent, else absence means proto3's default. */
type Shape = Record<string, Kind | Optional>;
export type Fields<S extends Shape> = {
  -readonly [N in keyof S]: S[N] extends Optional
    ? Kinds[KindOf<S[N]> & Kind] | undefined
    : Kinds[S[N] & Kind];
};

interface Rule {
  fits(value: unknown): boolean;
  words: string;
  absent(): unknown;
}

const RULES: Record<Kind, Rule> = {
  string: { fits: (value) => typeof value === 'string', words: 'must be a string', absent: () => '' },
  integer: { fits: Number.isSafeInteger, words: 'must be an integer', absent: () => 0 },
  boolean: {
    fits: (value) => typeof value === 'boolean',
    words: 'must be true or false',
    absent: () => false,
  },
  strings: {
    fits: (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
    words: 'must be a list of strings',
    absent: () => [],
  },
  object: { fits: isBody, words: 'must be an object', absent: () => ({}) },
};

/** Reads the fields of a small request. Types are strict, `null` counts as absent, other keys are passed over. */
export const fields = <const S extends Shape>(body: Body, shape: S): Result<Fields<S>, Complaints> => {
  const read: Body = {};
  const wrong: Complaints = [];
  for (const [name, kind] of Object.entries(shape)) {
    const optional = kind.endsWith('?');
    const rule = RULES[kind.replace('?', '') as Kind];
    const value = body[name] ?? undefined;
    if (value === undefined) read[name] = optional ? undefined : rule.absent();
    else if (rule.fits(value)) read[name] = value;
    else wrong.push(`${name} ${rule.words}`);
  }
  return wrong.length > 0 ? err(wrong) : ok(read as Fields<S>);
};

/** Reads one message of the codec out of a body's field. */
export const message = <N extends WireName>(name: N, json: unknown): Result<WireMessages[N], Complaints> => {
  const parsed = fromJson(name, json);
  return parsed.ok ? parsed : err(parsed.error.map(({ path, message }) => `${path} ${message}`.trim()));
};

export const messages = <N extends WireName>(
  name: N,
  list: unknown,
): Result<WireMessages[N][], Complaints> => {
  if (list === undefined || list === null) return ok([]);
  if (!Array.isArray(list)) return err(['must be a list']);
  const read: WireMessages[N][] = [];
  for (const json of list) {
    const one = message(name, json);
    if (!one.ok) return one;
    read.push(one.value);
  }
  return ok(read);
};

export const printed = <N extends WireName>(name: N, list: readonly WireMessages[N][]): unknown[] =>
  list.map((one) => toJson(name, one));

export const map = <A, B, E>(result: Result<A, E>, then: (value: A) => B): Result<B, E> =>
  result.ok ? ok(then(result.value)) : result;

export const chain = <A, B, E>(result: Result<A, E>, then: (value: A) => Result<B, E>): Result<B, E> =>
  result.ok ? then(result.value) : result;

/** The answer of a call that only succeeds or fails. */
export const EMPTY = {
  reply: (): Body => ({}),
  read: (): Result<void, Complaints> => ok(undefined),
};

/** Leaves out what is undefined, as JSON does. */
export const present = <T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
