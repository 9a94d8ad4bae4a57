import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { packageRoot } from '../../common/runtime/package-root.js';

export type ScalarType = 'string' | 'bytes' | 'bool' | 'double' | 'int32' | 'uint32' | 'int64' | 'uint64';

/** What one value of a field is. */
export type ValuePlan =
  | { readonly is: ScalarType }
  | {
      readonly is: 'enum';
      readonly names: ReadonlyMap<number, string>;
      readonly numbers: ReadonlyMap<string, number>;
    }
  | { readonly is: 'message'; readonly message: MessagePlan };

export interface FieldPlan {
  /** of one value of it: 0 varint, 1 eight bytes, 2 with its length before it */
  readonly wireType: number;
  /** number and wire type, as they stand before it */
  readonly tag: number;
  /** as the .proto file and JSON have it */
  readonly name: string;
  /** property of the message's value */
  readonly key: string;
  readonly shape: 'single' | 'list' | 'map';
  readonly value: ValuePlan;
  readonly required: boolean;
  /** what JSON says of it where it is absent, ready to be written; undefined: nothing */
  readonly shownDefault: string | undefined;
}

/** A field whose values are messages. */
export interface NestedPlan {
  readonly name: string;
  readonly key: string;
  readonly shape: FieldPlan['shape'];
  readonly message: MessagePlan;
}

export interface MessagePlan {
  readonly name: string;
  /** in the order of the .proto file */
  readonly fields: readonly FieldPlan[];
  /** with holes */
  readonly byId: readonly (FieldPlan | undefined)[];
  readonly byName: ReadonlyMap<string, FieldPlan>;
  readonly required: readonly FieldPlan[];
  /** lists and maps, which are there even when nothing was sent */
  readonly plural: readonly FieldPlan[];
  readonly nested: readonly NestedPlan[];
}

const SCALARS: ReadonlySet<string> = new Set([
  'string',
  'bytes',
  'bool',
  'double',
  'int32',
  'uint32',
  'int64',
  'uint64',
]);

const FILES = [
  'values',
  'containers',
  'tasks',
  'cluster',
  'scheduler',
  'executor',
  'operator-views',
  'operator',
];

const camelCase = (name: string): string => name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());

const parseProtos = (): protobuf.Root => {
  const root = new protobuf.Root();
  for (const file of FILES) {
    const path = join(packageRoot(), 'mesos-bridge', 'protocol', 'proto', `${file}.proto`);
    protobuf.parse(readFileSync(path, 'utf8'), root, { keepCase: true });
  }
  root.resolveAll();
  return root;
};

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;

export const wireType = (value: ValuePlan): number => {
  if (value.is === 'double') return FIXED64;
  return value.is === 'string' || value.is === 'bytes' || value.is === 'message' ? DELIMITED : VARINT;
};

type PlanOf = (type: protobuf.Type) => MessagePlan;

const valuePlan = (field: protobuf.Field, planOf: PlanOf): ValuePlan => {
  if (SCALARS.has(field.type)) return { is: field.type as ScalarType };
  const type = field.resolvedType;
  if (type instanceof protobuf.Enum) {
    const entries = Object.entries(type.values);
    return {
      is: 'enum',
      numbers: new Map(entries),
      names: new Map(entries.map(([name, number]) => [number, name])),
    };
  }
  if (type instanceof protobuf.Type) return { is: 'message', message: planOf(type) };
  throw new Error(`no plan for the type ${field.type} of ${field.fullName}`);
};

/** Deprecated fields are not shown; doubles have their point, as Mesos writes them. */
const shownDefault = (field: protobuf.Field): string | undefined => {
  const value: unknown = field.getOption('default');
  if (value === undefined || field.required || field.getOption('deprecated') === true) return undefined;
  if (field.type === 'double') return Number(value).toFixed(1);
  return field.resolvedType ? JSON.stringify(value) : String(value);
};

const fieldPlan = (field: protobuf.Field, planOf: PlanOf): FieldPlan => {
  const value = valuePlan(field.resolve(), planOf);
  const type = field.map ? DELIMITED : wireType(value);
  return {
    wireType: type,
    tag: (field.id << 3) | type,
    name: field.name,
    key: camelCase(field.name),
    shape: field.map ? 'map' : field.repeated ? 'list' : 'single',
    value,
    required: field.required,
    shownDefault: shownDefault(field),
  };
};

const describe = (type: protobuf.Type, planOf: PlanOf): MessagePlan => {
  const fields = type.fieldsArray.map((field) => fieldPlan(field, planOf));
  const byId: FieldPlan[] = [];
  for (const field of fields) byId[field.tag >>> 3] = field;
  return {
    name: type.name,
    fields,
    byId,
    byName: new Map(fields.map((field) => [field.name, field])),
    required: fields.filter((field) => field.required),
    plural: fields.filter((field) => field.shape !== 'single'),
    nested: fields.flatMap(({ name, key, shape, value }) =>
      value.is === 'message' ? [{ name, key, shape, message: value.message }] : [],
    ),
  };
};

/** The plans of all messages in the .proto files, by message name. */
export const loadSchema = (): ReadonlyMap<string, MessagePlan> => {
  const plans = new Map<string, MessagePlan>();
  const planOf: PlanOf = (type) => {
    const known = plans.get(type.name);
    if (known) return known;
    // Ids of containers nest themselves: the plan must be there before its fields are looked at.
    const plan = {} as MessagePlan;
    plans.set(type.name, plan);
    return Object.assign(plan, describe(type, planOf));
  };
  const namespace = parseProtos().lookup('outcry.mesos') as protobuf.Namespace;
  for (const type of namespace.nestedArray) if (type instanceof protobuf.Type) planOf(type);
  return plans;
};

export type Fields = Record<string, unknown>;

/** Also for the key `__proto__`, which an assignment would lose. */
export const put = (target: Fields, key: string, value: unknown): void => {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
};

/** A value of that message to which nothing was sent yet. */
export const blank = (plan: MessagePlan): Fields => {
  const made: Fields = {};
  for (const field of plan.plural) made[field.key] = field.shape === 'list' ? [] : {};
  return made;
};

const isComplete = (plan: MessagePlan, value: Fields): boolean => {
  for (const { key } of plan.required) if (value[key] === undefined) return false;
  for (const { key, shape, message } of plan.nested) {
    const below = value[key];
    if (below === undefined) continue;
    if (shape === 'single') {
      if (!isComplete(message, below as Fields)) return false;
    } else {
      for (const one of shape === 'list' ? (below as Fields[]) : Object.values(below as Fields)) {
        if (!isComplete(message, one as Fields)) return false;
      }
    }
  }
  return true;
};

const inside = (field: NestedPlan, value: unknown): readonly (readonly [place: string, value: unknown])[] => {
  if (field.shape === 'list') return (value as unknown[]).map((one, at) => [`${field.name}[${at}]`, one]);
  if (field.shape === 'map') return Object.values(value as Fields).map((one) => [field.name, one]);
  return value === undefined ? [] : [[field.name, value]];
};

const missingIn = (plan: MessagePlan, value: Fields, prefix: string): string[] => {
  const own = plan.required.filter(({ key }) => value[key] === undefined).map(({ name }) => prefix + name);
  const below = plan.nested.flatMap((field) =>
    inside(field, value[field.key]).flatMap(([place, one]) =>
      missingIn(field.message, one as Fields, `${prefix}${place}.`),
    ),
  );
  return [...own, ...below];
};

/** Paths of the required fields that are absent, in the order in which Mesos names them. */
export const missingFields = (plan: MessagePlan, value: Fields): string[] =>
  isComplete(plan, value) ? [] : missingIn(plan, value, '');
