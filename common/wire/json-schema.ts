import type { FieldPlan, MessagePlan, ScalarType, ValuePlan } from './schema.js';

/** A schema object of OpenAPI 3.0. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

const refTo = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

const SCALARS: Readonly<Record<ScalarType, JsonSchema>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  // JSON text: whatever JSON can be
  bytes: {},
  int32: { type: 'integer', format: 'int32' },
  uint32: { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 },
  int64: { type: 'integer', format: 'int64' },
  uint64: { type: 'integer', format: 'int64', minimum: 0 },
};

const valueSchema = (value: ValuePlan): JsonSchema => {
  if (value.is === 'message') return refTo(value.message.name);
  if (value.is === 'scalar') {
    return { ...SCALARS[value.type], ...(value.values && { enum: value.values }) };
  }
  const names = Object.values(value.names);
  if (!value.numeric) return { type: 'string', enum: names };
  const meaning = Object.entries(value.names).map(([number, name]) => `${number} ${name}`);
  return {
    type: 'integer',
    enum: Object.keys(value.names).map(Number),
    description: meaning.join(', '),
  };
};

const shaped = ({ shape, value }: FieldPlan): JsonSchema => {
  const one = valueSchema(value);
  if (shape === 'list') return { type: 'array', items: one };
  return shape === 'map' ? { type: 'object', additionalProperties: one } : one;
};

/** What stands beside a reference would not be looked at in OpenAPI 3.0. */
const described = (schema: JsonSchema, { comment, ignore }: FieldPlan): JsonSchema => {
  const said = [schema['description'], comment].filter(Boolean).join('. ');
  const words = { ...(said !== '' && { description: said }), ...(ignore && { deprecated: true }) };
  if (Object.keys(words).length === 0) return schema;
  return '$ref' in schema ? { allOf: [schema], ...words } : { ...schema, ...words };
};

const properties = (fields: readonly FieldPlan[]): [string, JsonSchema][] =>
  fields.flatMap((field) =>
    field.embed && field.value.is === 'message'
      ? properties(field.value.message.fields)
      : [[field.json, described(shaped(field), field)]],
  );

const messageSchema = (plan: MessagePlan): JsonSchema => {
  if (plan.union) throw new Error(`${plan.name}: unions have no JSON schema`);
  const words = plan.comment === '' ? {} : { description: plan.comment };
  const [only] = plan.fields;
  if (plan.unwrap && only) return { ...shaped(only), ...words };
  return {
    type: 'object',
    ...words,
    properties: Object.fromEntries(properties(plan.fields)),
    additionalProperties: false,
  };
};

const referred = (fields: readonly FieldPlan[]): MessagePlan[] =>
  fields.flatMap(({ value, embed }) => {
    if (value.is !== 'message') return [];
    return embed ? referred(value.message.fields) : [value.message];
  });

/** The JSON form of messages, and of all that they are made of, by message name. */
export const jsonSchemas = (plans: Iterable<MessagePlan>): Record<string, JsonSchema> => {
  const schemas: Record<string, JsonSchema> = {};
  const add = (plan: MessagePlan): void => {
    if (plan.name in schemas) return;
    schemas[plan.name] = messageSchema(plan);
    referred(plan.fields).forEach(add);
  };
  for (const plan of plans) add(plan);
  return schemas;
};
