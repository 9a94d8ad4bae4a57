import type { Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import type { Member } from '../common/runtime/group.js';
import { openKeyPair } from '../common/runtime/tls-renewal.js';
import type { ListenerRules } from './listener-config.js';
import type { KeyPair } from './proxy/certificates.js';

export interface ServedCertificates {
  /** with those of files among the ones that are shown */
  readonly rules: ListenerRules;
  /** has those of files read again when it is asked to renew */
  readonly member: Member;
}

export interface ServedCertificatesOptions {
  readonly rules: ListenerRules;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly replace: (pairs: readonly KeyPair[]) => void;
}

/** The certificates shown to clients. TLS_FILES_INVALID when those of files cannot be used from the beginning. */
export const openServedCertificates = (options: ServedCertificatesOptions): ServedCertificates => {
  const { rules, clock, logger, replace } = options;
  const opened = (rules.tls?.files ?? []).map((files) =>
    openKeyPair({ files, what: 'router', clock, logger }),
  );
  const pairs = (): KeyPair[] => [...opened.map((one) => one.current()), ...(rules.tls?.pairs ?? [])];
  return {
    rules: rules.tls ? { ...rules, tls: { ...rules.tls, pairs: pairs() } } : rules,
    member: {
      name: 'router-certificates',
      start: () => undefined,
      stop: () => undefined,
      renew() {
        const changed = opened.map((one) => one.renew());
        if (changed.includes(true)) replace(pairs());
      },
    },
  };
};
