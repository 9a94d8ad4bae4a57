import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Member } from '../../common/runtime/group.js';
import type { RoutePool } from '../core/pool.js';
import { endpointFailure, HEADERS_TOO_LARGE, UNKNOWN_FAILURE } from '../core/replies.js';
import type { ProxyContext } from './context.js';
import { clientOf } from './client.js';
import { createUpgradeResponse, sendReply } from './exchange.js';
import type { Exchange, Incoming } from './exchange.js';
import { AttemptEnded } from './failure.js';
import { forward } from './forward.js';
import { receive } from './receive.js';
import { recordOf } from './record.js';
import { openTunnel } from './tunnel.js';

export interface Proxy {
  readonly member: Member;
  /**
   * Serves on for the time that load balancers need to see it leave, then takes no more, and resolves when no request is
   * under way or the drain's time is over. Tunnels are not waited for.
   */
  drain(): Promise<void>;
  /** where it listens; undefined when it does not */
  address(): { host: string; port: number } | undefined;
}

/** What is under way, so that stopping can wait for requests and cut off the rest. */
const createTraffic = () => {
  const sockets = new Set<Duplex>();
  const waiting = new Set<() => void>();
  let requests = 0;
  return {
    began(): void {
      requests += 1;
    },
    ended(): void {
      requests -= 1;
      if (requests === 0) waiting.forEach((resolve) => resolve());
    },
    /** sockets that Node's HTTP server has let go of */
    hold(socket: Duplex): void {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    },
    destroyHeld: () => sockets.forEach((socket) => socket.destroy()),
    idle: (): Promise<void> =>
      requests === 0 ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve)),
  };
};

type Traffic = ReturnType<typeof createTraffic>;

const MALFORMED =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request';
/** What speaks another version gets an answer that even the first version knows. */
const OTHER_VERSION = 'HTTP/1.0 400 Bad Request\r\n\r\n';
const TOO_LARGE =
  `HTTP/1.1 ${HEADERS_TOO_LARGE.status} Request Header Fields Too Large\r\n` +
  `X-Cf-RouterError: ${HEADERS_TOO_LARGE.routerError}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;

/** Who registered the route: all of its endpoints come from one, as a rule. */
const componentOf = ({ entries }: RoutePool): string => entries[0]?.endpoint.tags['component'] ?? '';

const SEMICOLON = 'deprecated-semicolon-params';
const CANCELLED = endpointFailure('client-gone', 'context canceled');

/** One line per request, when it is through; a tunnel's when it is. */
const logAtEnd = ({ res, record }: Incoming, accessLog: ProxyContext['accessLog']): void => {
  res.once('close', () => {
    if (record.status === 101) return;
    if (!res.headersSent) {
      // whoever leaves before the head of an answer is seen in the log alone
      record.status = CANCELLED.status;
      record.routerError = CANCELLED.routerError ?? '';
    }
    // as gorouter has it: too late for the client, but seen in the log
    if (record.routerError === '' && record.target.includes(';')) record.routerError = SEMICOLON;
    accessLog.ended(record);
  });
};

/** ms that the router itself took for a request that ends now */
const ownTime = ({ record }: Exchange, now: number): number =>
  (record.forwardedAt ?? now) - record.beganAt + (now - (record.answeredAt ?? now));

const createRequestHandler = (context: ProxyContext, traffic: Traffic) => {
  const { accessLog, clock, counters, logger, metrics } = context;

  const upgraded = (exchange: Exchange, headers: readonly string[], socket: Duplex): void => {
    if (!exchange.upgrade) {
      socket.destroy();
      return;
    }
    counters.websocket_upgrades += 1;
    exchange.record.status = 101;
    exchange.upgrade.socket.once('close', () => accessLog.ended(exchange.record));
    traffic.hold(socket);
    openTunnel(exchange, exchange.upgrade, { headers, socket });
  };

  const run = (incoming: Incoming, ended: () => void): void => {
    const received = receive(context, incoming);
    if ('reply' in received) {
      if (received.reply.status === 400 || received.reply.status === 404) counters.rejected_requests += 1;
      incoming.res.once('close', ended);
      sendReply(context.responses, incoming, received.reply, received.requestId);
      return;
    }
    const { exchange, pool } = received;
    const [began, component] = [clock.monotonic(), componentOf(pool)];
    let switched = false;
    metrics.forwarded(component);
    incoming.res.once('close', () => {
      ended();
      if (!switched)
        metrics.answered(component, clock.monotonic() - began, ownTime(exchange, clock.monotonic()));
      // after an answer that went out whole there is nothing left to end
      exchange.abort?.(new AttemptEnded('client-gone', 'context canceled'));
    });
    forward(context, exchange, pool, {
      onUpgrade({ headers, socket }) {
        switched = true;
        ended();
        upgraded(exchange, headers, socket);
      },
    });
  };

  return (incoming: Incoming): void => {
    let open = true;
    logAtEnd(incoming, accessLog);
    traffic.began();
    const ended = (): void => {
      if (open) traffic.ended();
      open = false;
    };
    try {
      run(incoming, ended);
    } catch (error) {
      logger.error('panic', { error, url: incoming.req.url });
      sendReply(context.responses, incoming, UNKNOWN_FAILURE, '');
      ended();
    }
  };
};

const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: TOO_LARGE,
  HPE_INVALID_VERSION: OTHER_VERSION,
};

/** Whether what cannot be read is the rest of a request that has its answer, or follows one that was to be the last. */
const isAnswered = (current: ServerResponse): boolean => !current.req.complete || !current.shouldKeepAlive;

/**
 * Answers what is no HTTP, once: not when an answer is under way already, since bytes within it would be part of
 * it, and not after one.
 */
const refuseMalformed = (busy: WeakMap<Duplex, ServerResponse>) => {
  return (error: Error & { code?: string }, socket: Duplex): void => {
    const current = busy.get(socket);
    const begun = current?.headersSent === true;
    if (error.code === 'ECONNRESET' || !socket.writable || (begun && !current.writableFinished)) {
      socket.destroy();
      return;
    }
    if (begun && isAnswered(current)) socket.end(() => socket.destroy());
    else socket.end(REFUSALS[error.code ?? ''] ?? MALFORMED, () => socket.destroy());
  };
};

const createHttpServer = (context: ProxyContext, traffic: Traffic, isStopping: () => boolean): Server => {
  const { clients } = context.config;
  const busy = new WeakMap<Duplex, ServerResponse>();
  const handle = createRequestHandler(context, traffic);
  const server = createServer({
    keepAliveTimeout: clients.idleMs,
    headersTimeout: clients.readHeaderMs,
    // uploads take what they take
    requestTimeout: 0,
    maxHeaderSize: clients.maxHeaderBytes,
    // the router has its own answer to requests without one
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
  });
  // Node leaves out what is beyond this number; the size is limited above
  server.maxHeadersCount = 0;

  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    busy.set(req.socket, res);
    if (req.httpVersion !== '1.1' && req.httpVersion !== '1.0') {
      req.socket.end(OTHER_VERSION, () => req.socket.destroy());
      return;
    }
    if (isStopping()) res.shouldKeepAlive = false;
    const client = clientOf(req.socket);
    handle({ req, res, client, upgrade: undefined, record: recordOf(req, client, context.clock) });
  };
  server.on('request', onRequest).on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    // whether a body follows is the client's choice when it gets its answer first: nothing may come after it
    res.shouldKeepAlive = false;
    onRequest(req, res);
  });
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    const client = socket as Socket;
    traffic.hold(client);
    const res = createUpgradeResponse(req, client);
    const upgrade = { protocol: req.headers.upgrade ?? '', socket: client, head };
    const peer = clientOf(client);
    handle({ req, res, client: peer, upgrade, record: recordOf(req, peer, context.clock) });
  });
  server.on('clientError', refuseMalformed(busy));
  return server;
};

const listen = (server: Server, { host, port }: { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });

/** The listener that all traffic of applications goes through. */
export const createProxy = (context: ProxyContext): Proxy => {
  const { clock, config, logger } = context;
  const traffic = createTraffic();
  let stopping = false;
  const server = createHttpServer(context, traffic, () => stopping);
  let bound: { host: string; port: number } | undefined;

  /** true when no request is under way any more */
  const idleWithin = async (ms: number): Promise<boolean> => {
    let cancel = (): void => undefined;
    const late = new Promise<boolean>((resolve) => (cancel = clock.after(ms, () => resolve(false))));
    const idle = await Promise.race([traffic.idle().then(() => true), late]);
    cancel();
    return idle;
  };

  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    stopping = true;
    bound = undefined;
    closed ??= new Promise<void>((resolve) => server.close(() => resolve()));
    return closed;
  };

  const drain = async (): Promise<void> => {
    logger.info('draining', { waitMs: config.drain.waitMs, timeoutMs: config.drain.timeoutMs });
    await clock.sleep(config.drain.waitMs);
    void close();
    if (await idleWithin(config.drain.timeoutMs)) logger.info('drained');
    else logger.warn('drain-timeout', { message: 'router: Drain timeout' });
  };

  const stop = async (): Promise<void> => {
    const ended = close();
    await idleWithin(config.stopGraceMs);
    traffic.destroyHeld();
    server.closeAllConnections();
    await ended;
    await context.upstreams.destroy();
    logger.info('stopped');
  };

  return {
    member: {
      name: 'router-proxy',
      async start() {
        if (config.startDelayMs > 0) await clock.sleep(config.startDelayMs);
        await listen(server, config.listen);
        const address = server.address() as AddressInfo;
        bound = { host: address.address, port: address.port };
        logger.info('listening', bound);
      },
      stop,
    },
    drain,
    address: () => bound,
  };
};
