import { OutcryError } from '../common/model/errors.js';
import { createToldCauses } from '../common/model/told-causes.js';
import type { Logger } from '../common/ports/logger.js';
import { doorFailure } from '../common/runtime/door-failure.js';

/** Tells when the BBS stops answering, once per cause, and when it answers again. */
export interface Reachability {
  answered(): void;
  /** what it could not be asked for; the reason, for whoever asked */
  failed(error: unknown): string;
}

export const createReachability = (logger: Logger, overTls: boolean): Reachability => {
  const told = createToldCauses();
  return {
    answered(): void {
      if (told.clear()) logger.info('bbs-answers');
    },
    failed(error) {
      const { reason, untrusted } = doorFailure(error, overTls);
      if (!told.isNew(reason)) return reason;
      const failure = untrusted ? 'BBS_CERTIFICATE_REFUSED' : 'BBS_UNAVAILABLE';
      // one that has a code is the BBS's own: it does not let this client in
      const coded = error instanceof OutcryError ? error : new OutcryError(failure, { reason });
      const { code, message, remedy } = coded;
      logger.warn('bbs-does-not-answer', { code, message, remedy });
      return reason;
    },
  };
};
