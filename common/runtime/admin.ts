import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Metrics } from '../ports/metrics.js';
import { createDoor } from './door.js';
import type { DoorAddress } from './door.js';
import type { Member } from './group.js';
import { healthOf } from './health.js';
import type { Health } from './health.js';

export interface AdminServerOptions {
  address: DoorAddress;
  /** the component that it speaks for: 'bbs', 'cell-rep' … */
  what: string;
  clock: Clock;
  logger: Logger;
  metrics: Pick<Metrics, 'contentType' | 'scrape'>;
  /** asked anew for every request; before the component starts and after it has stopped, too */
  health(): Health;
  /** what the component's operator may ask of it besides, by path */
  pages?: AdminPages | undefined;
}

export interface AdminPage {
  method: 'GET' | 'POST';
  answer(): { status: number; body: object };
}

export type AdminPages = Readonly<Record<string, AdminPage>>;

export interface AdminServer extends Member {
  /** `unix:/path` or `https://host:port`; known once started */
  url(): string;
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const json = (status: number, value: object, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  body: JSON.stringify(value),
});

const askHealth = ({ health, logger }: AdminServerOptions): Health => {
  try {
    return health();
  } catch (error) {
    logger.error('health-unknown', { error });
    return healthOf([`its health cannot be told: ${error instanceof Error ? error.message : error}`], {});
  }
};

const tellHealth = async (options: AdminServerOptions): Promise<Answer> => {
  const { healthy, reason, details } = askHealth(options);
  const shown = { healthy, component: options.what, ...(reason !== '' && { reason }), ...details };
  return json(healthy ? 200 : 503, shown);
};

const showMetrics = async ({ metrics }: AdminServerOptions): Promise<Answer> => ({
  status: 200,
  headers: { 'content-type': metrics.contentType },
  body: await metrics.scrape(),
});

interface Page {
  method: AdminPage['method'];
  run(options: AdminServerOptions): Promise<Answer>;
}

const PAGES: Readonly<Record<string, Page>> = {
  '/health': { method: 'GET', run: tellHealth },
  '/metrics': { method: 'GET', run: showMetrics },
};

const pageOf = ({ method, answer: tell }: AdminPage): Page => ({
  method,
  async run() {
    const { status, body } = tell();
    return json(status, body);
  },
});

const pagesOf = ({ pages = {} }: AdminServerOptions): Map<string, Page> =>
  new Map([
    ...Object.entries(PAGES),
    ...Object.entries(pages).map(([path, page]): [string, Page] => [path, pageOf(page)]),
  ]);

const listed = (names: readonly string[]): string =>
  `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;

const answer = async (options: AdminServerOptions, method: string, path: string): Promise<Answer> => {
  const pages = pagesOf(options);
  const page = pages.get(path);
  if (page === undefined) {
    const known = listed([...pages.keys()]);
    return json(404, { error: 'NotFound', reason: `there is no ${path} here, but ${known}` });
  }
  const allowed = page.method === 'GET' ? ['GET', 'HEAD'] : [page.method];
  if (!allowed.includes(method)) {
    const reason = `${path} is ${page.method === 'GET' ? 'read' : 'asked for'} with ${page.method}, not ${method}`;
    return json(405, { error: 'MethodNotAllowed', reason }, { allow: allowed.join(', ') });
  }
  try {
    return await page.run(options);
  } catch (error) {
    options.logger.error('request-failed', { path, error });
    return json(500, {
      error: 'RequestFailed',
      reason: error instanceof Error ? error.message : String(error),
    });
  }
};

/** Node's own server is all that two pages need: a framework would take more memory than some components. */
const serve = async (
  options: AdminServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  request.resume();
  const { method = 'GET', url = '' } = request;
  const { status, headers, body } = await answer(options, method, url.split('?')[0] ?? '');
  const length = String(Buffer.byteLength(body));
  response.writeHead(status, { ...headers, 'content-length': length, 'cache-control': 'no-store' });
  response.end(method === 'HEAD' ? undefined : body);
};

/**
 * What a component's operator asks of it, behind a door of its own: `GET /health` (200, or 503 with a reason)
 * and `GET /metrics` (Prometheus' text format). A member to start before all others, and so to stop last.
 */
export const createAdminServer = (options: AdminServerOptions): AdminServer => {
  const { address, what, clock, logger } = options;
  const door = createDoor({ address, what: `${what} admin`, clock, logger });
  return {
    name: `${what}-admin`,
    async start() {
      door.server((request, response) => void serve(options, request, response));
      await door.open();
      logger.info('admin-listening', { url: door.url() });
    },
    url: door.url,
    stop: door.close,
    renew: door.renew,
  };
};
