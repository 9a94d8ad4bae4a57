import type { CellState } from '../../common/model/cell.js';
import { createToldCauses } from '../../common/model/told-causes.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { CellBackend } from '../backends/cell-backend.js';
import { type Auction, auctionId } from '../core/auction.js';
import type { Failure } from '../core/decide.js';
import { UNSEEN, type Unplaced, type Waiting, afterCommit, waitsOf } from '../core/outcomes.js';
import { withoutDuplicates } from '../core/order.js';
import type { Policy } from '../core/policy.js';
import type { DecidedBatch } from '../core/recording/batch.js';
import { isCalled } from '../core/recording/choose.js';
import { joinRounds } from '../core/rounds.js';
import type { Scorer } from '../core/scorer.js';
import type { AuctioneerMetrics } from '../metrics.js';
import { createCommitter } from './commit.js';
import { createPlacer } from './place.js';
import { canSeek, seekFor } from './seek.js';

export interface RunnerOptions {
  backend: CellBackend;
  policy: Policy;
  /** a policy of one's own */
  scorer?: Scorer | undefined;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** ms within which a cell must have read its work */
  workDeadlineMs: number;
  metrics: AuctioneerMetrics;
  /** given every batch after its commit, before the report: it takes references only */
  record(batch: DecidedBatch): void;
  /** told once per batch, after the commit */
  report(unplaced: Unplaced, traceId: string): Promise<void>;
}

export interface Runner {
  /** queues auctions for the next batch; there is one batch at a time */
  add(auctions: readonly Auction[]): void;
  /** whether what is called so goes into the next batch: `process_guid.index`, a process guid or a task guid */
  waits(id: string): boolean;
  /** resolves when nothing waits and no batch runs */
  settled(): Promise<void>;
  /** nothing new is placed: a batch that still gathers states ends without a decision */
  stop(): void;
}

/** ms between attempts while no cell at all answers, as in Diego (4 rounds at once there) */
const NO_CELL_PAUSE_MS = 250;
const NO_CELL_ROUNDS = 4;

interface Told {
  batch: DecidedBatch;
  failures: readonly Failure[];
  ms: number;
  /** ms, of each request */
  waitsMs: readonly number[];
}

const distinct = (waiting: readonly Waiting[]): Waiting[] => {
  const kept = new Set(withoutDuplicates(waiting.map(({ auction }) => auction)));
  return waiting.filter(({ auction }) => kept.has(auction));
};

const cellsOf = ({ rounds }: DecidedBatch): number => rounds.reduce((sum, { length }) => sum + length, 0);

/** Tells people, not components, of a batch. */
const tell = ({ metrics, logger }: RunnerOptions, { batch, failures, ms, waitsMs }: Told): void => {
  const { settled } = batch;
  metrics.scheduled({
    size: batch.auctions.length,
    phases: batch,
    placed: settled.placed.map(({ auction }) => auction),
    failed: failures,
    refused: [...settled.refused.map(({ reason }) => reason), ...settled.unseen.map(() => UNSEEN)],
    unknown: settled.unknown.length,
    retried: batch.retried.length,
    deferred: batch.deferred.length,
    waitsMs,
  });
  logger.info('scheduled', {
    traceId: batch.id,
    cells: cellsOf(batch),
    auctions: batch.auctions.length,
    placed: settled.placed.length,
    refused: settled.refused.length,
    unknown: settled.unknown.map(({ auction }) => auctionId(auction)),
    failed: failures.length,
    deferred: batch.deferred.length,
    ms: Math.round(ms),
  });
};

/**
 * Runs batches: states → drain → decide → commit → settle → report. Keeps nothing it needs: what it loses,
 * convergence asks for again.
 */
export const createRunner = (options: RunnerOptions): Runner => {
  const { backend, clock, logger, metrics, policy, scorer } = options;
  let waiting: Waiting[] = [];
  let running: Promise<void> | undefined;
  let stopped = false;
  const told = createToldCauses();

  const statesOf = async (from: CellBackend, traceId: string): Promise<CellState[]> => {
    const began = clock.monotonic();
    const { cells, missed } = await from.states(traceId);
    metrics.fetchedStates({ ms: clock.monotonic() - began, seen: cells.length, missed: missed.length });
    logger.debug('fetched-cell-reps', { cells: cells.length, missed, traceId });
    return cells;
  };
  const place = createPlacer({
    clock,
    commit: createCommitter(options),
    statesOf,
    isStopped: () => stopped,
  });

  const fetchStates = async (traceId: string): Promise<CellState[]> => {
    for (let round = 1; ; round += 1) {
      const cells = await statesOf(backend, traceId);
      const isEnough = cells.length > 0 || backend.next !== undefined || canSeek(backend);
      if (isEnough || round === NO_CELL_ROUNDS || stopped) return cells;
      await clock.sleep(NO_CELL_PAUSE_MS);
    }
  };

  const drain = (): Waiting[] => {
    const batch = distinct(waiting);
    waiting = [];
    return batch;
  };

  const runBatch = async (): Promise<void> => {
    const traceId = options.random.uuid();
    const began = clock.monotonic();
    const cells = await fetchStates(traceId);
    if (stopped) return;
    const batch = drain();
    const auctions = batch.map(({ auction }) => auction);
    const [at, gathered] = [clock.now(), clock.monotonic()];
    const { rounds, settled, ...phases } = await place({ traceId, backend, cells, auctions, policy, scorer });
    const again = afterCommit(batch, settled);
    for (const one of again.retried) waiting.push(one);
    const [committed, retried] = [clock.monotonic(), again.retried.map(({ auction }) => auction)];
    const decision = joinRounds(rounds);
    const unplaced = await seekFor(backend, [...decision.failures, ...again.failures], traceId);
    const { failed: failures, deferred } = unplaced;
    const told = { rounds: rounds.map((round) => round.cells), decision, settled, retried, deferred };
    const statesMs = gathered - began + phases.statesMs;
    const done = { id: traceId, at, policy, auctions, ...told, ...phases, statesMs };
    options.record(done);
    tell(options, { batch: done, failures, ms: committed - began, waitsMs: waitsOf(batch, committed) });
    await options.report(unplaced, traceId);
    metrics.reported(clock.monotonic() - committed);
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0 && !stopped) {
      try {
        await runBatch();
        told.clear();
      } catch (error) {
        if (told.isNew(String(error))) logger.error('batch-failed', { error });
        // what waits still does, and nobody else would come to do anything
        await clock.sleep(NO_CELL_PAUSE_MS);
      }
    }
    running = undefined;
  };

  return {
    add(auctions) {
      const since = clock.monotonic();
      for (const auction of auctions) waiting.push({ auction, refusals: 0, since });
      running ??= run();
    },
    waits: (id) => waiting.some(({ auction }) => isCalled(auction, id)),
    stop: () => void (stopped = true),
    async settled() {
      while (running !== undefined) await running;
    },
  };
};
