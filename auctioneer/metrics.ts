import { DURATION_BUCKETS_NS } from '../common/ports/metrics.js';
import type { Metrics } from '../common/ports/metrics.js';
import type { Auction } from './core/auction.js';

/** What is told of an auctioneer's work as it does it. */
export interface AuctioneerMetrics {
  /** states of cells have been asked for; so many present ones gave none that can be used */
  fetchedStates(fetch: { ms: number; missed: number }): void;
  /** a batch is through: what has a place now, and what has none */
  scheduled(batch: { placed: readonly Auction[]; failed: readonly Auction[] }): void;
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

const registerAuctions = (metrics: Metrics) => {
  const counter = (name: string, help: string) => metrics.counter(name, { help });
  const started = {
    lrp: counter('AuctioneerLRPAuctionsStarted', 'Instances that got a place: their cell has taken them.'),
    task: counter('AuctioneerTaskAuctionsStarted', 'Tasks that got a place: their cell has taken them.'),
  };
  const failed = {
    lrp: counter('AuctioneerLRPAuctionsFailed', 'Instances for which there was no place.'),
    task: counter('AuctioneerTaskAuctionsFailed', 'Tasks for which there was no place.'),
  };
  return (batch: { placed: readonly Auction[]; failed: readonly Auction[] }): void => {
    for (const { kind } of batch.placed) started[kind].increment();
    for (const { kind } of batch.failed) failed[kind].increment();
  };
};

/** Registers what an auctioneer measures. `held`: it holds the lease and takes requests. */
export const createAuctioneerMetrics = (metrics: Metrics, held: () => boolean): AuctioneerMetrics => {
  metrics.gauges({ LockHeld: { help: '1 while this auctioneer holds the lease; 0 on a stand-by.' } }, () => ({
    LockHeld: Number(held()),
  }));
  const duration = metrics.histogram('AuctioneerFetchStatesDuration', {
    help: 'Time in which the cells told their states for one batch.',
    unit: 'ns',
    buckets: DURATION_BUCKETS_NS,
  });
  const missed = metrics.counter('AuctioneerFailedCellStateRequests', {
    help: 'Present cells that gave no usable state for a batch.',
  });
  return {
    fetchedStates(fetch) {
      duration.observe(fetch.ms * NS_PER_MS);
      missed.increment({}, fetch.missed);
    },
    scheduled: registerAuctions(metrics),
  };
};
