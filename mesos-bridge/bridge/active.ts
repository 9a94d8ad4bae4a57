import type { CoordinationApi } from '../../bbs/index.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { encode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import type { MesosBridgeConfig } from '../config.js';
import type { MesosBook } from '../core/book.js';
import { createMesosBook } from '../core/book.js';
import type { Demand } from '../core/demand.js';
import { createDemand } from '../core/demand.js';
import type { HungerStep } from '../core/hunger.js';
import { HUNGER_DEFAULTS, createHunger } from '../core/hunger.js';
import type { OfferEffect } from '../core/offer-book.js';
import type { Reconcile } from '../core/reconciliation.js';
import { RECONCILIATION_DEFAULTS, createReconciliation } from '../core/reconciliation.js';
import type { BridgeAnswers } from '../handlers/bus-handlers.js';
import type { BridgeMetrics, BridgeReading } from '../metrics.js';
import type { EventSubscribed } from '../protocol/messages.js';
import { createAdoption } from './adoption.js';
import { createAnswers } from './answers.js';
import { bookOptions } from './book-options.js';
import * as calls from './calls.js';
import type { Enrolling } from './enrolment.js';
import { createEnrolling } from './enrolling.js';
import { createEvents } from './events.js';
import type { EnrolmentDoor } from './executor-info.js';
import { createExecutorTemplate } from './executor-info.js';
import { createFrameworkIds } from './framework-id.js';
import { frameworkInfo } from './framework-info.js';
import { createLeaving } from './leaving.js';
import { createPulse } from './pulse.js';
import { createSender } from './sender.js';
import type { Sender } from './sender.js';
import { createStatuses } from './statuses.js';
import type { OpenClient, Subscription } from './subscription.js';
import { openSubscription } from './subscription.js';
import type { TellerBbs } from './teller.js';
import { createTeller } from './teller.js';

export type BridgeBbs = TellerBbs & Pick<CoordinationApi, 'kvGet' | 'kvPut'>;

export interface ActiveOptions {
  readonly config: MesosBridgeConfig;
  readonly bus: Bus;
  readonly bbs: BridgeBbs;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: BridgeMetrics;
  readonly openClient: OpenClient;
  readonly door: EnrolmentDoor;
  /** another bridge may have more luck: give up the lease */
  stepDown(): void;
}

/** A bridge for as long as it holds the lease. It begins with nothing but the framework's id: all else Mesos and the BBS tell. */
export interface ActiveBridge {
  readonly answers: BridgeAnswers;
  readonly demand: Demand;
  /** how much waits has changed */
  onDemand(): void;
  readonly enrolling: Enrolling;
  /** why it can launch nothing, in words; '' = it can */
  trouble(): string;
  stop(): Promise<void>;
}

/** ms between two looks at what time has brought about */
const BEAT_MS = 250;

/** ms for which the offers of all agents are looked at, whatever waits: they name the executors there. */
const LOOK_MS = 3_000;

/** Room has appeared, or work is without a place again: the BBS asks for all that waits. */
const createCall = ({ bus, random }: ActiveOptions) => {
  let called = false;
  return (): void => {
    if (called) return;
    called = true;
    // what one event brings about is told once
    void Promise.resolve().then(() => {
      called = false;
      bus.publish(
        SUBJECTS.auctionCapacity,
        encode('CapacityAppeared', { traceId: random.uuid(), cellId: '' }),
      );
    });
  };
};

/** The books, begun anew with every framework. */
const createBooks = (options: ActiveOptions) => {
  const { config, random } = options;
  const template = createExecutorTemplate({ ...config, door: options.door });
  const incarnation = random.uuid();
  const settings = bookOptions(config, template, incarnation);
  let book = createMesosBook(settings);
  return {
    template,
    settings,
    incarnation,
    book: (): MesosBook => book,
    renew: () => void (book = createMesosBook({ ...settings, firstVersion: book.version() + 1 })),
  };
};

/** Asks Mesos to end a task, if it is still there. */
const killerOf =
  (book: () => MesosBook, sender: Sender, clock: Clock) =>
  (taskId: string): void => {
    const call = book().tasks.kill(taskId, clock.monotonic());
    if (call !== undefined) sender.send(calls.kill(call));
  };

/** What the parts of a bridge do to each other. */
const createParts = (options: ActiveOptions, signal: AbortSignal, subscription: () => Subscription) => {
  const { clock, logger, metrics, bbs, config } = options;
  const books = createBooks(options);
  const { book, template } = books;
  const demand = createDemand();
  const announce = createCall(options);
  const sender = createSender({
    client: () => subscription().client(),
    logger,
    counted: metrics.call,
  });
  const teller = createTeller({ bbs, clock, logger, signal, wantedAgain: announce });
  const reconciliation = createReconciliation(RECONCILIATION_DEFAULTS);
  const adopted = createAdoption({ bbs, clock, logger, signal, kill: killerOf(book, sender, clock) });
  const statuses = createStatuses({
    tasks: {
      find: (guid) => book().tasks.find(guid),
      settled: (id, uuid) => book().tasks.settled(id, uuid),
      unsettled: (id, uuid) => book().tasks.unsettled(id, uuid),
    },
    judge: (status, now) => book().status(status, now),
    teller,
    adopted,
    clock,
    logger,
    send: sender.send,
    heard: ({ state, reason }) => metrics.update(state, reason),
  });
  const ask = (questions: readonly Reconcile[]): void => {
    for (const { tasks } of questions) sender.send(calls.reconcile(tasks));
  };
  const perform = (effects: readonly OfferEffect[]): void => {
    for (const effect of effects) sender.send(callOf(effect));
  };
  let lastOfferAt: number | undefined;
  const events = createEvents({
    book,
    role: config.framework.role,
    template,
    reconciliation,
    statuses,
    clock,
    logger,
    perform,
    ask,
    onRoom() {
      lastOfferAt = clock.monotonic();
      if (demand.size() > 0) announce();
    },
    countedFailure: metrics.failure,
  });
  /** ms, monotonic: until when offers are wanted whatever waits */
  let lookingUntil = -Infinity;
  const onDemand = (): void => {
    const now = clock.monotonic();
    perform(book().offers.wants(Math.max(demand.size(), now < lookingUntil ? 1 : 0), now));
  };
  return {
    ...books,
    demand,
    announce,
    sender,
    statuses,
    reconciliation,
    events,
    ask,
    perform,
    onDemand,
    lastOfferAt: () => lastOfferAt,
    look(): void {
      lookingUntil = clock.monotonic() + LOOK_MS;
      onDemand();
    },
  };
};

type Parts = ReturnType<typeof createParts>;

const callOf = (effect: OfferEffect) => {
  switch (effect.kind) {
    case 'decline':
      return calls.decline(effect.offerIds, effect.refuseSeconds);
    case 'revive':
      return calls.revive();
    case 'suppress':
      return calls.suppress();
    case 'accept-inverse-offers':
    case 'decline-inverse-offers':
      return calls.answerInverse(effect.kind, effect.inverseOfferIds, effect.refuseSeconds);
  }
};

/** What subscriptions bring about, from one framework to the next. */
const subscribe = (options: ActiveOptions, parts: Parts, signal: AbortSignal): Subscription => {
  const { config, clock, logger, bbs } = options;
  const { book, demand, reconciliation, perform } = parts;
  let suppressed = false;
  return openSubscription({
    ids: createFrameworkIds(bbs, config.framework.name),
    openClient: options.openClient,
    clock,
    logger,
    signal,
    subscribe(id) {
      suppressed = id === '' && demand.size() === 0;
      return {
        frameworkInfo: frameworkInfo(config.framework, id),
        suppressedRoles: suppressed ? [config.framework.role] : [],
      };
    },
    onOpen({ masterInfo }: EventSubscribed) {
      const homeRegion = masterInfo?.domain?.faultDomain?.region?.name ?? '';
      const now = clock.monotonic();
      perform(book().offers.subscribed({ homeRegion, suppressed }, now));
      const known = [...book().tasks.all()].map(({ id, agentId }) => ({ taskId: id, agentId }));
      parts.ask(reconciliation.subscribed(known, now));
      // what waited while there was no bridge, or no master, waits no longer than it must
      parts.announce();
      if (!suppressed) parts.look();
    },
    onEvent: parts.events,
    onClosed() {
      book().offers.disconnected(clock.monotonic());
      reconciliation.disconnected();
    },
    onRemoved(message) {
      const tasks = [...book().tasks.all()];
      parts.renew();
      for (const task of tasks) parts.statuses.lost(task, message);
    },
  });
};

const readingOf = (parts: Parts, subscription: Subscription, hungerMs: number): BridgeReading => ({
  offers: parts.book().offers.counts(),
  held: parts.book().offers.held(),
  executors: [...parts.book().executors.all()].length,
  tasks: parts.book().tasks.size(),
  waiting: parts.demand.size(),
  hungerMs,
  unacknowledged: parts.statuses.unacknowledged(),
  subscribed: subscription.isOpen(),
});

export const startBridge = (options: ActiveOptions): ActiveBridge => {
  const { config, clock, logger, metrics } = options;
  const ending = new AbortController();
  const parts = createParts(options, ending.signal, () => subscription);
  const subscription = subscribe(options, parts, ending.signal);
  const tryStep = (step: HungerStep): void => {
    if (step === 'revive') parts.perform(parts.book().offers.revive(clock.monotonic()));
    else if (step === 'resubscribe') subscription.client()?.renew('work waits, and no offers come');
    else options.stepDown();
  };
  const hunger = createHunger({ ...HUNGER_DEFAULTS, alarmMs: config.hungerAfterMs });
  const pulse = createPulse({
    ...parts,
    hunger,
    clock,
    logger,
    isSubscribed: subscription.isOpen,
    leave: createLeaving(options),
    tryStep,
  });
  const stopBeat = clock.every(BEAT_MS, pulse.beat);
  metrics.read(() => readingOf(parts, subscription, pulse.hunger()?.waitedMs ?? 0));
  return {
    answers: createAnswers({ ...options, ...parts, subscription, hunger: pulse.hunger }),
    demand: parts.demand,
    onDemand: parts.onDemand,
    enrolling: createEnrolling(parts.book, clock),
    trouble: subscription.trouble,
    async stop() {
      ending.abort();
      stopBeat();
      metrics.read(undefined);
      await subscription.close();
    },
  };
};
