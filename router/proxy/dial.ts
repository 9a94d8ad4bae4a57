import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, createSecureContext } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../common/ports/clock.js';
import type { Endpoint } from '../core/endpoint.js';
import { AttemptEnded } from './failure.js';

export interface DialRules {
  readonly tlsTimeoutMs: number;
  /** PEM: authorities for certificates of TLS endpoints; undefined = the system's */
  readonly authorities: string | undefined;
  /** PEM: what the router shows of itself; undefined = nothing */
  readonly identity: { readonly cert: string; readonly key: string } | undefined;
  /** any certificate will do */
  readonly trustsAnybody: boolean;
}

export type Dialled = (...outcome: [error: null, socket: Socket] | [error: Error, socket: null]) => void;

export interface DialOptions {
  readonly timeoutMs: number;
  /** what the router would speak, the best first */
  readonly protocols: readonly string[];
}

/** Opens a connection to an endpoint, secured where it is registered so. */
export type Dial = (endpoint: Endpoint, options: DialOptions, done: Dialled) => void;

const unbracketed = (host: string): string => (host.startsWith('[') ? host.slice(1, -1) : host);

/** Calls `done` once, whichever of connection, error and timeout comes first. */
const settleOnce = (
  clock: Clock,
  socket: Socket,
  timeout: { readonly ms: number; readonly error: () => Error },
  done: Dialled,
): Dialled => {
  let settled = false;
  const settle: Dialled = (...outcome) => {
    if (settled) return;
    settled = true;
    cancel();
    done(...outcome);
  };
  const cancel = clock.after(timeout.ms, () => {
    const error = timeout.error();
    settle(error, null);
    socket.destroy();
  });
  socket.once('error', (error) => settle(error, null));
  // a peer may hang up in the middle of a handshake without any error
  socket.once('close', () =>
    settle(Object.assign(new Error('closed while connecting'), { code: 'ECONNRESET' }), null),
  );
  return settle;
};

export const createDial = (rules: DialRules, clock: Clock): Dial => {
  // made once: reading authorities costs more than a handshake
  const context = createSecureContext({
    ...(rules.authorities === undefined ? {} : { ca: rules.authorities }),
    ...rules.identity,
  });
  const sessions = new WeakMap<Endpoint, Buffer>();

  const secure = (plain: Socket, endpoint: Endpoint, { protocols }: DialOptions, done: Dialled): void => {
    const host = unbracketed(endpoint.host);
    const name = endpoint.certName || host;
    const session = sessions.get(endpoint);
    const socket: TLSSocket = connectTls({
      socket: plain,
      host,
      servername: isIP(name) ? '' : name,
      checkServerIdentity: (_asked, certificate) => checkServerIdentity(name, certificate),
      secureContext: context,
      rejectUnauthorized: !rules.trustsAnybody,
      ALPNProtocols: [...protocols],
      ...(session ? { session } : {}),
    });
    const error = (): Error => new AttemptEnded('tls-handshake-timeout', 'net/http: TLS handshake timeout');
    const settle = settleOnce(clock, socket, { ms: rules.tlsTimeoutMs, error }, done);
    socket.on('session', (ticket: Buffer) => sessions.set(endpoint, ticket));
    socket.once('secureConnect', () => settle(null, socket));
  };

  return (endpoint, options, done) => {
    const socket = connect({ host: unbracketed(endpoint.host), port: endpoint.port, noDelay: true });
    socket.setKeepAlive(true, 60_000);
    const error = (): Error => new AttemptEnded('dial', `dial tcp ${endpoint.address}: i/o timeout`);
    const settle = settleOnce(clock, socket, { ms: options.timeoutMs, error }, (...outcome) => {
      if (outcome[0] || !endpoint.tls) done(...outcome);
      else secure(outcome[1], endpoint, options, done);
    });
    socket.once('connect', () => settle(null, socket));
  };
};
