import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { err, ok } from '../common/model/result.js';
import type { BbsAnswerName, BbsAnswers } from '../common/model/bbs-api.js';
import type { BbsError, BbsResult } from '../common/model/bbs-error.js';
import type { Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import { refusalIn } from '../common/runtime/door-refusal.js';
import { connectionTo } from '../common/runtime/endpoint.js';
import type { Endpoint } from '../common/runtime/endpoint.js';
import type { WireMessages } from '../common/wire/messages.js';
import { BBS_ROUTES } from '../common/wire/routes.js';
import type { BbsRoute } from '../common/wire/routes.js';
import type { BbsClient } from './client.js';
import { subscribeEvents } from './http-events.js';
import { createReachability } from './http-reachability.js';
import type { Reachability } from './http-reachability.js';
import * as actual from './protocol/actual-lrps.js';
import * as coordination from './protocol/coordination.js';
import * as desired from './protocol/desired-lrps.js';
import type { Call, RequestName } from './protocol/call.js';
import { PROTOBUF } from './protocol/forms.js';
import * as tasks from './protocol/tasks.js';
import { transitions } from './protocol/transitions.js';

interface CallOptions {
  clock: Clock;
  logger: Logger;
  /** attempts in all when the BBS cannot be reached; 3 when absent, as Diego's client */
  attempts?: number;
  /** with certificates on both sides; false when absent */
  overTls?: boolean;
}

export interface BbsClientOptions extends CallOptions {
  endpoint: Endpoint;
}

export interface RenewableBbsClient extends BbsClient {
  /** takes renewed certificates for new connections */
  renew(): void;
}

/** ms between attempts, as Diego's client */
const RETRY_MS = 500;
/** ms until an answer must have begun */
const TIMEOUT_MS = 10_000;
const CONNECTIONS = 32;
const NOTHING = new Uint8Array();
/** as errors of its certificates name it */
const WHAT = 'client of the BBS';

const unavailable = (message: string): BbsError => ({ type: 'UnknownError', message, unavailable: true });

const invalidStatus = (status: number): string => `Invalid Response with status code: ${status}`;

/** What came back, whoever said it. */
interface Reply {
  status: number;
  contentType: string;
  body: Uint8Array;
}

const textIn = ({ contentType, body }: Reply): string =>
  contentType.startsWith('text/') ? Buffer.from(body).toString('utf8').trim() : '';

const isOfCall = ({ contentType }: Reply): boolean => contentType === PROTOBUF.contentType;

/** An error of the board's own arrives with status 200; any other status says that it could not be asked. */
const answered = <Args, Value, A extends BbsAnswerName>(
  call: Call<Args, Value, RequestName, A>,
  reply: Reply,
): BbsResult<Value> => {
  const { status, body } = reply;
  const answer = isOfCall(reply) ? PROTOBUF.read(call.answer, body) : undefined;
  const error: BbsError | undefined = answer?.ok ? answer.value.error : undefined;
  if (status >= 500) return err(unavailable(error?.message ?? (textIn(reply) || invalidStatus(status))));
  if (error) return err(error);
  if (status > 299 || !answer) return err({ type: 'InvalidResponse', message: invalidStatus(status) });
  if (!answer.ok) {
    const message = `failed to unmarshal proto: ${answer.error.detail}`;
    return err({ type: 'InvalidProtobufMessage', message });
  }
  const value = call.read(answer.value as BbsAnswers[A]);
  return value.ok ? value : err({ type: 'InvalidResponse', message: value.error.join(', ') });
};

const replyOf = async ({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Reply> => ({
  status: statusCode,
  contentType: String(headers['content-type'] ?? ''),
  body: await body.bytes(),
});

const bodyOf = <Args, Q extends RequestName>(
  call: Pick<Call<Args, unknown, Q, BbsAnswerName>, 'request' | 'print'>,
  args: Args,
): Uint8Array => {
  const name: RequestName = call.request;
  if (name === undefined) return NOTHING;
  return PROTOBUF.write(name, call.print(args) as WireMessages[typeof name]);
};

interface Transport {
  call<Args, Value, Q extends RequestName, A extends BbsAnswerName>(
    call: Call<Args, Value, Q, A>,
    args: Args,
    traceId?: string,
  ): Promise<BbsResult<Value>>;
}

const createTransport = (
  pool: Dispatcher,
  options: CallOptions & { reachability: Reachability },
): Transport => {
  const { clock, logger, reachability, attempts = 3 } = options;

  const once = async (route: BbsRoute, body: Uint8Array, traceId: string): Promise<Reply> => {
    const response = await pool.request({
      path: BBS_ROUTES[route],
      method: 'POST',
      headers: { 'content-type': PROTOBUF.contentType, 'x-vcap-request-id': traceId },
      body,
    });
    const reply = await replyOf(response);
    const refusal = reply.status === 403 && refusalIn(reply.status, Buffer.from(reply.body).toString('utf8'));
    if (refusal) throw refusal;
    reachability.answered();
    return reply;
  };

  return {
    async call(call, args, traceId = '') {
      const body = bodyOf(call, args);
      let failure: unknown;
      for (let attempt = 1; attempt <= attempts; attempt += 1) {
        try {
          return answered(call, await once(call.route, body, traceId));
        } catch (error) {
          failure = error;
          const { message } = error as Error;
          logger.debug('bbs-request.failed', { route: call.route, attempt, error: message });
        }
        if (attempt < attempts) await clock.sleep(RETRY_MS);
      }
      return err(unavailable(reachability.failed(failure)));
    },
  };
};

const desiredApi = ({ call }: Transport) =>
  ({
    desireLrp: (lrp, traceId) => call(desired.desireLrp, lrp, traceId),
    updateDesiredLrp: (processGuid, update, traceId) =>
      call(desired.updateDesiredLrp, { processGuid, update }, traceId),
    removeDesiredLrp: (processGuid, traceId) => call(desired.removeDesiredLrp, { processGuid }, traceId),
    desiredLrps: (filter) => call(desired.desiredLrps, filter),
    desiredLrp: (processGuid) => call(desired.desiredLrp, { processGuid }),
    upsertDomain: (domain, ttlSeconds, traceId) =>
      call(desired.upsertDomain, { domain, ttlSeconds }, traceId),
    domains: () => call(desired.domains, undefined),
  }) satisfies Partial<BbsClient>;

const actualApi = ({ call }: Transport) =>
  ({
    actualLrps: (filter) => call(actual.actualLrps, filter),
    claimActualLrp: (transition, traceId) => call(actual.claimActualLrp, transition, traceId),
    startActualLrp: (start, traceId) => call(actual.startActualLrp, start, traceId),
    crashActualLrp: (crash, traceId) => call(actual.crashActualLrp, crash, traceId),
    failActualLrp: (key, placementError, traceId) =>
      call(actual.failActualLrp, { key, placementError }, traceId),
    removeActualLrp: (transition, traceId) => call(actual.removeActualLrp, transition, traceId),
    retireActualLrp: (key, traceId) => call(actual.retireActualLrp, key, traceId),
    evacuateClaimedActualLrp: (transition, traceId) =>
      call(actual.evacuateClaimedActualLrp, transition, traceId),
    evacuateRunningActualLrp: (start, traceId) => call(actual.evacuateRunningActualLrp, start, traceId),
    evacuateStoppedActualLrp: (transition, traceId) =>
      call(actual.evacuateStoppedActualLrp, transition, traceId),
    evacuateCrashedActualLrp: (crash, traceId) => call(actual.evacuateCrashedActualLrp, crash, traceId),
    removeEvacuatingActualLrp: (transition, traceId) =>
      call(actual.removeEvacuatingActualLrp, transition, traceId),
  }) satisfies Partial<BbsClient>;

const taskApi = ({ call }: Transport) =>
  ({
    desireTask: (task, traceId) => call(tasks.desireTask, task, traceId),
    tasks: (filter) => call(tasks.tasks, filter),
    task: (taskGuid) => call(tasks.task, { taskGuid }),
    startTask: (taskGuid, cellId, traceId) => call(tasks.startTask, { taskGuid, cellId }, traceId),
    completeTask: (completion, traceId) => call(tasks.completeTask, completion, traceId),
    rejectTask: (taskGuid, reason, traceId, of) => call(tasks.rejectTask, { taskGuid, reason, of }, traceId),
    failTask: (taskGuid, reason, traceId) => call(tasks.failTask, { taskGuid, reason }, traceId),
    cancelTask: (taskGuid, traceId) => call(tasks.cancelTask, { taskGuid }, traceId),
    resolvingTask: (taskGuid, traceId) => call(tasks.resolvingTask, { taskGuid }, traceId),
    deleteTask: (taskGuid, traceId) => call(tasks.deleteTask, { taskGuid }, traceId),
  }) satisfies Partial<BbsClient>;

const transitionApi = ({ call }: Transport) =>
  ({
    transitions: (list, traceId) => call(transitions, list.map(ok), traceId),
  }) satisfies Partial<BbsClient>;

const coordinationApi = ({ call }: Transport) =>
  ({
    async ping() {
      const answer = await call(coordination.ping, undefined);
      return answer.ok && answer.value;
    },
    cells: () => call(coordination.cells, undefined),
    acquireLease: (request) => call(coordination.acquireLease, request),
    renewLease: (request) => call(coordination.renewLease, request),
    releaseLease: (name, owner) => call(coordination.releaseLease, { name, owner }),
    leases: (prefix) => call(coordination.leases, { prefix }),
    kvGet: (key) => call(coordination.kvGet, { key }),
    kvPut: (entry) => call(coordination.kvPut, entry),
    history: (query) => call(coordination.history, query),
  }) satisfies Partial<BbsClient>;

/** A client over any carrier of HTTP requests. */
export const createBbsClientOver = (pool: Dispatcher, options: CallOptions): BbsClient => {
  const reachability = createReachability(options.logger, options.overTls ?? false);
  const transport = createTransport(pool, { ...options, reachability });
  const closing = new AbortController();
  return {
    ...desiredApi(transport),
    ...actualApi(transport),
    ...taskApi(transport),
    ...transitionApi(transport),
    ...coordinationApi(transport),
    subscribe: (handlers, { domain } = {}) =>
      subscribeEvents({ ...options, pool, reachability, handlers, domain, closing: closing.signal }),
    async close() {
      closing.abort();
      await pool.destroy();
    },
  };
};

/**
 * A client of the BBS's HTTP API. Errors of the board come back at once; only a BBS that cannot be
 * reached is asked again, and then told as `unavailable`. Never rejects.
 */
export const createBbsClient = (options: BbsClientOptions): RenewableBbsClient => {
  const { endpoint, clock, logger } = options;
  const {
    origin,
    options: connection,
    overTls,
    renew,
  } = connectionTo(endpoint, { what: WHAT, clock, logger });
  const pool = new Pool(origin, { connections: CONNECTIONS, headersTimeout: TIMEOUT_MS, ...connection });
  return { ...createBbsClientOver(pool, { ...options, overTls }), renew };
};
