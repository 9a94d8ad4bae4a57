/** What people ask of the Mesos bridge, and what it answers. Lists are bounded; `more…` says how many were left out. */

/** `mesos.offers` */
export interface MesosOffersQuery {
  traceId: string;
  /** offers that are told at most */
  limit: number;
}

export interface MesosOffer {
  offerId: string;
  agentId: string;
  hostname: string;
  role: string;
  /** in Mesos's writing */
  resources: string;
  /** held, used, declined, rescinded or lost */
  outcome: string;
  /** why it was declined or lost; '' otherwise */
  reason: string;
  /** the work that it was used for */
  usedBy: string[];
  /** ms for which it was held, until now or its end */
  heldMs: number;
}

/** Offers that were of no use for one reason, since the subscription. */
export interface OfferRejections {
  reason: string;
  count: number;
  /** the latest of them, in words */
  latest: string;
}

export interface MesosOffers {
  /** why the bridge has no subscription; '' = it has one */
  trouble: string;
  frameworkId: string;
  /** the master that it is subscribed at */
  master: string;
  /** Mesos has been told that no offers are wanted */
  suppressed: boolean;
  /** instances and tasks that wait for offers */
  waiting: number;
  /** ms for which the oldest has waited */
  waitedMs: number;
  /** why they wait in vain, in plain words; '' = they do not, or not for long */
  hunger: string;
  held: number;
  received: number;
  used: number;
  declined: number;
  rescinded: number;
  lost: number;
  /** that live on agents */
  executors: number;
  /** that have not ended */
  tasks: number;
  rejections: OfferRejections[];
  /** held ones first, then the newest first */
  offers: MesosOffer[];
  moreOffers: number;
}
