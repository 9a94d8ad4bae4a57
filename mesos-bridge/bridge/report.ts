import type { MesosOffer, MesosOffers } from '../../common/model/mesos-offers.js';
import type { MesosBook } from '../core/book.js';
import type { OfferRecord } from '../core/offer-history.js';

export interface ReportParts {
  readonly book: MesosBook;
  /** '' = it is subscribed */
  readonly trouble: string;
  readonly frameworkId: string;
  readonly master: string;
  readonly waiting: number;
  readonly waitedMs: number;
  /** '' = none */
  readonly hunger: string;
}

const toldOffer = (record: OfferRecord): MesosOffer => ({
  offerId: record.offerId,
  agentId: record.agentId,
  hostname: record.hostname,
  role: record.role,
  resources: record.resources,
  outcome: record.outcome,
  reason: record.reason,
  usedBy: [...record.usedBy],
  heldMs: Math.round(record.heldMs),
});

/** For people: what is held, and what became of the others. */
export const offersReport = ({ book, ...told }: ReportParts, limit: number, now: number): MesosOffers => {
  const { offers, executors, tasks } = book;
  const records = offers.records(now);
  const { received, used, declined, rescinded, lost } = offers.counts();
  return {
    ...told,
    suppressed: offers.isSuppressed(),
    held: offers.held(),
    received,
    used,
    declined,
    rescinded,
    lost,
    executors: [...executors.all()].length,
    tasks: tasks.size(),
    rejections: [...offers.rejections()].map(([reason, { count, latest }]) => ({ reason, count, latest })),
    offers: records.slice(0, limit).map(toldOffer),
    moreOffers: Math.max(0, records.length - limit),
  };
};
