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

/** Events that come while the id of a new framework is being kept: no more than a batch of offers and what follows. */
const MOST_WAITING = 10_000;

/**
 * The subscription at Mesos under one framework id, which is read from the BBS before and kept there before anything is
 * launched under it. A removed framework is replaced by a new one, and never by the dead id again.
 */
export const openSubscription = (options: SubscriptionOptions): Subscription => {
  const { ids, logger, signal } = options;
  let kept: KeptId | undefined;
  let client: SchedulerClient | undefined;
  let open = false;
  let trouble = 'the framework id has not been read yet';
  let waiting: KnownSchedulerEvent[] = [];
  /** counts subscriptions: what was begun for an earlier one is of no use for this */
  let round = 0;

  const shut = (reason: string): void => {
    round += 1;
    waiting = [];
    trouble = reason;
    if (open) options.onClosed(reason);
    open = false;
  };

  const restart = async (reason: string): Promise<void> => {
    shut(reason);
    const old = client;
    client = undefined;
    await old?.close();
    await begin();
  };

  /** What was refused may be what an unanswered attempt has written. */
  const readOwn = async (id: string): Promise<KeptId | false | undefined> => {
    const read = await ids.read();
    if (!read.ok) return undefined;
    return read.value.frameworkId === id && read.value.version > 0 ? read.value : false;
  };

  /** undefined: the BBS does not answer; false: another bridge was faster */
  const keepOnce = async (id: string, before: KeptId): Promise<KeptId | false | undefined> => {
    const result = await ids.keep(id, before);
    if (result.ok) return result.value;
    if (result.error.kind === 'conflict') return readOwn(id);
    logger.warn('framework-id-not-kept', { reason: result.error.error.message });
    return undefined;
  };

  const admit = (subscribed: EventSubscribed): void => {
    open = true;
    trouble = '';
    const events = waiting;
    waiting = [];
    logger.info('subscribed', { frameworkId: subscribed.frameworkId.value });
    options.onOpen(subscribed);
    for (const event of events) options.onEvent(event);
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
    if (before.frameworkId === id) return admit(subscribed);
    trouble = 'the framework id is not kept in the BBS yet';
    const mine = round;
    const result = await untilAnswered(options, () => keepOnce(id, before));
    if (result === undefined) return;
    if (result === false) return mine === round ? abandon(id) : undefined;
    kept = result;
    if (mine !== round) return;
    logger.info('framework-registered', { frameworkId: id });
    admit(subscribed);
  };

  /** Loud, since everything that ran on Mesos is gone; and then anew, since nothing comes of the old id any more. */
  const onRemoved = async (message: string): Promise<void> => {
    const before = kept;
    if (before === undefined) return;
    logger.error('framework-removed', {
      code: 'MESOS_FRAMEWORK_REMOVED',
      frameworkId: before.frameworkId,
      message,
    });
    shut(message);
    options.onRemoved(message);
    await untilAnswered(options, () => keepOnce('', before));
    await restart(message);
  };

  const work = (what: () => Promise<void>): void =>
    unattended({ logger, event: 'subscription-failed' }, what);

  const onLost = ({ kind, error }: Loss): void => {
    if (kind === 'removed') work(() => onRemoved(error.message));
    else shut(error.message);
  };

  const onEvent = (event: KnownSchedulerEvent): void => {
    if (event.type === 'SUBSCRIBED') {
      shut('subscribed anew');
      work(() => onSubscribed(event.subscribed));
    } else if (open) options.onEvent(event);
    else if (waiting.length < MOST_WAITING) waiting.push(event);
  };

  const begin = async (): Promise<void> => {
    kept = await untilAnswered(options, async () => {
      const read = await ids.read();
      if (!read.ok) logger.warn('framework-id-not-read', { reason: read.error.message });
      return read.ok ? read.value : undefined;
    });
    if (kept === undefined || signal.aborted) return;
    trouble = 'no Mesos master has answered yet';
    client = options.openClient({
      subscription: () => options.subscribe(kept?.frameworkId ?? ''),
      handlers: { onEvent, onLost },
    });
    client.start();
  };

  work(begin);
  return {
    client: () => client,
    isOpen: () => open,
    frameworkId: () => kept?.frameworkId ?? '',
    trouble: () => trouble,
    async close() {
      shut('the bridge has been stopped');
      await client?.close();
      client = undefined;
    },
  };
};
