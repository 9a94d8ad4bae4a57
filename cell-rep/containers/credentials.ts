/** Keeps a container's credentials there and valid for as long as it runs. */
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Container } from '../core/container-runtime.js';
import { CERTIFICATE_FILE, KEY_FILE, lookEveryMs, renewalLeadMs } from '../core/credentials.js';
import type { CredentialIssuer, CredentialSubject } from '../core/credentials.js';

export interface CredentialKeeperOptions {
  container: Container;
  issuer: CredentialIssuer;
  subject: Omit<CredentialSubject, 'addresses'>;
  clock: Clock;
  logger: Logger;
  onIssued(outcome: { ok: boolean; ms: number }): void;
}

export interface CredentialKeeper {
  /** the same, whose processes find credentials; they name the address once one runs, where it is not known before */
  readonly container: Container;
  /** puts the first ones in place; why that failed, '' = it did not */
  begin(): Promise<string>;
  end(): void;
}

const addressesOf = (container: Container): string[] => {
  const { instanceAddress, instanceIpv6Address = '' } = container.info();
  return [instanceAddress, instanceIpv6Address].filter((address) => address !== '');
};

/** Makes them and puts them in place; answers until when they hold, or why there are none. */
const renew = async (
  options: CredentialKeeperOptions,
  addresses: readonly string[],
): Promise<number | string> => {
  const { container, issuer, subject, clock, onIssued } = options;
  const from = clock.monotonic();
  const issued = await issuer.issue({ ...subject, addresses });
  onIssued({ ok: issued.ok, ms: clock.monotonic() - from });
  if (!issued.ok) return issued.reason;
  const { certificate, key, validUntil } = issued.credentials;
  const placed = await container.putCredentials([
    { path: CERTIFICATE_FILE, content: certificate },
    { path: KEY_FILE, content: key },
  ]);
  return placed.ok ? validUntil : placed.reason;
};

/**
 * Credentials of a container. Those that end soon, or name another address than it has, are made anew; where that
 * fails, the old ones stay, and it is tried again with every look: no application dies of it.
 */
export const keepCredentials = (options: CredentialKeeperOptions): CredentialKeeper => {
  const { container, issuer, clock, logger } = options;
  const lead = renewalLeadMs(issuer.validityMs);
  let held: { until: number; addresses: string } | undefined;
  let working: Promise<string> | undefined;
  let ended = false;

  const work = async (): Promise<string> => {
    const addresses = addressesOf(container);
    const outcome = await renew(options, addresses);
    working = undefined;
    if (typeof outcome === 'string') return outcome;
    held = { until: outcome, addresses: addresses.join() };
    return '';
  };

  const isDue = (): boolean =>
    held === undefined ||
    clock.now() >= held.until - lead ||
    held.addresses !== addressesOf(container).join();

  const look = async (): Promise<void> => {
    if (ended || working !== undefined || !isDue()) return;
    const reason = await (working = work());
    if (reason !== '' && !ended)
      logger.error('failed-to-renew-credentials', { guid: container.guid, reason });
  };

  const stopLooking = clock.every(lookEveryMs(issuer.validityMs), look);
  return {
    container: {
      ...container,
      async run(spec) {
        const result = await container.run(spec);
        if (result.ok) void look();
        return result;
      },
    },
    begin: () => (working ??= work()),
    end() {
      ended = true;
      stopLooking();
    },
  };
};
