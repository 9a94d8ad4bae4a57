import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

import { packageRoot } from '../runtime/package-root.js';
import { RULES } from './rules.js';
import type { MessageRules } from './rules.js';

// 64-bit integers are plain numbers here: times in ns are exact to 256 ns, which no clock undercuts.
protobuf.util.Long = null as unknown as typeof protobuf.util.Long;
protobuf.configure();

export type ScalarType = 'string' | 'bytes' | 'bool' | 'int32' | 'uint32' | 'int64' | 'uint64';

const SCALARS: ReadonlySet<string> = new Set([
  'string',
  'bytes',
  'bool',
  'int32',
  'uint32',
  'int64',
  'uint64',
]);

/** What one value of a field is. `bytes` only occur as JSON text, so the model has them as strings. */
export type ValuePlan =
  | { readonly is: 'scalar'; readonly type: ScalarType; readonly values?: readonly string[] }
  | {
      readonly is: 'enum';
      /** by number, with holes */ readonly names: readonly string[];
      readonly numeric: boolean;
    }
  | { readonly is: 'message'; readonly message: MessagePlan };

/** One field of a message, with its three names and how it is present. */
export interface FieldPlan {
  readonly id: number;
  /** property in the model */
  readonly key: string;
  /** key in JSON */
  readonly json: string;
  readonly shape: 'single' | 'list' | 'map';
  readonly value: ValuePlan;
  /** absent from the model when absent on the wire */
  readonly optional: boolean;
  readonly omit: boolean;
  readonly embed: boolean;
  readonly ignore: boolean;
  /** a map that the model has as a `Map` */
  readonly asMap: boolean;
  /** as the .proto file has it above the field; '' without one */
  readonly comment: string;
}

export interface MessagePlan {
  readonly name: string;
  /** as the .proto file has it above the message; '' without one */
  readonly comment: string;
  /** in order of field number; for a union without its members */
  readonly fields: readonly FieldPlan[];
  /** the model's value is the map of the only field */
  readonly unwrap: boolean;
  /** a oneof of several messages: the model has `tag` with the member's name, and its fields beside it */
  readonly union?: { readonly tag: string; readonly members: readonly FieldPlan[] };
}

const camelCase = (name: string): string =>
  (name[0] ?? '').toLowerCase() + name.slice(1).replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());

/** By number; reserved numbers are holes. */
const enumNames = (type: protobuf.Enum): string[] => {
  const names: string[] = [];
  for (const [name, number] of Object.entries(type.values)) names[number] = name;
  return names;
};

type PlanOf = (type: protobuf.Type) => MessagePlan;

const valuePlan = (field: protobuf.Field, rules: MessageRules, planOf: PlanOf): ValuePlan => {
  const values = rules.values?.[field.name];
  if (SCALARS.has(field.type)) {
    return { is: 'scalar', type: field.type as ScalarType, ...(values && { values }) };
  }
  const type = field.resolvedType;
  if (type instanceof protobuf.Enum) {
    return { is: 'enum', names: enumNames(type), numeric: rules.numeric?.includes(field.name) ?? false };
  }
  if (type instanceof protobuf.Type) return { is: 'message', message: planOf(type) };
  throw new Error(`no plan for the type ${field.type} of ${field.fullName}`);
};

const fieldPlan = (field: protobuf.Field, rules: MessageRules, planOf: PlanOf): FieldPlan => {
  const name = field.name;
  const has = (
    list: keyof MessageRules & ('omit' | 'embed' | 'always' | 'optional' | 'ignore' | 'maps'),
  ): boolean => rules[list]?.includes(name) ?? false;
  const value = valuePlan(field, rules, planOf);
  const shape = field.map ? 'map' : field.repeated ? 'list' : 'single';
  const mayBeAbsent = field.partOf !== null || (value.is === 'message' && shape === 'single');
  return {
    id: field.id,
    key: rules.names?.[name] ?? camelCase(name),
    json: rules.json?.[name] ?? name,
    shape,
    value,
    optional: has('optional') || (mayBeAbsent && !has('always') && !has('embed')),
    omit: has('omit'),
    embed: has('embed'),
    ignore: has('ignore'),
    asMap: has('maps'),
    comment: field.comment ?? field.partOf?.comment ?? '',
  };
};

const describe = (type: protobuf.Type, planOf: PlanOf): MessagePlan => {
  const rules = RULES[type.name] ?? {};
  const union = type.oneofsArray.find((oneof) => oneof.fieldsArray.length > 1);
  const plans = (fields: protobuf.Field[]): FieldPlan[] =>
    fields.map((field) => fieldPlan(field.resolve(), rules, planOf)).sort((a, b) => a.id - b.id);
  return {
    name: type.name,
    comment: type.comment ?? '',
    fields: plans(type.fieldsArray.filter((field) => !union || field.partOf !== union)),
    unwrap: rules.unwrap ?? false,
    ...(union && { union: { tag: camelCase(union.name), members: plans(union.fieldsArray) } }),
  };
};

const parseProtos = (): protobuf.Root => {
  const root = new protobuf.Root();
  for (const file of ['bbs.proto', 'bbs-api.proto', 'bbs-events.proto', 'outcry.proto']) {
    const source = readFileSync(join(packageRoot(), 'common', 'wire', 'proto', file), 'utf8');
    protobuf.parse(source, root, { keepCase: true, alternateCommentMode: true });
  }
  root.resolveAll();
  return root;
};

const allTypes = (namespace: protobuf.NamespaceBase): protobuf.Type[] =>
  namespace.nestedArray.flatMap((nested) => {
    if (nested instanceof protobuf.Type) return [nested, ...allTypes(nested)];
    return nested instanceof protobuf.Namespace ? allTypes(nested) : [];
  });

/** The plans of all messages in the .proto files, by message name. */
export const loadSchema = (): ReadonlyMap<string, MessagePlan> => {
  const plans = new Map<string, MessagePlan>();
  const planOf: PlanOf = (type) => {
    const known = plans.get(type.name);
    if (known) return known;
    // Actions nest themselves: the plan must be there before its fields are looked at.
    const plan = {} as MessagePlan;
    plans.set(type.name, plan);
    return Object.assign(plan, describe(type, planOf));
  };
  const types = allTypes(parseProtos());
  for (const type of types) planOf(type);
  if (plans.size !== types.length) throw new Error('two messages of one name in the .proto files');
  return plans;
};
