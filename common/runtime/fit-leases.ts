import type { BbsError } from '../model/bbs-error.js';
import { err } from '../model/result.js';
import type { LeasePort } from './lease-client.js';

export interface FitLeasesOptions {
  bus: { connected(): boolean };
  bbs: {
    acquireLease: LeasePort['acquire'];
    renewLease: LeasePort['renew'];
    releaseLease: LeasePort['release'];
  };
  /** what else keeps it from its work; undefined = nothing */
  whyUnfit?: () => string | undefined;
}

/**
 * Leases are asked for over HTTP, and work comes over the bus: whoever the bus has lost, or who is unfit for another reason,
 * lets its lease run out, so that one that hears takes over.
 */
export const onlyWhenFit = ({ bus, bbs, whyUnfit }: FitLeasesOptions): LeasePort => {
  const unfit = () => {
    const message = bus.connected() ? whyUnfit?.() : 'the bus is not connected';
    return message === undefined
      ? undefined
      : err<BbsError>({ type: 'UnknownError', message, unavailable: true });
  };
  return {
    acquire: async (request) => unfit() ?? bbs.acquireLease(request),
    renew: async (request) => unfit() ?? bbs.renewLease(request),
    release: bbs.releaseLease,
  };
};
