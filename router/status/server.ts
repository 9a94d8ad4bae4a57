import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { addressText } from '../../common/model/address.js';
import { OutcryError } from '../../common/model/errors.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { Member } from '../../common/runtime/group.js';
import type { KeyPairFiles, TlsKeyPair } from '../../common/runtime/tls-files.js';
import { openKeyPair } from '../../common/runtime/tls-renewal.js';
import type { Renewable } from '../../common/runtime/tls-renewal.js';
import type { RoutePool } from '../core/pool.js';
import type { RouterCounters } from '../proxy/counters.js';
import { isAuthorized, openCredentials } from './credentials.js';
import type { Credentials, CredentialsSource } from './credentials.js';
import type { FiguresSnapshot } from './figures.js';
import { createRate } from './rate.js';
import type { Rate } from './rate.js';
import { writeRoutes } from './routes-page.js';
import { varzOf } from './varz.js';

export interface StatusConfig {
  readonly host: string;
  /** undefined = no such listener; 0 takes a free port */
  readonly port: number | undefined;
  readonly tls: { readonly port: number; readonly files: KeyPairFiles } | undefined;
  /** for `/routes`, on loopback alone */
  readonly routesPort: number | undefined;
  readonly credentials: CredentialsSource;
  /** `/healthz`, `/varz` and `/routes` beside `/health` */
  readonly legacyPages: boolean;
}

/** What is shown. */
export interface StatusSources {
  readonly id: string;
  readonly index: number;
  /** '' = it serves */
  whyNot(): string;
  pools(): Iterable<RoutePool>;
  routeCount(): number;
  endpointCount(): number;
  msSinceUpdate(): number | undefined;
  /** of all processes */
  counters(): Promise<Readonly<RouterCounters>>;
  figures(): Promise<FiguresSnapshot>;
}

export interface StatusOptions {
  readonly config: StatusConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly sources: StatusSources;
}

export interface Status {
  readonly member: Member;
  /** ports that it listens at */
  ports(): { readonly status?: number; readonly tls?: number; readonly routes?: number };
}

type Page = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

const LOOPBACK = '127.0.0.1';
const RATE_MS = 5_000;

const answer = (
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void => {
  const length = String(Buffer.byteLength(body));
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': length,
    ...headers,
  });
  response.end(body);
};

const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' };
const NOT_CACHED = { 'Cache-Control': 'private, max-age=0', Expires: '0' };

const createPages = (
  { clock, sources }: StatusOptions,
  host: () => string,
  began: { at: number; wall: number },
) => {
  const rate = createRate();
  const rates = new Map<string, Rate>();
  let credentials: Credentials | undefined;

  const guarded =
    (page: Page): Page =>
    (request, response) => {
      if (credentials && isAuthorized(credentials, request.headers.authorization))
        return page(request, response);
      return answer(response, 401, '401 Unauthorized\n', { 'WWW-Authenticate': 'Basic realm="router"' });
    };

  const health: Page = (_request, response) => {
    const healthy = sources.whyNot() === '';
    answer(response, healthy ? 200 : 503, healthy ? 'ok\n' : '', NOT_CACHED);
  };
  const alive: Page = (_request, response) => answer(response, 200, 'ok\n', NOT_CACHED);
  const routes: Page = (_request, response) => {
    response.writeHead(200, JSON_TYPE);
    return writeRoutes(response, sources.pools(), clock);
  };
  const varz: Page = async (_request, response) => {
    const [counters, figures] = await Promise.all([sources.counters(), sources.figures()]);
    const record = varzOf({
      ...sources,
      host: host(),
      credentials: credentials ?? { user: '', pass: '' },
      startedAt: began.wall,
      uptimeMs: clock.monotonic() - began.at,
      routes: sources.routeCount(),
      endpoints: sources.endpointCount(),
      msSinceUpdate: sources.msSinceUpdate(),
      counters,
      figures,
      rate: rate.averages,
      rateOf: (component) => (rates.get(component) ?? createRate()).averages,
    });
    answer(response, 200, JSON.stringify(record), JSON_TYPE);
  };

  return {
    take: (opened: Credentials): void => void (credentials = opened),
    async measure(): Promise<void> {
      const [counters, figures] = await Promise.all([sources.counters(), sources.figures()]);
      const now = clock.monotonic();
      rate.mark(counters.total_requests, now);
      for (const [name, { requests }] of Object.entries(figures.components)) {
        let one = rates.get(name);
        if (!one) rates.set(name, (one = createRate()));
        one.mark(requests, now);
      }
    },
    open: { '/health': health, '/is-process-alive-do-not-use-for-loadbalancing': alive },
    legacy: { '/healthz': alive, '/varz': guarded(varz), '/routes': guarded(routes) },
    guarded: { '/routes': guarded(routes) },
  };
};

const serve =
  (pages: Readonly<Record<string, Page>>, logger: Logger): RequestListener =>
  (request, response) => {
    request.resume();
    const path = request.url?.split('?')[0] ?? '';
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (!page) return answer(response, 404, '404 page not found\n');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answer(response, 405, '', { Allow: 'GET, HEAD' });
    Promise.resolve(page(request, response)).catch((error: unknown) => {
      logger.error('status-page-failed', { path, error });
      response.destroy();
    });
  };

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const details = {
        what: 'router status',
        place: addressText({ host, port }),
        reason: cause.code ?? cause.message,
      };
      reject(new OutcryError('LISTEN_FAILED', details, { cause }));
    });
    server.listen(port, host, resolve);
  });

const portOf = (server: Server | undefined): number | undefined =>
  (server?.address() as AddressInfo | null)?.port;

const TLS_VERSIONS = { minVersion: 'TLSv1.2' } as const;

/** What load balancers and operators ask of a router, apart from its traffic. Starts before all else of it. */
export const createStatus = (options: StatusOptions): Status => {
  const { config, clock, logger, random } = options;
  const identity: Renewable<TlsKeyPair> | undefined =
    config.tls && openKeyPair({ files: config.tls.files, what: 'router status', clock, logger });
  const began = { at: clock.monotonic(), wall: clock.now() };
  const pages = createPages(
    options,
    () => addressText({ host: config.host, port: portOf(open) ?? portOf(secure) ?? 0 }),
    began,
  );
  const shown = serve({ ...pages.open, ...(config.legacyPages && pages.legacy) }, logger);

  const open = config.port === undefined ? undefined : createServer(shown);
  const secure = identity && new TlsServer({ ...identity.current(), ...TLS_VERSIONS }, shown);
  const routes = config.routesPort === undefined ? undefined : createServer(serve(pages.guarded, logger));
  const servers = [open, secure, routes].filter((server) => server !== undefined);
  let cancel: Cancel | undefined;

  return {
    member: {
      name: 'router-status',
      async start() {
        if (routes || config.legacyPages) pages.take(openCredentials(config.credentials, random));
        if (open) await listen(open, config.host, config.port ?? 0);
        if (secure) await listen(secure, config.host, config.tls?.port ?? 0);
        if (routes) await listen(routes, LOOPBACK, config.routesPort ?? 0);
        if (config.legacyPages) cancel = clock.every(RATE_MS, pages.measure);
        logger.info('status-listening', {
          status: portOf(open),
          tls: portOf(secure),
          routes: portOf(routes),
        });
      },
      async stop() {
        cancel?.();
        await Promise.all(
          servers.map((server) => {
            const closed = new Promise<void>((resolve) => server.close(() => resolve()));
            server.closeAllConnections();
            return closed;
          }),
        );
      },
      renew() {
        if (identity?.renew()) secure?.setSecureContext({ ...identity.current(), ...TLS_VERSIONS });
      },
    },
    ports: () => {
      const [status, tls, list] = [portOf(open), portOf(secure), portOf(routes)];
      return {
        ...(status !== undefined && { status }),
        ...(tls !== undefined && { tls }),
        ...(list !== undefined && { routes: list }),
      };
    },
  };
};
