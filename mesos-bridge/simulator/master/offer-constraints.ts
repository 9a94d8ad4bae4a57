/** `OfferConstraints` (mesos-v1.md §4): which agents' offers a framework wants at all, decided by the master. */
import type { Result } from '../../../common/model/result.js';
import { err, ok } from '../../../common/model/result.js';
import type {
  AgentInfo,
  Attribute,
  AttributeConstraint,
  AttributePredicate,
  AttributeSelector,
  ConstraintGroup,
  OfferConstraints,
} from '../../protocol/messages.js';

type Wanted = (agent: AgentInfo) => boolean;

/** Per role; a role that is not in it is not constrained. */
export type CompiledConstraints = ReadonlyMap<string, Wanted>;

/** What a selector finds: a text, something that is no text, or nothing. */
type Found = { readonly text: string } | 'not text' | undefined;

const ofAttribute = (attribute: Attribute | undefined): Found => {
  if (attribute === undefined) return undefined;
  return attribute.type === 'TEXT' ? { text: attribute.text?.value ?? '' } : 'not text';
};

const asText = (text: string | undefined): Found => (text === undefined ? undefined : { text });

const pseudoattribute = (type: AttributeSelector['pseudoattributeType'], agent: AgentInfo): Found => {
  if (type === 'HOSTNAME') return { text: agent.hostname };
  if (type === 'REGION') return asText(agent.domain?.faultDomain?.region.name);
  return type === 'ZONE' ? asText(agent.domain?.faultDomain?.zone.name) : undefined;
};

const find = (selector: AttributeSelector, agent: AgentInfo): Found =>
  selector.attributeName === undefined
    ? pseudoattribute(selector.pseudoattributeType, agent)
    : ofAttribute(agent.attributes.find(({ name }) => name === selector.attributeName));

/** Every predicate on a text holds for what is there and is no text: the scheduler has to look itself. */
const onText =
  (ifAbsent: boolean, holds: (text: string) => boolean) =>
  (found: Found): boolean => {
    if (found === undefined) return ifAbsent;
    return found === 'not text' || holds(found.text);
  };

/** RE2 bounds what repetitions multiply to; a pattern beyond that would take a backtracking engine too long. */
const MOST_REPETITIONS = 1_000;

const repetitionProblem = (pattern: string): string | undefined => {
  const repetitions = [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)];
  const product = repetitions.reduce(
    (total, [, least, most]) => total * Math.max(1, Number(most || least)),
    1,
  );
  return product > MOST_REPETITIONS ? `invalid repetition size: ${repetitions.at(-1)?.[0]}` : undefined;
};

const compileRegex = (pattern: string): Result<RegExp, string> => {
  const failed = (reason: string) => err(`Failed to construct regex from pattern '${pattern}': ${reason}`);
  const problem = repetitionProblem(pattern);
  if (problem !== undefined) return failed(problem);
  try {
    return ok(new RegExp(`^(?:${pattern})$`, 'su'));
  } catch {
    return failed(unbalanced(pattern) ? `missing ): ${pattern}` : `invalid pattern: ${pattern}`);
  }
};

const unbalanced = (pattern: string): boolean =>
  pattern.replace(/\\./g, '').split('(').length > pattern.replace(/\\./g, '').split(')').length;

const compilePredicate = (predicate: AttributePredicate): Result<(found: Found) => boolean, string> => {
  const { textEquals, textNotEquals, textMatches, textNotMatches } = predicate;
  if (predicate.exists) return ok((found) => found !== undefined);
  if (predicate.notExists) return ok((found) => found === undefined);
  if (textEquals) return ok(onText(false, (text) => text === textEquals.value));
  if (textNotEquals) return ok(onText(true, (text) => text !== textNotEquals.value));
  const wanted = textMatches ?? textNotMatches;
  if (wanted === undefined) return err('Predicate is not set');
  const regex = compileRegex(wanted.regex);
  if (!regex.ok) return regex;
  return ok(
    textMatches
      ? onText(false, (text) => regex.value.test(text))
      : onText(true, (text) => !regex.value.test(text)),
  );
};

const compileConstraint = ({ selector, predicate }: AttributeConstraint): Result<Wanted, string> => {
  if (selector.attributeName === undefined && (selector.pseudoattributeType ?? 'UNKNOWN') === 'UNKNOWN')
    return err('Selector is not set');
  const holds = compilePredicate(predicate);
  return holds.ok ? ok((agent) => holds.value(find(selector, agent))) : holds;
};

/** All of it, or the first that is wrong. */
const all = <T, R>(items: readonly T[], compile: (item: T) => Result<R, string>): Result<R[], string> => {
  const compiled: R[] = [];
  for (const item of items) {
    const one = compile(item);
    if (!one.ok) return one;
    compiled.push(one.value);
  }
  return ok(compiled);
};

const compileGroup = (role: string, group: ConstraintGroup): Result<Wanted, string> => {
  if (group.attributeConstraints.length === 0)
    return err(
      `'OfferConstraints::role_constraints' has an empty 'RoleConstraints::Group::attribute_constraints' for role ${role}`,
    );
  const constraints = all(group.attributeConstraints, compileConstraint);
  return constraints.ok
    ? ok((agent) => constraints.value.every((holds) => holds(agent)))
    : err(`A role ${role} has an invalid 'AttributeConstraint': ${constraints.error}`);
};

const compileRole = (role: string, groups: readonly ConstraintGroup[]): Result<Wanted, string> => {
  if (groups.length === 0)
    return err(
      `'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role ${role}`,
    );
  const compiled = all(groups, (group) => compileGroup(role, group));
  return compiled.ok ? ok((agent) => compiled.value.some((holds) => holds(agent))) : compiled;
};

export const compileConstraints = (
  constraints: OfferConstraints | undefined,
): Result<CompiledConstraints, string> => {
  const compiled = all(Object.entries(constraints?.roleConstraints ?? {}), ([role, { groups }]) => {
    const wanted = compileRole(role, groups);
    return wanted.ok ? ok([role, wanted.value] as const) : wanted;
  });
  return compiled.ok
    ? ok(new Map(compiled.value))
    : err(`Offer constraints are not valid: ${compiled.error}`);
};
