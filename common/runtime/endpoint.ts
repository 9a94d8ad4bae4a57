import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { readTls } from './tls-files.js';
import type { TlsFiles, TlsIdentity } from './tls-files.js';

/** Where one of our own doors is, seen by a client. */
export type Endpoint =
  | { readonly socketPath: string }
  /** `http://` in tests alone: our doors take TLS with certificates on both sides */
  | { readonly url: string; readonly tls?: TlsFiles };

/** Whether certificates are asked for on both sides. */
export const isOverTls = (endpoint: Endpoint): boolean => 'url' in endpoint && endpoint.tls !== undefined;

/** An endpoint as undici's pools and agents take it. */
export interface Connection {
  /** of its requests; a socket's name is of no meaning */
  readonly origin: string;
  readonly options: { connect?: { socketPath: string } | TlsIdentity };
}

/** TLS_FILES_INVALID when its certificates cannot be used. */
export const connectionTo = (
  endpoint: Endpoint,
  { what, clock, logger }: { what: string; clock: Clock; logger: Logger },
): Connection => {
  if ('socketPath' in endpoint) {
    return { origin: 'http://outcry', options: { connect: { socketPath: endpoint.socketPath } } };
  }
  const { url, tls } = endpoint;
  if (tls === undefined) return { origin: url, options: {} };
  return { origin: url, options: { connect: readTls({ files: tls, what, clock, logger }) } };
};
