import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { createDoor } from '../../common/runtime/door.js';
import type { DoorAddress } from '../../common/runtime/door.js';
import type { Member } from '../../common/runtime/group.js';
import type { Cell } from '../containers/cell.js';
import type { Measuring } from '../containers/measuring.js';
import { diegoMetrics } from '../core/diego-metrics.js';
import { diegoState } from '../core/diego-state.js';
import { failedWork, parseUpdate, parseWork } from '../core/diego-work.js';

/** A rep over HTTP, as Diego's auctioneer and BBS ask it: its paths, bodies and statuses. */
export interface RepDoorOptions {
  address: DoorAddress;
  cellId: string;
  cell: Cell;
  measuring: Measuring;
  /** false: this is not the cell that the BBS means by this id, and nothing is done in its name */
  mayAct(): boolean;
  clock: Clock;
  logger: Logger;
}

interface Asked {
  body: string;
  /** of the path */
  guid: string;
  traceId: string;
}

interface Answer {
  status: number;
  /** text, or a value to be told as JSON; nothing when absent */
  body?: unknown;
}

type Handle = (asked: Asked) => Answer | Promise<Answer>;

interface Route {
  method: 'GET' | 'POST' | 'PUT';
  /** the first group is the guid */
  path: RegExp;
  handle: Handle;
}

/** Of one request, in bytes: work for ten thousand instances. */
const MOST_BYTES = 4 * 1024 * 1024;

const TAKEN: Answer = { status: 202 };

const tellState =
  ({ cell }: RepDoorOptions): Handle =>
  () => {
    const containers = cell.containers().map((one) => ({
      identity: one.identity,
      state: one.state(),
      outcome: one.outcome(),
    }));
    const state = cell.state();
    return { status: state.placeable ? 200 : 503, body: diegoState(state, containers) };
  };

const tellMetrics =
  ({ cellId, measuring }: RepDoorOptions): Handle =>
  async () => ({ status: 200, body: diegoMetrics(cellId, await measuring.measure()) });

const takeWork =
  ({ cell, cellId }: RepDoorOptions): Handle =>
  ({ body, traceId }) => {
    const work = parseWork(body);
    if (!work.ok) return { status: 400, body: `invalid work: ${work.error}` };
    const { cellId: meant, lrps, tasks } = work.value;
    if (meant !== '' && meant !== cellId) {
      return { status: 500, body: 'workload cell ID does not match this cell' };
    }
    const refused = cell.take({ traceId, cellId, lrps, tasks });
    return { status: 200, body: failedWork(work.value, refused) };
  };

const update =
  ({ cell }: RepDoorOptions): Handle =>
  ({ body, guid: instanceGuid, traceId }) => {
    const change = parseUpdate(body);
    if (!change.ok) return { status: 400, body: `invalid update: ${change.error}` };
    const { accepted, reason } = cell.update({ ...change.value, instanceGuid, traceId });
    return accepted ? TAKEN : { status: 404, body: reason };
  };

/** Of an instance that is not here the next bulk sync removes the row: the path does not say which it is. */
const stop =
  ({ cell, logger }: RepDoorOptions): Handle =>
  ({ guid: instanceGuid, traceId }) => {
    logger.info('stop-lrp', { instanceGuid, traceId });
    const found = cell.container(instanceGuid);
    if (found?.identity.kind === 'lrp') void found.stop('requested');
    return TAKEN;
  };

const cancel =
  ({ cell }: RepDoorOptions): Handle =>
  ({ guid: taskGuid, traceId }) => {
    cell.cancel({ taskGuid, traceId });
    return TAKEN;
  };

const routes = (options: RepDoorOptions): Route[] => [
  { method: 'GET', path: /^\/state$/, handle: tellState(options) },
  { method: 'GET', path: /^\/container_metrics$/, handle: tellMetrics(options) },
  { method: 'POST', path: /^\/work$/, handle: takeWork(options) },
  { method: 'PUT', path: /^\/v[12]\/lrps\/[^/]+\/instances\/([^/]+)$/, handle: update(options) },
  { method: 'POST', path: /^\/v1\/lrps\/[^/]+\/instances\/([^/]+)\/stop$/, handle: stop(options) },
  { method: 'POST', path: /^\/v1\/tasks\/([^/]+)\/cancel$/, handle: cancel(options) },
];

/** undefined: longer than it may be; the rest is not read */
const readBody = async (request: IncomingMessage): Promise<string | undefined> => {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MOST_BYTES) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
};

const traceOf = ({ headers }: IncomingMessage): string => {
  const id = headers['x-vcap-request-id'];
  return typeof id === 'string' ? id : '';
};

const answer = async (
  all: readonly Route[],
  options: RepDoorOptions,
  request: IncomingMessage,
): Promise<Answer> => {
  const [path = ''] = (request.url ?? '').split('?');
  const known = all.filter((route) => route.path.test(path));
  if (known.length === 0) return { status: 404, body: '404 page not found' };
  const route = known.find(({ method }) => method === request.method);
  if (route === undefined) return { status: 405, body: 'Method Not Allowed' };
  const body = await readBody(request);
  if (body === undefined) return { status: 413, body: `the body is larger than ${MOST_BYTES} bytes` };
  if (route.method !== 'GET' && !options.mayAct()) {
    return { status: 503, body: `${options.cellId} does not hold its presence: nothing is done in its name` };
  }
  const guid = decodeURIComponent(route.path.exec(path)?.[1] ?? '');
  return route.handle({ body, guid, traceId: traceOf(request) });
};

/** Diego's rep says `text/plain` of its JSON, too. */
const send = (response: ServerResponse, { status, body }: Answer): void => {
  const text = body === undefined ? '' : `${typeof body === 'string' ? body : JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-length': Buffer.byteLength(text),
    ...(text !== '' && { 'content-type': 'text/plain; charset=utf-8' }),
    // what was not read to its end cannot be followed by another request
    ...(status === 413 && { connection: 'close' }),
  });
  response.end(text);
};

/** Node's own server is all that six paths need: a framework would take more memory than the rep can spare. */
export const createRepDoor = (options: RepDoorOptions): Member & { url(): string } => {
  const { address, clock, logger } = options;
  const door = createDoor({ address, what: 'rep', clock, logger });
  const all = routes(options);
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      send(response, await answer(all, options, request));
    } catch (error) {
      logger.error('request-failed', { url: request.url, error });
      send(response, { status: error instanceof URIError ? 400 : 500, body: 'the request failed' });
    }
  };
  return {
    name: 'rep-door',
    async start() {
      door.server((request, response) => void serve(request, response));
      await door.open();
      logger.info('rep-listening', { url: door.url() });
    },
    url: door.url,
    stop: door.close,
    renew: door.renew,
  };
};
