import { isIP } from 'node:net';
import { connect, ErrorCode } from 'nats';
import type { ConnectionOptions, NatsConnection, Status, TlsOptions } from 'nats';
import { OutcryError } from '../model/errors.js';
import { inboxPrefix } from '../wire/nats-roles.js';
import type { Cancel, Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';

export type NatsCredentials = { user: string; password: string } | { token: string };

export interface NatsLinkOptions {
  /** `nats://host:port` or `tls://host:port`, one or several of a cluster; without credentials in them */
  servers: string | readonly string[];
  /** what the server shows of this connection, e.g. the component and its id */
  name: string;
  credentials?: NatsCredentials;
  tls?: TlsOptions;
  /** subjects for answers, below `_INBOX`; `_INBOX.<user>` when absent, so that permissions can tell users apart */
  inboxPrefix?: string;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export interface NatsLinkEvents {
  /** a new connection: subscribe again on it. The link counts as up when this resolves. */
  onConnected(connection: NatsConnection): Promise<void>;
  /** the server refused an operation of this user */
  onDenied(operation: string, subject: string): void;
  onState(up: boolean): void;
}

export interface NatsLink {
  /** stops trying, and ends the connection after what was published has been sent */
  close(): Promise<void>;
}

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;
/** A connection that held so long was sound: the next loss starts again with the shortest delay. */
const SOUND_MS = 10_000;
/** A server that does not answer must not hold up the end of the process. */
const LONGEST_DRAIN_MS = 2_000;

/** Doubles up to 5 s; half of it random, so that a thousand cells do not come back in one moment. */
export const reconnectDelayMs = (failures: number, fraction: number): number =>
  Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10)) * (0.5 + fraction / 2);

/** Where answers to this user go. */
export const inboxPrefixOf = (options: Pick<NatsLinkOptions, 'credentials' | 'inboxPrefix'>): string => {
  if (options.inboxPrefix !== undefined) return options.inboxPrefix;
  const { credentials } = options;
  return credentials && 'user' in credentials ? inboxPrefix(credentials.user) : '_INBOX';
};

const hostOf = (server: string): string =>
  server
    .replace(/^\w+:\/\//, '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');

/** With the address that a certificate must name: where there is no host name the client would take `localhost`. */
const tlsOf = ({ tls }: NatsLinkOptions, server: string): { tls?: TlsOptions } => {
  if (tls === undefined && !server.startsWith('tls://')) return {};
  const host = hostOf(server);
  // handed on to node:tls, which knows `host`
  return { tls: { ...tls, ...(isIP(host) === 0 ? {} : { host }) } as TlsOptions };
};

const connectionOptions = (options: NatsLinkOptions, server: string): ConnectionOptions => {
  const { credentials } = options;
  return {
    servers: server,
    name: options.name,
    ...(credentials && 'user' in credentials ? { user: credentials.user, pass: credentials.password } : {}),
    ...(credentials && 'token' in credentials ? { token: credentials.token } : {}),
    ...tlsOf(options, server),
    inboxPrefix: inboxPrefixOf(options),
    // Ours instead (see `keepConnected`): the client's own would buffer what is published meanwhile without
    // bound, keep requests waiting, and treat the first connection and a repeated refusal as final.
    reconnect: false,
    timeout: 5_000,
    // a peer that vanished without a word is noticed within 20 to 30 s
    pingInterval: 10_000,
    maxPingOut: 2,
    noAsyncTraces: true,
  };
};

/** The codes of a refused user; told apart because waiting will not mend them. */
const REFUSED: ReadonlySet<string> = new Set([
  ErrorCode.AuthorizationViolation,
  ErrorCode.AuthenticationExpired,
  ErrorCode.BadAuthentication,
]);

/** What OpenSSL and Node say of a certificate: expired, unknown issuer, another name. */
const UNTRUSTED =
  /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(VERIFY|GET_ISSUER)|HOSTNAME_MISMATCH)/;

const codeOf = (error: unknown): string => String((error as { code?: unknown } | undefined)?.code ?? '');

/** How the log names users that have only a token. */
export const userOf = ({ credentials }: Pick<NatsLinkOptions, 'credentials'>): string =>
  credentials && 'user' in credentials ? credentials.user : '';

/** Why there is no connection, as a person is told. */
const connectError = (options: NatsLinkOptions, server: string, error: unknown): OutcryError => {
  const code = codeOf(error);
  const reason = (error instanceof Error ? error.message : '') || code || 'it closed the connection';
  if (REFUSED.has(code)) {
    return new OutcryError('NATS_CREDENTIALS_REFUSED', { server, user: userOf(options) });
  }
  if (UNTRUSTED.test(code)) return new OutcryError('NATS_CERTIFICATE_REFUSED', { server, reason });
  return new OutcryError('NATS_UNREACHABLE', { server, reason });
};

const EVENTS: Partial<Record<string, string>> = {
  NATS_CREDENTIALS_REFUSED: 'nats-refused-credentials',
  NATS_CERTIFICATE_REFUSED: 'nats-refused-certificate',
};

const watchStatus = async (connection: NatsConnection, events: NatsLinkEvents): Promise<void> => {
  // the type of a status leaves out the context of a refusal
  for await (const status of connection.status() as AsyncIterable<
    Status & { permissionContext?: { operation: string; subject: string } }
  >) {
    const context = status.permissionContext;
    if (context !== undefined) events.onDenied(context.operation, context.subject);
  }
};

const shuffled = <T>(list: readonly T[], random: Random): T[] =>
  list
    .map((value) => ({ value, at: random.fraction() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);

/** Why each server could not be connected to, told once and again when the reason changes or after a connection. */
const createFailureTeller = (logger: Logger) => {
  const told = new Map<string, string>();
  return {
    tell(server: string, { code, message, remedy }: OutcryError): void {
      if (told.get(server) === message) return logger.debug('nats-connect-failed-again', { server, code });
      told.set(server, message);
      logger.warn(EVENTS[code] ?? 'nats-connect-failed', { server, code, message, remedy });
    },
    connected: () => told.clear(),
  };
};

/** Connects, and connects again for ever after a failure or a loss, until closed. */
export const createNatsLink = (options: NatsLinkOptions, events: NatsLinkEvents): NatsLink => {
  const { clock, random, logger } = options;
  const failures = createFailureTeller(logger);
  let closing = false;
  let current: NatsConnection | undefined;
  let wake: Cancel = () => undefined;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(ms, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });

  const dialOne = async (server: string): Promise<NatsConnection | undefined> => {
    try {
      return await connect(connectionOptions(options, server));
    } catch (error) {
      failures.tell(server, connectError(options, server, error));
      return undefined;
    }
  };

  /** Each server once, in an order of chance, so that clients spread over a cluster. */
  const dial = async (): Promise<NatsConnection | undefined> => {
    for (const server of shuffled([options.servers].flat(), random)) {
      const connection = closing ? undefined : await dialOne(server);
      if (connection) return connection;
    }
    return undefined;
  };

  /** resolves when the connection has ended */
  const serve = async (connection: NatsConnection): Promise<void> => {
    current = connection;
    failures.connected();
    void watchStatus(connection, events);
    try {
      await events.onConnected(connection);
      logger.info('nats-connected', { server: connection.getServer() });
      events.onState(true);
    } catch (error) {
      logger.warn('nats-lost-while-subscribing', { error });
      await connection.close();
    }
    const reason = await connection.closed();
    current = undefined;
    if (!closing) logger.warn('nats-disconnected', { reason: reason?.message ?? '' });
    events.onState(false);
  };

  const keepConnected = async (): Promise<void> => {
    let inRow = 0;
    while (!closing) {
      const began = clock.monotonic();
      const connection = await dial();
      if (connection && closing) await connection.close();
      else if (connection) await serve(connection);
      inRow = connection && clock.monotonic() - began > SOUND_MS ? 0 : inRow + 1;
      if (!closing) await pause(reconnectDelayMs(inRow, random.fraction()));
    }
  };

  const ended = keepConnected();
  return {
    async close() {
      closing = true;
      wake();
      const connection = current;
      const giveUp = clock.after(LONGEST_DRAIN_MS, () => void connection?.close());
      // drains: subscriptions end, handlers finish what they have, the rest is sent. A drain that the end of the
      // connection interrupts never settles.
      if (connection?.isClosed() === false) {
        await Promise.race([connection.drain().catch(() => undefined), connection.closed()]);
      }
      await ended;
      giveUp();
    },
  };
};
