import { err, ok } from '../../common/model/result.js';
import type { BbsError, BbsResult } from '../../common/model/bbs-error.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { CommitError } from '../../common/store/contract.js';
import { commitErrorText } from '../../common/store/trouble.js';
import type { Context, Decided, Decision } from '../core/decision.js';
import { historyOf } from '../core/history.js';
import { applyChanges } from '../store/schema.js';
import type { BbsStore, Emission, PendingTables } from '../store/schema.js';

export interface TransactionOptions {
  store: BbsStore;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export interface Transactions {
  /** decides on pending state, and answers when the decision is durable */
  run<T>(
    name: string,
    traceId: string,
    decide: (tables: PendingTables, ctx: Context) => Decided<T>,
  ): Promise<BbsResult<T>>;
  /** ns since the epoch, never set back */
  steadyNow(): number;
}

const NS_PER_MS = 1e6;

/** ms by which the wall clock may outrun the monotonic one between two readings without having been set */
const TOLERANCE_MS = 1_000;

/**
 * Begins with the wall clock and goes on with the monotonic one, but for steps forward: the machine may have
 * slept. Steps back are not followed. ns since the epoch.
 */
const createSteadyClock = (clock: Clock): (() => number) => {
  let [wall, monotonic] = [clock.now(), clock.monotonic()];
  let steady = wall;
  return () => {
    const passed = { wall: clock.now() - wall, monotonic: clock.monotonic() - monotonic };
    wall += passed.wall;
    monotonic += passed.monotonic;
    steady += passed.wall > passed.monotonic + TOLERANCE_MS ? passed.wall : passed.monotonic;
    return Math.round(steady) * NS_PER_MS;
  };
};

/** Nothing was stored: asking again is right. */
const storeError = (error: CommitError): BbsError => ({
  type: 'UnknownError',
  message: commitErrorText(error),
  unavailable: true,
});

const emissionsOf = <T>({ events, effects }: Decision<T>, { traceId, now }: Context): Emission[] => {
  const noted = historyOf(events).map((note) => ({ at: now, ...note }));
  return [
    ...events.map((event) => ({ event })),
    ...effects.map((effect) => ({ effect, traceId })),
    ...(noted.length > 0 ? [{ noted }] : []),
  ];
};

export const createTransactions = ({ store, clock, random, logger }: TransactionOptions): Transactions => {
  const now = (): number => clock.now() * NS_PER_MS;
  const steadyNow = createSteadyClock(clock);

  const decideAndApply = <T>(tables: PendingTables, ctx: Context, decided: Decided<T>) => {
    if (!decided.ok) return { value: decided as BbsResult<T>, events: [] };
    applyChanges(tables, decided.value.changes);
    const value: BbsResult<T> = ok(decided.value.value);
    return { value, events: emissionsOf(decided.value, ctx) };
  };

  return {
    steadyNow,
    async run<T>(
      name: string,
      traceId: string,
      decide: (tables: PendingTables, ctx: Context) => Decided<T>,
    ): Promise<BbsResult<T>> {
      logger.debug(`${name}.starting`, { traceId });
      const committed = await store.transact((tables) => {
        const ctx: Context = { now: now(), steadyNow: steadyNow(), newGuid: random.uuid, traceId };
        return decideAndApply(tables, ctx, decide(tables, ctx));
      });
      const result = committed.ok ? committed.value : err(storeError(committed.error));
      if (result.ok) logger.debug(`${name}.complete`, { traceId });
      else logger.info(`${name}.failed`, { traceId, ...result.error });
      return result;
    },
  };
};
