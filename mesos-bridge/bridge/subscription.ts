import type { Logger } from '../../common/ports/logger.js';
import { unattended } from '../../common/runtime/unattended.js';
import type { KnownSchedulerEvent } from '../protocol/events.js';
import type { CallSubscribe, Draft, EventSubscribed } from '../protocol/messages.js';
import type { Loss, SchedulerClient, SchedulerClientOptions } from '../protocol/scheduler/client.js';
import type { FrameworkIds, KeptId } from './framework-id.js';
import type { Patience } from './patience.js';
import { untilAnswered } from './patience.js';

/** Makes a client of the masters that are configured; it is started by whoever asked for it. */
export type OpenClient = (
  options: Pick<SchedulerClientOptions, 'subscription' | 'handlers'>,
) => SchedulerClient;

export interface SubscriptionListener {
  /** the framework id is kept: from now on work may be launched; offers of before are void */
  onOpen(subscribed: EventSubscribed): void;
  /** in the order in which they came; none before it is open, and none after it was closed */
  onEvent(event: KnownSchedulerEvent): void;
  onClosed(reason: string): void;
  /** Mesos has forgotten the framework and ended all that ran under it; a new one follows */
  onRemoved(message: string): void;
}

export interface SubscriptionOptions extends SubscriptionListener, Patience {
  readonly ids: FrameworkIds;
  readonly openClient: OpenClient;
  readonly logger: Logger;
  /** as whom; '' = Mesos is to give it an id */
  subscribe(id: string): Draft<CallSubscribe>;
}

export interface Subscription {
  /** undefined before the framework id has been read */
  client(): SchedulerClient | undefined;
  isOpen(): boolean;
  frameworkId(): string;
  /** why it is not open, in words; '' = it is */
  trouble(): string;
  close(): Promise<void>;
}

/** Reads and writes the framework id until the BBS has answered; undefined: it is over. */
const createKeeper = (options: Pick<SubscriptionOptions, 'ids' | 'logger' | 'clock' | 'signal'>) => {
  const { ids, logger } = options;

  const readOnce = async (): Promise<KeptId | undefined> => {
    const read = await ids.read();
    if (!read.ok) logger.warn('framework-id-not-read', { reason: read.error.message });
    return read.ok ? read.value : undefined;
  };
  /** What was refused may be what an unanswered attempt has written. */
  const readOwn = async (id: string): Promise<KeptId | false | undefined> => {
    const read = await readOnce();
    return read === undefined || (read.frameworkId === id && read.version > 0) ? read : false;
  };
  const keepOnce = async (id: string, before: KeptId): Promise<KeptId | false | undefined> => {
    const result = await ids.keep(id, before);
    if (result.ok) return result.value;
    if (result.error.kind === 'conflict') return readOwn(id);
    logger.warn('framework-id-not-kept', { reason: result.error.error.message });
    return undefined;
  };

  return {
    read: () => untilAnswered(options, readOnce),
    /** false: another bridge was faster */
    keep: (id: string, before: KeptId) => untilAnswered(options, () => keepOnce(id, before)),
  };
};

/** Events that come while the id of a new framework is being kept: no more than a batch of offers and what follows. */
const MOST_WAITING = 10_000;

/** Whether events count, and those that came before they did. */
const createGate = (options: SubscriptionListener) => {
  let open = false;
  let trouble = 'the framework id has not been read yet';
  let waiting: KnownSchedulerEvent[] = [];
  /** counts subscriptions: what was begun for an earlier one is of no use for this */
  let round = 0;
  return {
    isOpen: () => open,
    trouble: () => trouble,
    round: () => round,
    waitsFor: (what: string) => void (trouble = what),
    shut(reason: string): void {
      round += 1;
      waiting = [];
      trouble = reason;
      if (open) options.onClosed(reason);
      open = false;
    },
    admit(subscribed: EventSubscribed): void {
      open = true;
      trouble = '';
      const events = waiting;
      waiting = [];
      options.onOpen(subscribed);
      for (const event of events) options.onEvent(event);
    },
    pass(event: KnownSchedulerEvent): void {
      if (open) options.onEvent(event);
      else if (waiting.length < MOST_WAITING) waiting.push(event);
    },
  };
};

/**
 * The subscription at Mesos under one framework id, which is read from the BBS before and kept there before anything is
 * launched under it. A removed framework is replaced by a new one, and never by the dead id again.
 */
export const openSubscription = (options: SubscriptionOptions): Subscription => {
  const { logger, signal } = options;
  const keeper = createKeeper(options);
  const gate = createGate(options);
  let kept: KeptId | undefined;
  let client: SchedulerClient | undefined;

  const restart = async (reason: string): Promise<void> => {
    gate.shut(reason);
    const old = client;
    client = undefined;
    await old?.close();
    await begin();
  };

  /** A new framework of which nobody will know: nothing has been launched under it, and nothing may be. */
  const abandon = async (id: string): Promise<void> => {
    logger.warn('framework-of-another-bridge', { frameworkId: id });
    await client?.send({ type: 'TEARDOWN' });
    await restart('another bridge has registered a framework');
  };

  const onSubscribed = async (subscribed: EventSubscribed): Promise<void> => {
    const id = subscribed.frameworkId.value;
    const before = kept;
    if (before === undefined) return;
    if (before.frameworkId === id) return gate.admit(subscribed);
    gate.waitsFor('the framework id is not kept in the BBS yet');
    const mine = gate.round();
    const result = await keeper.keep(id, before);
    if (result === undefined) return;
    if (result === false) return mine === gate.round() ? abandon(id) : undefined;
    kept = result;
    logger.info('framework-registered', { frameworkId: id });
    if (mine === gate.round()) gate.admit(subscribed);
  };

  /** Loud, since everything that ran on Mesos is gone; and then anew, since nothing comes of the old id any more. */
  const onRemoved = async (message: string): Promise<void> => {
    const before = kept;
    if (before === undefined) return;
    const { frameworkId } = before;
    logger.error('framework-removed', { code: 'MESOS_FRAMEWORK_REMOVED', frameworkId, message });
    gate.shut(message);
    options.onRemoved(message);
    await keeper.keep('', before);
    await restart(message);
  };

  const work = (what: () => Promise<void>): void =>
    unattended({ logger, event: 'subscription-failed' }, what);

  const handlers = {
    onLost({ kind, error }: Loss): void {
      if (kind === 'removed') work(() => onRemoved(error.message));
      else gate.shut(error.message);
    },
    onEvent(event: KnownSchedulerEvent): void {
      if (event.type !== 'SUBSCRIBED') return gate.pass(event);
      gate.shut('subscribed anew');
      work(() => onSubscribed(event.subscribed));
    },
  };

  const begin = async (): Promise<void> => {
    kept = await keeper.read();
    if (kept === undefined || signal.aborted) return;
    gate.waitsFor('no Mesos master has answered yet');
    const subscription = () => options.subscribe(kept?.frameworkId ?? '');
    client = options.openClient({ subscription, handlers });
    client.start();
  };

  work(begin);
  return {
    client: () => client,
    isOpen: gate.isOpen,
    frameworkId: () => kept?.frameworkId ?? '',
    trouble: gate.trouble,
    async close() {
      gate.shut('the bridge has been stopped');
      await client?.close();
      client = undefined;
    },
  };
};
