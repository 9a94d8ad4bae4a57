import type { LrpWork, TaskWork, Work, WorkReply } from '../../common/model/auction.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { MesosBridgeConfig } from '../config.js';
import type { BookOptions, MesosBook } from '../core/book.js';
import type { Demand } from '../core/demand.js';
import type { HungerReport } from '../core/hunger.js';
import type { BridgeAnswers } from '../handlers/bus-handlers.js';
import type { BridgeMetrics } from '../metrics.js';
import type { ExecutorTemplate } from './executor-info.js';
import { createLauncher } from './launcher.js';
import { offersReport } from './report.js';
import { keyOf, seekPlaces } from './seek.js';
import type { Sender } from './sender.js';
import type { Statuses } from './statuses.js';
import type { Subscription } from './subscription.js';

export interface AnswersOptions {
  readonly config: MesosBridgeConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: BridgeMetrics;
  readonly book: () => MesosBook;
  readonly settings: BookOptions;
  readonly incarnation: string;
  readonly template: ExecutorTemplate;
  readonly demand: Demand;
  readonly sender: Sender;
  readonly statuses: Statuses;
  readonly subscription: Subscription;
  readonly hunger: () => HungerReport | undefined;
  onDemand(): void;
}

const refuseAll = ({ lrps, tasks }: Work, reason: string): WorkReply['outcomes'] =>
  [...lrps, ...tasks].map(({ placementId }) => ({ placementId, status: 'refused', reason }));

/** What the auctioneer and people are answered. All of it at once: what follows is told to the BBS. */
export const createAnswers = (options: AnswersOptions): BridgeAnswers => {
  const { book, clock, random, demand, subscription, incarnation, template, settings, config } = options;
  const launch = createLauncher({ ...options, frameworkId: subscription.frameworkId });

  /** What has a place waits no more. */
  const serve = (works: readonly (LrpWork | TaskWork)[], outcomes: WorkReply['outcomes']): void => {
    const accepted = new Set(
      outcomes.filter(({ status }) => status === 'accepted').map((one) => one.placementId),
    );
    for (const work of works) if (accepted.has(work.placementId)) demand.served(keyOf(work));
    options.onDemand();
  };

  return {
    bids(known) {
      if (!subscription.isOpen()) return { incarnation, since: 0, version: 0, states: [], gone: [] };
      const since = known.incarnation === incarnation ? known.since : 0;
      return { incarnation, ...book().changes(since, clock.monotonic()) };
    },
    take(work) {
      const { cellId } = work;
      if (!subscription.isOpen()) {
        const reason = `the Mesos bridge is not subscribed: ${subscription.trouble()}`;
        return { cellId, incarnation, outcomes: refuseAll(work, reason) };
      }
      const now = clock.monotonic();
      const { outcomes, acceptance } = book().take(work, {
        receivedAt: now,
        now,
        mintGuid: random.uuid,
        newExecutorId: template.newId(random.uuid()),
      });
      if (acceptance !== undefined) {
        options.metrics.launched(acceptance.tasks.length);
        launch(acceptance, work.traceId);
      }
      serve([...work.lrps, ...work.tasks], outcomes);
      return { cellId, incarnation, outcomes };
    },
    outcomes({ cellId, placementIds, deadlineMs }) {
      const query = { traceId: '', placementIds, deadlineMs };
      return { cellId, incarnation, outcomes: book().outcomes(query, clock.monotonic()) };
    },
    seek(wanted) {
      const { isUnderWay } = book();
      const seeking = { ...settings.bids, timeoutMs: config.demandTimeoutMs, isUnderWay };
      const sought = seekPlaces(demand, wanted, clock.monotonic(), seeking);
      options.onDemand();
      return sought;
    },
    offers(limit) {
      const now = clock.monotonic();
      const oldest = demand.oldest();
      const parts = {
        book: book(),
        trouble: subscription.trouble(),
        frameworkId: subscription.frameworkId(),
        master: subscription.client()?.server() ?? '',
        waiting: demand.size(),
        waitedMs: oldest === undefined ? 0 : Math.round(now - oldest.since),
        hunger: options.hunger()?.words ?? '',
      };
      return offersReport(parts, limit, now);
    },
  };
};
