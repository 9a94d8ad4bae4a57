import type { FastifyInstance } from 'fastify';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { ApiFailure } from '../core/failure.js';
import { cfFailure } from '../core/failure.js';
import type { LogEnvelope, LogQuery } from '../core/log-buffer.js';
import type { Deps } from './deps.js';
import { paramOf, send } from './respond.js';

/** log-cache's read API, as far as logs go. Times are ns as decimal text: no double holds them. */

/** Selects the form of the read API that is served here. */
const LOG_CACHE_VERSION = '2.11.0';
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
const INTEGER = /^-?\d{1,19}$/;

type Asked = Omit<LogQuery, 'now'> & { logsWanted: boolean };

const bad = (detail: string): { ok: false; error: ApiFailure[] } =>
  err([cfFailure('BadQueryParameter', detail)]);

const one = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;

const parse = (query: Record<string, string | string[]>): Result<Asked, ApiFailure[]> => {
  const [start, end] = [one(query['start_time']), one(query['end_time'])];
  for (const time of [start, end]) {
    if (time !== undefined && !INTEGER.test(time)) return bad(`not a time in nanoseconds: ${time}`);
  }
  const limit = Number(one(query['limit']) ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 0 || limit > MAX_LIMIT)
    return bad(`limit must be at most ${MAX_LIMIT}`);
  const types = [query['envelope_types'] ?? []].flat();
  return ok({
    ...(start === undefined ? {} : { startTime: BigInt(start) }),
    ...(end === undefined ? {} : { endTime: BigInt(end) }),
    limit: limit === 0 ? DEFAULT_LIMIT : limit,
    descending: one(query['descending']) === 'true',
    logsWanted: types.length === 0 || types.some((type) => type === 'LOG' || type === 'ANY'),
  });
};

/** Exactly the keys that clients know: one more and they refuse the whole answer. */
const envelope = (sourceId: string) => (line: LogEnvelope) => ({
  timestamp: String(line.timestamp),
  source_id: sourceId,
  instance_id: line.instanceId,
  deprecated_tags: {},
  tags: { ...line.tags, source_type: line.sourceType },
  log: { payload: line.payload, type: line.stream },
});

export const logRoutes = (server: FastifyInstance, { logs, clock }: Deps): void => {
  server.get('/api/v1/info', () => ({
    version: LOG_CACHE_VERSION,
    vm_uptime: String(Math.floor(clock.monotonic() / 1000)),
  }));

  server.get('/api/v1/read/:source', (request, reply) => {
    const sourceId = paramOf(request, 'source');
    const asked = parse(request.query as Record<string, string | string[]>);
    return send(reply, asked, ({ logsWanted, ...query }) => ({
      envelopes: { batch: logsWanted ? logs.read(sourceId, query).map(envelope(sourceId)) : [] },
    }));
  });
};
