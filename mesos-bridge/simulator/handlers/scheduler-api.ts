/** POST /api/v1/scheduler of the leading master (mesos-v1.md §2). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Encoding } from '../../protocol/codec.js';
import { MEDIA_TYPES } from '../../protocol/codec.js';
import type { SchedulerCall } from '../../protocol/messages.js';
import type { Faults } from '../faults.js';
import { disconnectFramework, subscribe, updateFramework } from '../master/frameworks.js';
import { callProblem, perform, principalMismatch } from '../master/scheduler-calls.js';
import type { Framework, Master } from '../master/state.js';
import { answer, openStream } from './answer.js';
import { receiveCall, UNACCEPTABLE } from './call.js';
import { createEventStream } from './event-stream.js';
import { acceptedEncoding } from './request.js';

const STREAM_ID = 'mesos-stream-id';

export interface SchedulerRequest {
  readonly m: Master;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** as authenticated; undefined where nobody has to */
  readonly principal: string | undefined;
  readonly faults: Faults;
  /** what a real master does on a call that it cannot count */
  abort(): void;
}

const streamIdIn = ({ headers }: IncomingMessage): string | undefined => {
  const value = headers[STREAM_ID];
  return Array.isArray(value) ? value[0] : value;
};

/** A fault that is switched on answers in place of the master. */
const isRefusedByFault = ({ faults, response }: SchedulerRequest): boolean => {
  const { refuseSubscribe } = faults;
  if (refuseSubscribe.times <= 0) return false;
  refuseSubscribe.times -= 1;
  if (refuseSubscribe.status === 503) answer(response, 503, 'Master has not finished recovery');
  else answer(response, 307, '', { Location: `//${refuseSubscribe.location}/master/api/v1/scheduler` });
  return true;
};

const openSubscription = (
  call: SchedulerCall,
  encoding: Encoding,
  { m, response, principal, faults }: SchedulerRequest,
): void => {
  if (call.subscribe === undefined) return;
  const streamId = m.random.uuid();
  openStream(response, { 'Mesos-Stream-Id': streamId, 'Content-Type': MEDIA_TYPES[encoding] });
  const sink = createEventStream({
    clock: m.clock,
    response,
    name: 'SchedulerEvent',
    encoding,
    fate: (event) => faults.toScheduler?.(framework?.id ?? '', event) ?? 'deliver',
  });
  const framework = subscribe(m, { subscribe: call.subscribe, streamId, sink, principal });
  response.on('close', () => framework && disconnectFramework(m, framework, streamId));
};

const answerSubscribe = (call: SchedulerCall, received: SchedulerRequest): void => {
  const { request, response } = received;
  const encoding = acceptedEncoding(request.headers.accept);
  if (encoding === undefined) return answer(response, 406, UNACCEPTABLE);
  if (streamIdIn(request) !== undefined)
    return answer(response, 400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
  if (!isRefusedByFault(received)) openSubscription(call, encoding, received);
};

interface Refusal {
  readonly status: 400 | 403;
  readonly text: string;
}

const bad = (text: string): Refusal => ({ status: 400, text });

const streamProblem = (framework: Framework, streamId: string | undefined): Refusal | undefined => {
  if (framework.stream === undefined) return { status: 403, text: 'Framework is not subscribed' };
  if (streamId === undefined)
    return bad("All non-subscribe calls should include the 'Mesos-Stream-Id' header");
  return streamId === framework.stream.id
    ? undefined
    : bad(
        `The stream ID '${streamId}' included in this request didn't match the stream ID currently associated with framework ID ${framework.id}`,
      );
};

const refusalOf = (framework: Framework, { request, principal }: SchedulerRequest): Refusal | undefined => {
  if (principal !== undefined && framework.info.principal !== principal)
    return bad(principalMismatch(principal, framework.info.principal));
  return streamProblem(framework, streamIdIn(request));
};

const answerUpdate = (call: SchedulerCall, framework: Framework, { m, response }: SchedulerRequest): void => {
  const updated = call.updateFramework && updateFramework(m, framework, call.updateFramework);
  if (updated?.ok === false) answer(response, 400, updated.error);
  else answer(response, 200);
};

const answerCall = (call: SchedulerCall, received: SchedulerRequest): void => {
  const { m, response, request } = received;
  if (call.type === 'RECONCILE_OPERATIONS' && acceptedEncoding(request.headers.accept) === undefined)
    return answer(response, 406, UNACCEPTABLE);
  const framework = m.frameworks.get(call.frameworkId?.value ?? '');
  if (framework === undefined) return answer(response, 400, 'Framework cannot be found');
  const refusal = refusalOf(framework, received);
  if (refusal !== undefined) return answer(response, refusal.status, refusal.text);
  if (call.type === 'UNKNOWN') return received.abort();
  if (call.type === 'UPDATE_FRAMEWORK') return answerUpdate(call, framework, received);
  answer(response, 202);
  perform(m, framework, call);
};

export const serveScheduler = async (received: SchedulerRequest): Promise<void> => {
  const { m, request, response, principal } = received;
  const got = await receiveCall('SchedulerCall', request, response);
  if (got === undefined || m.ended) return;
  const problem = callProblem(got.call, principal);
  if (problem !== undefined) return answer(response, 400, `Failed to validate scheduler::Call: ${problem}`);
  if (got.call.type === 'SUBSCRIBE') answerSubscribe(got.call, received);
  else answerCall(got.call, received);
};
