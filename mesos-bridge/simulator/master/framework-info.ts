/** What a master checks of a FrameworkInfo (mesos-v1.md §3), in the words of Mesos. */
import type { CallSubscribe, FrameworkCapabilityType, FrameworkInfo } from '../../protocol/messages.js';
import type { MasterFlags } from './flags.js';
import { idProblem, roleProblem } from './roles.js';

export type Capabilities = ReadonlySet<FrameworkCapabilityType>;

export const capabilitiesOf = (info: FrameworkInfo): Capabilities =>
  new Set(info.capabilities.flatMap(({ type }) => (type === undefined || type === 'UNKNOWN' ? [] : [type])));

/** The roles that it subscribes to: `roles` since MULTI_ROLE, the one `role` before. */
export const rolesOf = (info: FrameworkInfo): readonly string[] =>
  capabilitiesOf(info).has('MULTI_ROLE') ? info.roles : [info.role ?? '*'];

/** An empty id counts as none. */
export const frameworkIdOf = (info: FrameworkInfo): string | undefined =>
  info.id === undefined || info.id.value === '' ? undefined : info.id.value;

const duplicatesIn = (items: readonly string[]): string[] => [
  ...new Set(items.filter((item, at) => items.indexOf(item) !== at)),
];

const setText = (items: readonly string[]): string => `{ ${items.join(', ')} }`;

const manyRolesProblem = (info: FrameworkInfo): string | undefined => {
  if (info.role !== undefined)
    return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable";
  const duplicates = duplicatesIn(info.roles);
  if (duplicates.length > 0) return `'FrameworkInfo.roles' contains duplicate items: ${setText(duplicates)}`;
  for (const role of info.roles) {
    const problem = roleProblem(role);
    if (problem !== undefined) return `'FrameworkInfo.roles' contains invalid role: ${problem}`;
  }
  return undefined;
};

const oneRoleProblem = (info: FrameworkInfo): string | undefined => {
  if (info.roles.length > 0)
    return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable";
  const problem = roleProblem(info.role ?? '*');
  return problem === undefined ? undefined : `'FrameworkInfo.role' is not a valid role: ${problem}`;
};

/** As C++ writes a double: six digits at most. */
const doubleText = (value: number): string =>
  value
    .toPrecision(6)
    .replace(/(\.\d*?)0+(?=e|$)/, '$1')
    .replace(/\.(?=e|$)/, '');

/** Nanoseconds of a duration must fit 64 bits. */
const LONGEST_S = 2 ** 63 / 1e9;

const timeoutProblem = ({ failoverTimeout = 0 }: FrameworkInfo): string | undefined =>
  Math.abs(failoverTimeout) < LONGEST_S
    ? undefined
    : `The framework failover_timeout (${doubleText(failoverTimeout)}) is invalid`;

/** What is wrong with it by itself. */
export const frameworkInfoProblem = (info: FrameworkInfo): string | undefined => {
  const id = frameworkIdOf(info);
  return (
    (capabilitiesOf(info).has('MULTI_ROLE') ? manyRolesProblem(info) : oneRoleProblem(info)) ??
    (id === undefined ? undefined : idProblem(id)) ??
    timeoutProblem(info)
  );
};

/** What is wrong with it at this master. */
export const subscriptionProblem = (subscribe: CallSubscribe, flags: MasterFlags): string | undefined => {
  const { frameworkInfo: info, suppressedRoles, offerConstraints } = subscribe;
  const roles = new Set(rolesOf(info));
  const strangers = suppressedRoles.filter((role) => !roles.has(role));
  if (strangers.length > 0)
    return `Suppressed roles ${setText(strangers)} are not contained in the set of roles`;
  const unlisted = [...roles].filter((role) => flags.roles !== undefined && !flags.roles.includes(role));
  if (unlisted.length > 0)
    return `Framework roles ${setText(unlisted)} are not present in the master's --roles`;
  if (info.user === 'root' && !flags.rootSubmissions)
    return 'User root is not allowed to run frameworks without --root_submissions set';
  const constrained = Object.keys(offerConstraints?.roleConstraints ?? {}).find((role) => !roles.has(role));
  return constrained === undefined
    ? undefined
    : `Offer constraints specify \`role_constraints\` for a role '${constrained}'not contained in the set of roles`;
};

/** What of the new one may not take the place of the old: answered by UPDATE_FRAMEWORK, ignored by SUBSCRIBE. */
export const immutableProblem = (old: FrameworkInfo, changed: FrameworkInfo): string | undefined => {
  if (old.principal !== changed.principal) return PRINCIPAL_CHANGED;
  if (old.user !== changed.user)
    return `Updating 'FrameworkInfo.user' is unsupported; attempted to update from '${old.user}' to '${changed.user}'`;
  const [from, to] = [old.checkpoint ?? false, changed.checkpoint ?? false];
  return from === to
    ? undefined
    : `Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '${from}' to '${to}'`;
};

export const PRINCIPAL_CHANGED = "Changing framework's principal is not allowed.";
