import type { Bid } from './bid.js';
import type { Wanted } from './find.js';
import type { FunnelLine } from './funnel.js';
import { funnelOf, hasRoom } from './funnel.js';
import type { Rejections } from './offer-book.js';

/** What is tried when demand waits and no offer comes, in this order. */
export const HUNGER_STEPS = ['revive', 'resubscribe', 'step-down'] as const;
export type HungerStep = (typeof HUNGER_STEPS)[number];

export interface HungerOptions {
  /** ms for which demand waits without a usable offer until it is called hunger */
  readonly alarmMs: number;
  /** ms between two steps */
  readonly stepMs: number;
}

export const HUNGER_DEFAULTS: HungerOptions = { alarmMs: 30_000, stepMs: 30_000 };

export interface HungerInput {
  readonly now: number;
  /** how much waits, and what waits longest; undefined when nothing does */
  readonly waiting: number;
  readonly oldest: { readonly need: Wanted; readonly since: number } | undefined;
  readonly bids: readonly Bid[];
  readonly rejections: Rejections;
  /** ms, monotonic: when an offer came last; undefined = none ever */
  readonly lastOfferAt: number | undefined;
  readonly isSubscribed: boolean;
}

export interface TriedStep {
  readonly step: HungerStep;
  /** ms, monotonic */
  readonly at: number;
}

export interface HungerReport {
  /** ms for which the oldest has waited */
  readonly waitedMs: number;
  readonly waiting: number;
  readonly tried: readonly TriedStep[];
  readonly funnel: readonly FunnelLine[];
  /** all of it in plain words */
  readonly words: string;
}

export interface HungerLook {
  /** undefined = no hunger */
  readonly report: HungerReport | undefined;
  /** what is to be tried now */
  readonly step: HungerStep | undefined;
}

/** Notices that demand starves, says why in plain words, and tries what may help. */
export interface Hunger {
  look(input: HungerInput): HungerLook;
}

const STEP_WORDS: Record<HungerStep, string> = {
  revive: 'asked the master again for offers',
  resubscribe: 'subscribed anew',
  'step-down': 'let a stand-by bridge take over',
};

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

const needText = ({ scalars: { cpus = 0, mem = 0, disk = 0 }, ports = 0 }: Wanted): string =>
  [
    `${mem / 1000} MB of memory`,
    `${cpus / 1000} cpus`,
    `${disk / 1000} MB of disk`,
    ...(ports > 0 ? [`${ports} host ports`] : []),
  ].join(', ');

const funnelText = ({ stage, count, example }: FunnelLine): string => `${count} × ${stage} (${example})`;

const offersText = (input: HungerInput, funnel: readonly FunnelLine[]): string => {
  if (!input.isSubscribed) return 'The framework is not subscribed with a Mesos master.';
  if (input.lastOfferAt === undefined) return 'The master has not sent a single offer.';
  const last = `The last offer came ${seconds(input.now - input.lastOfferAt)} ago.`;
  return funnel.length === 0 ? last : `${last} None will do: ${funnel.map(funnelText).join('; ')}.`;
};

const triedText = (tried: readonly TriedStep[], now: number): string =>
  tried.length === 0
    ? ''
    : ` So far the bridge has ${tried.map(({ step, at }) => `${STEP_WORDS[step]} ${seconds(now - at)} ago`).join(', ')}.`;

const reportOf = (input: HungerInput, tried: readonly TriedStep[]): HungerReport | undefined => {
  const { oldest, now, waiting, bids, rejections } = input;
  if (oldest === undefined) return undefined;
  const funnel = funnelOf({ need: oldest.need, bids, rejections });
  const waits = `${waiting} ${waiting === 1 ? 'piece of work waits' : 'pieces of work wait'} for a place on Mesos, the oldest for ${seconds(now - oldest.since)}; it needs ${needText(oldest.need)}.`;
  const words = `${waits} ${offersText(input, funnel)}${triedText(tried, now)}`;
  return { waitedMs: now - oldest.since, waiting, tried: [...tried], funnel, words };
};

export const createHunger = (options: HungerOptions): Hunger => {
  let tried: TriedStep[] = [];

  /** Steps are for offers that do not come: those that come and do not do would only come again. */
  const nextStep = ({ now, lastOfferAt, isSubscribed, oldest }: HungerInput): HungerStep | undefined => {
    const last = tried.at(-1);
    const began = last?.at ?? oldest?.since ?? now;
    if (!isSubscribed || (lastOfferAt ?? -Infinity) >= began) return undefined;
    if (last !== undefined && now - last.at < options.stepMs) return undefined;
    return HUNGER_STEPS[tried.length];
  };

  return {
    look(input) {
      const { oldest, now, bids } = input;
      const isHungry =
        oldest !== undefined && now - oldest.since >= options.alarmMs && !hasRoom(bids, oldest.need);
      if (!isHungry) {
        tried = [];
        return { report: undefined, step: undefined };
      }
      const step = nextStep(input);
      if (step !== undefined) tried = [...tried, { step, at: now }];
      return { report: reportOf(input, tried), step };
    },
  };
};
