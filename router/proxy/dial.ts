import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, createSecureContext } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../common/ports/clock.js';
import { addressText } from '../../common/model/address.js';
import type { Carrier } from '../core/access-line.js';
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

export type Dialled = (
  ...outcome:
    [error: null, socket: Socket, carrier: Carrier] | [error: Error, socket: null, carrier: undefined]
) => void;

type Settled = (error: Error | null) => void;

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
  done: Settled,
): Settled => {
  let settled = false;
  const settle: Settled = (error) => {
    if (settled) return;
    settled = true;
    cancel();
    done(error);
  };
  const cancel = clock.after(timeout.ms, () => {
    const error = timeout.error();
    settle(error);
    socket.destroy();
  });
  socket.once('error', settle);
  // a peer may hang up in the middle of a handshake without any error
  socket.once('close', () =>
    settle(Object.assign(new Error('closed while connecting'), { code: 'ECONNRESET' })),
  );
  return settle;
};

/** The socket's own end. */
const localAddressOf = ({ localAddress = '', localPort = 0 }: Socket): string =>
  addressText({ host: localAddress, port: localPort });

export const createDial = (rules: DialRules, clock: Clock): Dial => {
  // made once: reading authorities costs more than a handshake
  const context = createSecureContext({
    ...(rules.authorities === undefined ? {} : { ca: rules.authorities }),
    ...rules.identity,
  });
  const sessions = new WeakMap<Endpoint, Buffer>();

  const secure = (
    plain: Socket,
    endpoint: Endpoint,
    { protocols }: DialOptions,
    done: (error: Error | null, socket: TLSSocket) => void,
  ): void => {
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
    const settle = settleOnce(clock, socket, { ms: rules.tlsTimeoutMs, error }, (failure) =>
      done(failure, socket),
    );
    socket.on('session', (ticket: Buffer) => sessions.set(endpoint, ticket));
    socket.once('secureConnect', () => settle(null));
  };

  return (endpoint, options, done) => {
    const socket = connect({ host: unbracketed(endpoint.host), port: endpoint.port, noDelay: true });
    socket.setKeepAlive(true, 60_000);
    const error = (): Error => new AttemptEnded('dial', `dial tcp ${endpoint.address}: i/o timeout`);
    const began = clock.monotonic();
    let found = began;
    socket.once('lookup', () => (found = clock.monotonic()));
    const settle = settleOnce(clock, socket, { ms: options.timeoutMs, error }, (failure) => {
      if (failure) return done(failure, null, undefined);
      const connected = clock.monotonic();
      const times = { dns: found - began, dial: connected - found, tls: 0 };
      const localAddress = localAddressOf(socket);
      if (!endpoint.tls) return done(null, socket, { localAddress, times });
      secure(socket, endpoint, options, (refused, secured) => {
        if (refused) return done(refused, null, undefined);
        const tls = clock.monotonic() - connected;
        done(null, secured, { localAddress, times: { ...times, tls } });
      });
    });
    socket.once('connect', () => settle(null));
  };
};
