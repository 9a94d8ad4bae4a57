import { buildConnector } from 'undici';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { TlsFiles } from './tls-files.js';
import { openTls } from './tls-renewal.js';

/** Where one of our own doors is, seen by a client. */
export type Endpoint =
  | { readonly socketPath: string }
  /** `http://` in tests alone: our doors take TLS with certificates on both sides */
  | { readonly url: string; readonly tls?: TlsFiles };

/** An endpoint as undici's pools and agents take it. */
export interface Connection {
  /** of its requests; a socket's name is of no meaning */
  readonly origin: string;
  readonly options: { connect?: { socketPath: string } | buildConnector.connector };
  /** certificates are asked for on both sides */
  readonly overTls: boolean;
  /** takes renewed certificates for connections made from now on; those that are open stay */
  renew(): void;
}

const nothing = (): void => undefined;

/** TLS_FILES_INVALID when its certificates cannot be used. */
export const connectionTo = (
  endpoint: Endpoint,
  { what, clock, logger }: { what: string; clock: Clock; logger: Logger },
): Connection => {
  if ('socketPath' in endpoint) {
    const options = { connect: { socketPath: endpoint.socketPath } };
    return { origin: 'http://outcry', options, overTls: false, renew: nothing };
  }
  const { url, tls } = endpoint;
  if (tls === undefined) return { origin: url, options: {}, overTls: false, renew: nothing };
  const identity = openTls({ files: tls, what, clock, logger });
  // each remembers sessions, which would go on with the old certificates
  let connector = buildConnector({ ...identity.current() });
  return {
    origin: url,
    options: { connect: (...given) => connector(...given) },
    overTls: true,
    renew() {
      if (identity.renew()) connector = buildConnector({ ...identity.current() });
    },
  };
};
