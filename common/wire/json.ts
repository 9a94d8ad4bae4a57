import { nearest } from '../model/nearest.js';
import type { FieldPlan, MessagePlan, ScalarType, ValuePlan } from './schema.js';
import { wellFormed } from './text.js';

/** What is wrong with one field of a JSON value: `action.run.path`, `must be a string`. */
export interface FieldError {
  /** dotted path with `[n]` for places in lists; '' for the value as a whole */
  readonly path: string;
  readonly message: string;
}

export interface JsonCodec {
  print(value: unknown): unknown;
  /** Adds what it finds wrong to `errors`; the result counts only when nothing was added. */
  parse(json: unknown, path: string, errors: FieldError[]): unknown;
}

type Fields = Record<string, unknown>;

/** More mistakes than this help nobody, and looking for them would cost time to the sender's liking. */
const MAX_ERRORS = 50;

const complain = (errors: FieldError[], path: string, message: () => string): void => {
  if (errors.length < MAX_ERRORS) errors.push({ path, message: message() });
};

/** The same limit as for protobuf; deeper JSON is hostile. A path has a dot or bracket per level. */
const MAX_DEPTH = 100;

const isObject = (json: unknown): json is Fields =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

/** Also for the key `__proto__`, which an assignment would lose. */
const put = (target: Fields, key: string, value: unknown): void => {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
};

const mapValues = (fields: Fields, map: (value: unknown, key: string) => unknown): Fields => {
  const mapped: Fields = {};
  for (const key of Object.keys(fields)) put(mapped, key, map(fields[key], key));
  return mapped;
};

// ---- scalars ----

const RANGES: Partial<Record<ScalarType, readonly [min: number, max: number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  uint64: [0, 2 ** 64],
};

const scalarComplaint = (type: ScalarType, json: unknown): string | undefined => {
  if (type === 'string') return typeof json === 'string' ? undefined : 'must be a string';
  if (type === 'bool') return typeof json === 'boolean' ? undefined : 'must be true or false';
  if (type === 'bytes') return undefined;
  if (typeof json !== 'number' || !Number.isInteger(json)) return 'must be an integer';
  const [min, max] = RANGES[type] ?? [-Infinity, Infinity];
  return json < min || json > max ? `must be between ${min} and ${max}` : undefined;
};

/** Routes hold JSON text. Text that is no JSON can only come over protobuf; it is shown as a string. */
const printRaw = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

const parseScalar = (type: ScalarType, json: unknown): unknown => {
  if (type === 'bytes') return JSON.stringify(json);
  return type === 'string' ? wellFormed(json as string) : json;
};

// ---- names ----

const unknownKey = (key: string, known: readonly string[]): string => {
  const meant = nearest(key, known);
  return meant === undefined ? 'is not known' : `is not known; did you mean ${meant}?`;
};

const oneOf = (names: readonly string[]): string => `must be one of ${names.join(', ')}`;

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

const depthOf = (path: string): number => path.split(/[.[]/).length;

// ---- values ----

interface ValueCodec {
  print(value: unknown): unknown;
  parse(json: unknown, path: string, errors: FieldError[]): unknown;
}

const enumCodec = (value: ValuePlan & { is: 'enum' }): ValueCodec => ({
  print: (name) => (value.numeric ? value.names.indexOf(name as string) : name),
  parse: (json, path, errors) => {
    const name = value.numeric && typeof json === 'number' ? value.names[json] : json;
    if (typeof name === 'string' && value.names.includes(name)) return name;
    complain(errors, path, () => oneOf(Object.values(value.names)));
    return undefined;
  },
});

const scalarCodec = (value: ValuePlan & { is: 'scalar' }): ValueCodec => ({
  print: value.type === 'bytes' ? (text) => printRaw(text as string) : (scalar) => scalar,
  parse: (json, path, errors) => {
    const complaint =
      scalarComplaint(value.type, json) ??
      (value.values && !value.values.includes(json as string) ? oneOf(value.values) : undefined);
    if (complaint === undefined) return parseScalar(value.type, json);
    complain(errors, path, () => complaint);
    return undefined;
  },
});

const fieldsOfMap = ({ asMap }: FieldPlan, map: unknown): Fields =>
  asMap ? Object.fromEntries(map as Map<string, unknown>) : (map as Fields);

const shaped = (field: FieldPlan, one: ValueCodec): ValueCodec => {
  if (field.shape === 'list') {
    return {
      print: (list) => (list as unknown[]).map(one.print),
      parse: (json, path, errors) => {
        if (Array.isArray(json)) return json.map((item, i) => one.parse(item, `${path}[${i}]`, errors));
        complain(errors, path, () => 'must be a list');
        return undefined;
      },
    };
  }
  if (field.shape === 'single') return one;
  return {
    print: (map) => mapValues(fieldsOfMap(field, map), one.print),
    parse: (json, path, errors) => {
      if (isObject(json)) {
        const fields = mapValues(json, (item, key) => one.parse(item, join(path, key), errors));
        return field.asMap ? new Map(Object.entries(fields)) : fields;
      }
      complain(errors, path, () => 'must be an object');
      return undefined;
    },
  };
};

// ---- messages ----

interface FieldCodec extends ValueCodec {
  readonly field: FieldPlan;
}

const isEmpty = (field: FieldPlan, value: unknown): boolean => {
  if (field.shape === 'list') return (value as unknown[]).length === 0;
  if (field.shape === 'map') return Object.keys(fieldsOfMap(field, value)).length === 0;
  return field.value.is === 'enum' ? value === field.value.names[0] : !value;
};

const printInto = (out: Fields, fields: readonly FieldCodec[], value: Fields): void => {
  for (const { field, print } of fields) {
    const one = value[field.key];
    if (one === undefined || field.ignore || (field.omit && isEmpty(field, one))) continue;
    out[field.json] = print(one);
  }
};

interface ParseTarget {
  readonly path: string;
  readonly errors: FieldError[];
  readonly into: Fields;
}

/** `null` counts as absent everywhere, as in Go. */
const parseKeys = (json: Fields, fields: ReadonlyMap<string, FieldCodec>, target: ParseTarget): void => {
  const { errors, into } = target;
  for (const key of Object.keys(json)) {
    const path = join(target.path, key);
    const known = fields.get(key);
    if (!known) complain(errors, path, () => unknownKey(key, [...fields.keys()]));
    else if (json[key] !== null) {
      const value = known.parse(json[key], path, errors);
      if (!known.field.ignore) into[known.field.key] = value;
    }
  }
};

type FieldsOf = (plan: MessagePlan) => readonly FieldCodec[];

const isSound = (json: unknown, path: string, errors: FieldError[]): json is Fields => {
  const message = isObject(json)
    ? depthOf(path) > MAX_DEPTH
      ? 'is nested too deeply'
      : undefined
    : 'must be an object';
  if (message !== undefined) complain(errors, path, () => message);
  return message === undefined;
};

const byKey = (fields: readonly FieldCodec[]): ReadonlyMap<string, FieldCodec> =>
  new Map(fields.map((field) => [field.field.json, field]));

const recordCodec = (fields: readonly FieldCodec[], make: () => unknown): JsonCodec => {
  const table = byKey(fields);
  return {
    print: (value) => {
      const out: Fields = {};
      printInto(out, fields, value as Fields);
      return out;
    },
    parse: (json, path, errors) => {
      const into = make() as Fields;
      if (isSound(json, path, errors)) parseKeys(json, table, { path, errors, into });
      return into;
    },
  };
};

interface UnionOptions {
  readonly tag: string;
  /** the fields beside the tag, by the tag's value */
  readonly members: ReadonlyMap<string, readonly FieldCodec[]>;
  readonly make: (kind: string) => Fields;
}

const unionCodec = ({ tag, members, make }: UnionOptions): JsonCodec => {
  const tables = new Map([...members].map(([kind, fields]) => [kind, byKey(fields)]));
  return {
    print: (value) => {
      const kind = (value as Fields)[tag] as string;
      const out: Fields = { [tag]: kind };
      printInto(out, members.get(kind) ?? [], value as Fields);
      return out;
    },
    parse: (json, path, errors) => {
      if (!isSound(json, path, errors)) return undefined;
      const { [tag]: kind, ...rest } = json;
      const table = tables.get(kind as string);
      if (!table) {
        complain(errors, join(path, tag), () => oneOf([...tables.keys()]));
        return undefined;
      }
      const into = make(kind as string);
      parseKeys(rest, table, { path, errors, into });
      return into;
    },
  };
};

type MakeOf = (name: string) => unknown;

const unionOptions = (plan: MessagePlan, fieldsOf: FieldsOf, makeOf: MakeOf): UnionOptions => {
  const { tag = '', members = [] } = plan.union ?? {};
  const messages = new Map(
    members.map((member) => {
      if (member.value.is !== 'message') throw new Error(`${plan.name}: a union of messages only`);
      return [member.json, member.value.message];
    }),
  );
  const common = fieldsOf({ ...plan, name: `${plan.name} beside its kind` });
  return {
    tag,
    members: new Map([...messages].map(([kind, message]) => [kind, [...common, ...fieldsOf(message)]])),
    make: (kind) => ({
      ...(makeOf(plan.name) as Fields),
      ...(makeOf(messages.get(kind)?.name ?? '') as Fields),
      [tag]: kind,
    }),
  };
};

/** Builds the JSON codecs of all messages, by message name. `makeOf` gives a message with its defaults. */
export const compileJson = (
  schema: ReadonlyMap<string, MessagePlan>,
  makeOf: MakeOf,
): ReadonlyMap<string, JsonCodec> => {
  const codecs = new Map<string, JsonCodec>();

  // Looked up when used, not now: actions nest themselves.
  const messageCodec = (name: string): ValueCodec => ({
    print: (value) => codecs.get(name)?.print(value),
    parse: (json, path, errors) => codecs.get(name)?.parse(json, path, errors),
  });
  const valueCodec = (value: ValuePlan): ValueCodec => {
    if (value.is === 'message') return messageCodec(value.message.name);
    return value.is === 'enum' ? enumCodec(value) : scalarCodec(value);
  };
  const fieldsOf: FieldsOf = (plan) =>
    plan.fields.flatMap((field) => {
      if (field.embed && field.value.is === 'message') return fieldsOf(field.value.message);
      return [{ field, ...shaped(field, valueCodec(field.value)) }];
    });

  for (const plan of schema.values()) {
    const [only] = fieldsOf(plan);
    const make = (): unknown => makeOf(plan.name);
    if (plan.union) codecs.set(plan.name, unionCodec(unionOptions(plan, fieldsOf, makeOf)));
    else if (plan.unwrap && only) codecs.set(plan.name, only);
    else codecs.set(plan.name, recordCodec(fieldsOf(plan), make));
  }
  return codecs;
};
