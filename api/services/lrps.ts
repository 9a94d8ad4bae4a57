import type { DesiredLrpApi } from '../../bbs/index.js';
import type { DesiredLrp } from '../../common/model/lrp.js';
import type { Result } from '../../common/model/result.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { createTurns } from '../../common/runtime/turns.js';
import type { ApiFailure } from '../core/failure.js';
import { APPS_DOMAIN } from '../core/lrp-parts.js';
import { planLrps } from '../core/reconcile.js';
import type { State } from '../store/state.js';
import { createLrpWriter } from './lrp-writer.js';

/**
 * Keeps the BBS's desired LRPs equal to what apps want. The API's rows are the truth: they change first, and
 * whatever breaks between the two is mended by the next comparison.
 */
export interface Lrps {
  start(): Promise<void>;
  stop(): void;
  /** makes the BBS hold what this app wants now */
  syncApp(appGuid: string): Promise<Result<void, ApiFailure[]>>;
  /** whether the BBS answered when everything was compared the last time */
  bbsAnswers(): boolean;
}

export interface LrpsOptions {
  state: State;
  bbs: DesiredLrpApi;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** ms between comparisons of everything, each of which renews the domain */
  syncIntervalMs: number;
  /** s for which the domain stays fresh without renewal */
  domainTtlSeconds: number;
}

/** ms until what the BBS did not take is tried again. */
const RETRY_MS = 2_000;

/** Apps whose LRPs differ from what the BBS listed; the list may be stale, so each is looked at anew. */
const differing = (state: State, existing: readonly DesiredLrp[]): Set<string> => {
  const plan = planLrps(state.tables, state.settings, { existing });
  const owner = new Map(existing.map((lrp) => [lrp.processGuid, lrp.logGuid]));
  const guids = [...plan.remove, ...plan.update.map((entry) => entry.processGuid)];
  return new Set([...plan.desire.map((lrp) => lrp.logGuid), ...guids.map((guid) => owner.get(guid) ?? '')]);
};

export const createLrps = (options: LrpsOptions): Lrps => {
  const { state, bbs, clock, random, logger } = options;
  const writer = createLrpWriter({ state, bbs, random });
  const inTurn = createTurns();
  const failed = new Set<string>();
  const cancels: Cancel[] = [];
  let synced = false;
  let answers = false;

  const syncApp = (appGuid: string): Promise<Result<void, ApiFailure[]>> =>
    inTurn(appGuid, async () => {
      const outcome = await writer.write(appGuid);
      if (outcome.ok) failed.delete(appGuid);
      else {
        failed.add(appGuid);
        logger.warn('failed-to-sync-app', { appGuid, reason: outcome.error[0]?.detail });
      }
      return outcome;
    });

  const syncAll = async (): Promise<boolean> => {
    const existing = await bbs.desiredLrps({ domain: APPS_DOMAIN });
    answers = existing.ok;
    if (!existing.ok) {
      logger.warn('failed-to-list-desired-lrps', { reason: existing.error.message });
      return false;
    }
    writer.remember(existing.value);
    let complete = true;
    for (const appGuid of differing(state, existing.value))
      complete = (await syncApp(appGuid)).ok && complete;
    return complete;
  };

  /** The domain is said to be complete only right after a comparison that showed it to be. */
  const syncAndRenew = async (): Promise<void> => {
    synced = false;
    if (!(await syncAll())) return;
    const renewed = await bbs.upsertDomain(APPS_DOMAIN, options.domainTtlSeconds, random.uuid());
    if (!renewed.ok) logger.warn('failed-to-renew-domain', { reason: renewed.error.message });
    synced = renewed.ok;
  };

  const retry = async (): Promise<void> => {
    if (!synced) return syncAndRenew();
    for (const appGuid of failed) await syncApp(appGuid);
  };

  return {
    syncApp,
    bbsAnswers: () => answers,
    async start() {
      await syncAndRenew();
      cancels.push(clock.every(options.syncIntervalMs, syncAndRenew), clock.every(RETRY_MS, retry));
    },
    stop() {
      for (const cancel of cancels.splice(0)) cancel();
    },
  };
};
