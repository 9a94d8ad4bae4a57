import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { Attribute, Offer } from './offer.js';

export const CONSTRAINT_OPERATORS = [
  'IS',
  'LIKE',
  'UNLIKE',
  'EXISTS',
  'CLUSTER',
  'UNIQUE',
  'MAX_PER',
  'GROUP_BY',
] as const;
export type ConstraintOperator = (typeof CONSTRAINT_OPERATORS)[number];

/** As an operator writes it, in Marathon's words: `["rack", "LIKE", "r[12]"]`. */
export interface ConstraintSpec {
  /** an attribute's name, or `@hostname`, `@region`, `@zone` */
  readonly field: string;
  readonly operator: ConstraintOperator;
  /** required by IS, LIKE, UNLIKE, MAX_PER; optional for CLUSTER and GROUP_BY; not for EXISTS and UNIQUE */
  readonly value?: string;
}

/** What an offer is looked at by. */
export type Place = Pick<Offer, 'hostname' | 'region' | 'zone' | 'attributes'>;

/** Values of a field on the agents where instances run by now, one for each instance. */
export type Placed = readonly (string | undefined)[];

/** A constraint ready to be asked. */
export interface Constraint {
  readonly spec: ConstraintSpec;
  /** the value that it looks at; undefined when the agent has none */
  valueOn(place: Place): string | undefined;
  /**
   * Whether the place will do. `placed`: for the operators that compare with where else instances run; `wanted`: how
   * many instances there are to be.
   */
  allows(place: Place, placed: Placed, wanted: number): boolean;
}

/** Rounded to three decimals, half to even, without trailing zeros: as Marathon compares scalars. */
export const scalarText = (value: number): string => {
  const scaled = Math.abs(value) * 1000;
  const low = Math.floor(scaled);
  const rest = scaled - low;
  const rounded = rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
  return String((Math.sign(value) * rounded) / 1000 + 0);
};

/** An attribute as text: text as it is, ranges `[1-5,8-9]`, sets `{a,b}`, both ascending. */
export const attributeText = (attribute: Attribute): string => {
  switch (attribute.type) {
    case 'TEXT':
      return attribute.text;
    case 'SCALAR':
      return scalarText(attribute.value);
    case 'RANGES':
      return `[${attribute.ranges.map(({ begin, end }) => `${begin}-${end}`).join(',')}]`;
    case 'SET':
      return `{${attribute.items.join(',')}}`;
  }
};

const orNone = (text: string): string | undefined => (text === '' ? undefined : text);

/** The first attribute of that name counts, as in Mesos's own offer constraints. */
export const fieldValue = (place: Place, field: string): string | undefined => {
  if (field === '@hostname' || field === 'hostname') return orNone(place.hostname);
  if (field === '@region') return orNone(place.region);
  if (field === '@zone') return orNone(place.zone);
  const attribute = place.attributes.find(({ name }) => name === field);
  return attribute && attributeText(attribute);
};

type Check = (value: string | undefined, placed: Placed, wanted: number) => boolean;

/** A number is compared as a number: `10` is `10.000`. */
const isEqual = (value: string | undefined, to: string): boolean =>
  value !== undefined && (value === to || (value !== '' && to !== '' && Number(value) === Number(to)));

const countOf = (placed: Placed, value: string): number => placed.filter((one) => one === value).length;

const maxPer =
  (most: number): Check =>
  (value, placed) =>
    value !== undefined && countOf(placed, value) < most;

/**
 * Instances spread evenly: none may have more than its share while others have less. A group that has none yet is
 * welcome as long as there are fewer groups than wanted; without a number, always.
 */
const groupBy =
  (groups: number | undefined): Check =>
  (value, placed, wanted) => {
    if (value === undefined) return false;
    const counts = new Map<string, number>();
    for (const one of placed) if (one !== undefined) counts.set(one, (counts.get(one) ?? 0) + 1);
    const here = counts.get(value) ?? 0;
    if (here === 0) return groups === undefined || counts.size < groups;
    const known = [...counts.values()];
    if (groups === undefined) return here <= Math.min(...known);
    const share = Math.floor(wanted / groups);
    // the remainder goes to whoever has no more than its share while all others have reached theirs
    const isShort = here < share;
    const all = counts.size >= groups && known.every((count) => count >= share);
    return isShort || (all && here <= Math.min(...known));
  };

const compiled = (pattern: string): Result<RegExp, string> => {
  try {
    return ok(new RegExp(`^(?:${pattern})$`, 'u'));
  } catch {
    return err(`"${pattern}" is not a regular expression`);
  }
};

const countIn = (value: string): number | undefined =>
  /^[1-9]\d{0,8}$/.test(value) ? Number(value) : undefined;

/** Where instances run already, they say which value it is; the first one chooses. */
const cluster: Check = (value, placed) => value !== undefined && (placed.length === 0 || placed[0] === value);

const checkOf = ({ operator, value }: ConstraintSpec): Result<Check, string> => {
  if (operator === 'EXISTS' || operator === 'UNIQUE') {
    if (value !== undefined && value !== '') return err(`${operator} takes no value`);
    return ok(operator === 'EXISTS' ? (has) => has !== undefined : maxPer(1));
  }
  if (operator === 'CLUSTER' && (value === undefined || value === '')) return ok(cluster);
  if (operator === 'GROUP_BY' && (value === undefined || value === '')) return ok(groupBy(undefined));
  if (value === undefined || value === '') return err(`${operator} needs a value`);
  if (operator === 'IS' || operator === 'CLUSTER') return ok((has) => isEqual(has, value));
  if (operator === 'MAX_PER' || operator === 'GROUP_BY') {
    const count = countIn(value);
    if (count === undefined) return err(`${operator} needs a whole number of at least 1, not "${value}"`);
    return ok(operator === 'MAX_PER' ? maxPer(count) : groupBy(count));
  }
  const pattern = compiled(value);
  if (!pattern.ok) return pattern;
  return ok(
    operator === 'LIKE'
      ? (has) => has !== undefined && pattern.value.test(has)
      : // an agent without the attribute has nothing unlike it
        (has) => has === undefined || !pattern.value.test(has),
  );
};

/** Makes a constraint ready; the error says what is wrong with it. */
export const compileConstraint = (spec: ConstraintSpec): Result<Constraint, string> => {
  if (spec.field === '') return err('a constraint needs a field');
  const check = checkOf(spec);
  if (!check.ok) return err(`constraint on ${spec.field}: ${check.error}`);
  const valueOn = (place: Place): string | undefined => fieldValue(place, spec.field);
  return ok({
    spec,
    valueOn,
    allows: (place, placed, wanted) => check.value(valueOn(place), placed, wanted),
  });
};

export const constraintText = ({ field, operator, value }: ConstraintSpec): string =>
  [field, operator, value ?? ''].filter((part) => part !== '').join(' ');

export interface SortedConstraints {
  /** what an agent must be like to bid at all */
  readonly agents: readonly Constraint[];
  /** what the places of one process's instances must be like together */
  readonly perProcess: readonly Constraint[];
}

const isOfAgent = ({ operator, value = '' }: ConstraintSpec): boolean =>
  ['IS', 'LIKE', 'UNLIKE', 'EXISTS'].includes(operator) || (operator === 'CLUSTER' && value !== '');

const isOperator = (text: string): text is ConstraintOperator =>
  (CONSTRAINT_OPERATORS as readonly string[]).includes(text);

const readSpec = ([field = '', operator = '', value, ...more]: readonly string[]): Result<
  ConstraintSpec,
  string
> => {
  if (!isOperator(operator))
    return err(`"${operator}" is no operator of constraints: there are ${CONSTRAINT_OPERATORS.join(', ')}`);
  if (more.length > 0) return err('a constraint is a field, an operator, and a value at most');
  return ok({ field, operator, ...(value !== undefined && { value }) });
};

/** Constraints as an operator writes them, `["rack", "LIKE", "r[12]"]`, ready; the errors by the constraint's place. */
export const compileConstraints = (
  written: readonly (readonly string[])[],
): Result<SortedConstraints, { at: number; problem: string }[]> => {
  const problems: { at: number; problem: string }[] = [];
  const made = written.flatMap((one, at) => {
    const spec = readSpec(one);
    const constraint = spec.ok ? compileConstraint(spec.value) : spec;
    if (constraint.ok) return [constraint.value];
    problems.push({ at, problem: constraint.error });
    return [];
  });
  if (problems.length > 0) return err(problems);
  return ok({
    agents: made.filter(({ spec }) => isOfAgent(spec)),
    perProcess: made.filter(({ spec }) => !isOfAgent(spec)),
  });
};
