import { createServer, request } from 'node:http';
import type { Agent, IncomingMessage, RequestListener, Server } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Test } from 'tap';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import type { RouteRegistration } from '../../common/model/routing.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Clock } from '../../common/ports/clock.js';
import { createGroup } from '../../common/runtime/group.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { assembleRouter } from '../../router/assemble.js';
import { routerConfig } from '../../router/config.js';
import { eventually } from './eventually.js';

/** As in the router's configuration. */
export type RouterOptions = Record<string, unknown>;

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** A router on a free port; stopped when the test ends. `own` is its end of the in-memory bus, `bus` everybody else's. */
export const startRouter = async <C extends Clock>(
  t: Test,
  options: RouterOptions & { clock?: C; routerBus?: Bus; wait?: boolean } = {},
) => {
  const { clock: givenClock, routerBus, wait = true, ...routerOptions } = options;
  const clock = givenClock ?? createSystemClock();
  const compiled = routerConfig.parse({ port: 0, stop_grace: '1s', ...routerOptions }, 'test');
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.error));
  const logger = createCaptureLogger();
  const bus = createMemoryBus();
  const own = bus.client();
  const metrics = createPrometheusMetrics({ logger });
  const router = assembleRouter({
    metrics,
    config: compiled.value,
    clock,
    random: createSystemRandom(),
    logger,
    bus: routerBus ?? own,
  });
  const group = createGroup(router.members, logger);
  const started = group.start();
  if (wait) await started;
  t.teardown(async () => {
    await group.stop();
    await bus.close();
  });
  const { port } = router.address() ?? { port: 0 };

  /** publishes and waits until the table shows it */
  const register = async (registration: RouteRegistration): Promise<void> => {
    bus.publish(SUBJECTS.routerRegister, json(registration));
    const address = `${registration.host}:${registration.tls_port ?? registration.port}`;
    await eventually(() =>
      registration.uris.every((uri) =>
        router
          .routes()
          .some(({ route, endpoints }) => route === uri && endpoints.some((one) => one.address === address)),
      ),
    );
  };
  const unregister = async (registration: RouteRegistration) =>
    bus.request(SUBJECTS.routerUnregister, json(registration), { timeoutMs: 5000 });

  return { ...router, port, bus, own, logger, metrics, stop: () => group.stop(), register, unregister };
};

export const startRouterWithFakeClock = async (t: Test, options: RouterOptions = {}) => {
  const clock = createFakeClock();
  return { clock, ...(await startRouter(t, { ...options, clock })) };
};

export const publishJson =
  (bus: { publish(subject: string, bytes: Uint8Array): boolean }) =>
  (subject: string, value: unknown): boolean =>
    bus.publish(subject, typeof value === 'string' ? Buffer.from(value) : json(value));

const listen = async (server: Server | ReturnType<typeof createTcpServer>): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

/** An application by hand on node:http. */
export const startApp = async (t: Test, listener: RequestListener) => {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener);
  const port = await listen(server);
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  t.teardown(stop);
  return { server, port, stop, endpoint: { host: '127.0.0.1', port } };
};

/** An application that speaks whatever the handler makes of a raw connection. */
export const startRawApp = async (t: Test, onSocket: (socket: Socket) => void) => {
  const sockets = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  const port = await listen(server);
  t.teardown(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return { server, port, sockets, endpoint: { host: '127.0.0.1', port } };
};

/** A port where nobody listens. */
export const closedPort = async (): Promise<number> => {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  rawHeaders: string[];
  trailers: IncomingMessage['trailers'];
  body: string;
}

export interface AskOptions {
  host?: string;
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  body?: string;
  agent?: Agent | false;
}

/** Sends one request to the router and reads the whole answer. */
export const ask = (port: number, options: AskOptions = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        method: options.method ?? 'GET',
        path: options.path ?? '/',
        headers: { Host: options.host ?? 'app.test', ...options.headers },
        agent: options.agent ?? false,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            rawHeaders: answer.rawHeaders,
            trailers: answer.trailers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });

/** A connection to the router written to by hand. */
export const openRaw = async (t: Test, port: number) => {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  await new Promise((resolve) => socket.once('connect', resolve));
  let received = '';
  let ended = false;
  let closed = false;
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (received += chunk));
  socket.on('end', () => (ended = true));
  socket.on('close', () => (closed = true));
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  return {
    socket,
    send: (text: string) => socket.write(text, 'latin1'),
    received: () => received,
    ended: () => ended,
    closed: () => closed,
    until: (text: string) => eventually(() => received.includes(text), { what: `receiving ${text}` }),
    untilEnd: () => eventually(() => ended || closed, { what: 'the end of the connection' }),
  };
};
