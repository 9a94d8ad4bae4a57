import type { Bus, BusMessage } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { ImageReply } from '../../common/model/image.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS, cellSubject } from '../../common/wire/subjects.js';
import type { ContainerRuntime, DescribeResult } from '../core/container-runtime.js';
import { within } from '../waiting/pause.js';

/** Of all cells that know images one answers. */
const QUEUE = 'images';
/** ms that an asker is kept waiting; a pull takes longer, and its asker comes again */
const WAIT_MS = 1_000;
/** ms for which an outcome is kept for whoever asked and has not come again */
const KEPT_MS = 60_000;
/** Images looked up at the same time; more wait until they are asked for again. */
const MOST_LOOKUPS = 8;

interface Lookup {
  done: Promise<DescribeResult>;
  /** ends the time for which the outcome is kept */
  expire: Cancel;
}

export interface ImageQueriesOptions {
  cellId: string;
  bus: Bus;
  clock: Clock;
  logger: Logger;
  runtime: Pick<ContainerRuntime, 'healthy'> & Required<Pick<ContainerRuntime, 'describeImage'>>;
}

/** May be started again after a stop. */
export interface ImageQueries {
  start(): void;
  stop(): void;
}

/** Lookups go on between questions about them; an outcome is told once, so that the next question looks anew. */
const createLookups = ({ clock, runtime }: ImageQueriesOptions) => {
  const lookups = new Map<string, Lookup>();

  const isCurrent = (rootfs: string, lookup: Lookup): boolean => lookups.get(rootfs) === lookup;

  const begin = (rootfs: string): Lookup => {
    const lookup: Lookup = { done: runtime.describeImage(rootfs), expire: () => undefined };
    const forget = (): void => {
      if (isCurrent(rootfs, lookup)) lookups.delete(rootfs);
    };
    const keep = (): void => {
      if (isCurrent(rootfs, lookup)) lookup.expire = clock.after(KEPT_MS, forget);
    };
    void lookup.done.then(keep, forget);
    lookups.set(rootfs, lookup);
    return lookup;
  };

  return {
    /** undefined: still looking */
    async outcome(rootfs: string): Promise<DescribeResult | undefined> {
      const known = lookups.get(rootfs);
      if (!known && lookups.size >= MOST_LOOKUPS) return undefined;
      const lookup = known ?? begin(rootfs);
      const outcome = await within(clock, WAIT_MS, lookup.done);
      if (outcome !== undefined && isCurrent(rootfs, lookup)) {
        lookup.expire();
        lookups.delete(rootfs);
      }
      return outcome;
    },
    stop() {
      for (const { expire } of lookups.values()) expire();
      lookups.clear();
    },
  };
};

const replyOf = (cellId: string, outcome: DescribeResult | undefined): ImageReply => {
  if (outcome === undefined) return { cellId, status: 'pending', reason: '' };
  return outcome.ok
    ? { cellId, status: 'found', reason: '', image: outcome.image }
    : { cellId, status: 'failed', reason: outcome.reason };
};

/** Answers what images are made to run, for the whole system when its turn comes. */
export const answerImageQueries = (options: ImageQueriesOptions): ImageQueries => {
  const { cellId, bus, logger, runtime } = options;
  const lookups = createLookups(options);
  const cancels: Cancel[] = [];

  const answer = async (message: BusMessage): Promise<void> => {
    const query = decode('ImageQuery', message.payload);
    if (!query.ok)
      return logger.error('request-unreadable', { subject: message.subject, error: query.error });
    // no answer makes the asker try again, and perhaps another cell
    if (!runtime.healthy()) return;
    const { rootfs, traceId } = query.value;
    const outcome = await lookups.outcome(rootfs);
    if (outcome) {
      logger.info('image-looked-up', { traceId, rootfs, ...(outcome.ok ? {} : { reason: outcome.reason }) });
    }
    message.respond(encode('ImageReply', replyOf(cellId, outcome)));
  };
  const hear = (message: BusMessage): void =>
    void answer(message).catch((error: unknown) => logger.error('image-lookup-failed', { error }));

  return {
    start() {
      cancels.push(
        bus.subscribe(SUBJECTS.cellImage, hear, { queue: QUEUE }),
        bus.subscribe(cellSubject(cellId, 'image'), hear),
      );
    },
    stop() {
      for (const cancel of cancels.splice(0)) cancel();
      lookups.stop();
    },
  };
};
