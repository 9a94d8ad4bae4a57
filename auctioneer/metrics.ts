import { DURATION_BUCKETS_NS } from '../common/ports/metrics.js';
import type { Metrics } from '../common/ports/metrics.js';
import type { Auction } from './core/auction.js';
import type { Failure } from './core/decide.js';
import type { Phases } from './core/recording/batch.js';
import { type ReasonKind, reasonKind } from './core/reasons.js';

/** A batch that is through. */
export interface ScheduledBatch {
  /** auctions in it */
  size: number;
  phases: Phases;
  placed: readonly Auction[];
  failed: readonly Failure[];
  /** why cells did not take what was placed on them */
  refused: readonly string[];
  /** of which it is not known whether their cell took them */
  unknown: number;
  /** that go into the next batch again */
  retried: number;
  /** without a place, for which capacity is being sought */
  deferred: number;
  /** ms for which each request that it is the first batch of has waited for its end */
  waitsMs: readonly number[];
}

/** What is told of an auctioneer's work as it does it. */
export interface AuctioneerMetrics {
  /** states of cells have been asked for: so many are at hand, and of so many present ones none that can be used */
  fetchedStates(fetch: { ms: number; seen: number; missed: number }): void;
  scheduled(batch: ScheduledBatch): void;
  /** the BBS knows what found no place in a batch */
  reported(ms: number): void;
}

export interface Held {
  bytes: number;
  batches: number;
  dropped: number;
}

/** Registers what is measured of the recorded batches. */
export const registerRecording = (metrics: Metrics, held: () => Held): void => {
  const family = {
    AuctionBatchesRecorded: { help: 'Batches that can be explained and replayed now.' },
    AuctionRecordingBytes: { help: 'Bytes that the recorded batches take.' },
  };
  metrics.gauges(family, () => {
    const { bytes, batches } = held();
    return { AuctionBatchesRecorded: batches, AuctionRecordingBytes: bytes };
  });
  const dropped = {
    AuctionBatchesDropped: { help: 'Batches that are no longer recorded, for want of room.' },
  };
  metrics.counters(dropped, () => ({ AuctionBatchesDropped: held().dropped }));
};

const NS_PER_MS = 1e6;

const registerOutcomes = (metrics: Metrics) => {
  const counter = (name: string, help: string) => metrics.counter(name, { help });
  const started = {
    lrp: counter('AuctioneerLRPAuctionsStarted', 'Instances that got a place: their cell has taken them.'),
    task: counter('AuctioneerTaskAuctionsStarted', 'Tasks that got a place: their cell has taken them.'),
  };
  const failed = {
    lrp: counter('AuctioneerLRPAuctionsFailed', 'Instances for which there was no place.'),
    task: counter('AuctioneerTaskAuctionsFailed', 'Tasks for which there was no place.'),
  };
  const unknown = counter(
    'AuctionsUnknown',
    'Auctions whose cell did not say whether it took them, not even when asked again.',
  );
  const retried = counter(
    'AuctionsRetried',
    'Auctions that their cell did not take, and that went into the next batch again.',
  );
  const deferred = counter(
    'AuctionsDeferred',
    'Auctions for which there was no place, and for which capacity is being sought: they wait for Mesos offers.',
  );
  return (batch: ScheduledBatch): void => {
    deferred.increment({}, batch.deferred);
    for (const { kind } of batch.placed) started[kind].increment();
    for (const { auction } of batch.failed) failed[auction.kind].increment();
    unknown.increment({}, batch.unknown);
    retried.increment({}, batch.retried);
  };
};

/** Texts name tags, and cells say what they like: what is counted are the kinds. */
const countKinds = (reasons: readonly string[]): Map<ReasonKind, number> => {
  const texts = new Map<string, number>();
  for (const reason of reasons) texts.set(reason, (texts.get(reason) ?? 0) + 1);
  const kinds = new Map<ReasonKind, number>();
  for (const [text, count] of texts) {
    const kind = reasonKind(text);
    kinds.set(kind, (kinds.get(kind) ?? 0) + count);
  }
  return kinds;
};

const registerReasons = (metrics: Metrics) => {
  const byReason = (name: string, help: string) => {
    const counter = metrics.counter(name, { help, labels: ['reason'] });
    return (reasons: readonly string[]): void => {
      for (const [reason, count] of countKinds(reasons)) counter.increment({ reason }, count);
    };
  };
  const failed = byReason('AuctionsFailed', 'Auctions for which there was no place, by why.');
  const refused = byReason('AuctionsRefused', 'Placements that their cell did not take, by why.');
  return (batch: ScheduledBatch): void => {
    failed(batch.failed.map(({ reason }) => reason));
    refused(batch.refused);
  };
};

const SIZES: readonly number[] = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000];

const registerBatches = (metrics: Metrics) => {
  const duration = { unit: 'ns', buckets: DURATION_BUCKETS_NS } as const;
  const sizes = metrics.histogram('AuctionBatchSize', {
    help: 'Auctions that were decided together.',
    buckets: SIZES,
  });
  const phase = metrics.histogram('AuctionBatchDuration', {
    ...duration,
    help: 'Time of a batch, by phase: until the states are in (states), decided (decide), sent and answered (commit), and the BBS knows what found no place (report).',
    labels: ['phase'],
  });
  const waits = metrics.histogram('AuctionWaitDuration', {
    ...duration,
    help: 'Time from a request to the end of the first batch that it was in, before the report.',
  });
  const took = (name: string, ms: number): void => phase.observe(ms * NS_PER_MS, { phase: name });
  return {
    reported: (ms: number): void => took('report', ms),
    scheduled({ size, phases, waitsMs }: ScheduledBatch): void {
      sizes.observe(size);
      took('states', phases.statesMs);
      took('decide', phases.decideMs);
      took('commit', phases.commitMs);
      for (const ms of waitsMs) waits.observe(ms * NS_PER_MS);
    },
  };
};

const registerStates = (metrics: Metrics): AuctioneerMetrics['fetchedStates'] => {
  const duration = metrics.histogram('AuctioneerFetchStatesDuration', {
    help: 'Time in which the cells told their states for one batch.',
    unit: 'ns',
    buckets: DURATION_BUCKETS_NS,
  });
  const seen = metrics.counter('AuctionCellsSeen', { help: 'Cells whose state was at hand for a batch.' });
  const missed = metrics.counter('AuctioneerFailedCellStateRequests', {
    help: 'Present cells that gave no usable state for a batch.',
  });
  return (fetch) => {
    duration.observe(fetch.ms * NS_PER_MS);
    seen.increment({}, fetch.seen);
    missed.increment({}, fetch.missed);
  };
};

/** Registers what an auctioneer measures. `held`: it holds the lease and takes requests. */
export const createAuctioneerMetrics = (metrics: Metrics, held: () => boolean): AuctioneerMetrics => {
  metrics.gauges({ LockHeld: { help: '1 while this auctioneer holds the lease; 0 on a stand-by.' } }, () => ({
    LockHeld: Number(held()),
  }));
  const [outcomes, reasons] = [registerOutcomes(metrics), registerReasons(metrics)];
  const batches = registerBatches(metrics);
  return {
    fetchedStates: registerStates(metrics),
    reported: batches.reported,
    scheduled(batch) {
      outcomes(batch);
      reasons(batch);
      batches.scheduled(batch);
    },
  };
};
