import type { Constraint } from './constraints.js';
import { constraintText } from './constraints.js';
import { isOrdinary } from './find.js';
import type { Offer } from './offer.js';
import { filter, invalidText, scalarOf } from './resources.js';

/** Why an offer is of no use, in the order in which it is looked at. */
export const USELESS = [
  'role',
  'region',
  'constraint',
  'maintenance',
  'scarce',
  'invalid',
  'revocable',
  'cpus',
  'memory',
  'resting',
  'executor',
] as const;
export type Useless = (typeof USELESS)[number];

export interface Rejection {
  readonly code: Useless;
  /** for people */
  readonly reason: string;
}

export interface OfferRules {
  /** the roles that this framework is subscribed to */
  readonly roles: readonly string[];
  /** agents of other regions than the master's may be used */
  readonly remoteRegions: boolean;
  /** agents with GPUs may be used for work that needs none */
  readonly gpuAgents: boolean;
  /** what an agent must be like; those that compare instances say nothing here */
  readonly constraints: readonly Constraint[];
  /** thousandths and MB below which nothing can be run on it */
  readonly leastCpuMilli: number;
  readonly leastMemoryMb: number;
}

const onRegion = (
  { region }: Offer,
  { remoteRegions }: OfferRules,
  homeRegion: string,
): Rejection | undefined =>
  remoteRegions || region === '' || homeRegion === '' || region === homeRegion
    ? undefined
    : { code: 'region', reason: `its region is "${region}", and the master's "${homeRegion}"` };

const onConstraints = (offer: Offer, { constraints }: OfferRules): Rejection | undefined => {
  const broken = constraints.find((one) => !one.allows(offer, [], 1));
  if (broken === undefined) return undefined;
  const has = broken.valueOn(offer);
  const value = has === undefined ? 'the agent has none' : `the agent has "${has}"`;
  return { code: 'constraint', reason: `constraint ${constraintText(broken.spec)}: ${value}` };
};

const tooLittle = (code: Useless, has: string, least: string): Rejection => ({
  code,
  reason: `only ${has}, where ${least} are needed for anything to run`,
});

const onAmounts = (offer: Offer, { leastCpuMilli, leastMemoryMb }: OfferRules): Rejection | undefined => {
  const ordinary = filter(offer.resources, isOrdinary);
  const [invalid] = offer.invalid;
  if (ordinary.size === 0 && invalid !== undefined) return { code: 'invalid', reason: invalidText(invalid) };
  if (ordinary.size === 0)
    return { code: 'revocable', reason: 'all of it is revocable, shared, or a disk of its own' };
  const cpus = scalarOf(ordinary, 'cpus');
  if (cpus < leastCpuMilli) return tooLittle('cpus', `${cpus / 1000} cpus`, String(leastCpuMilli / 1000));
  const memory = scalarOf(ordinary, 'mem') / 1000;
  return memory < leastMemoryMb ? tooLittle('memory', `${memory} MB`, `${leastMemoryMb} MB`) : undefined;
};

/** Why an offer is of no use whatever may be wanted; undefined when it is of some. */
export const whyUseless = (offer: Offer, rules: OfferRules, homeRegion: string): Rejection | undefined => {
  if (!rules.roles.includes(offer.role))
    return { code: 'role', reason: `it is for the role "${offer.role}", which is not ours` };
  const onPlace = onRegion(offer, rules, homeRegion) ?? onConstraints(offer, rules);
  if (onPlace !== undefined) return onPlace;
  if (!rules.gpuAgents && scalarOf(offer.resources, 'gpus') > 0)
    return { code: 'scarce', reason: 'the agent has GPUs, which are kept for work that needs them' };
  return onAmounts(offer, rules);
};
