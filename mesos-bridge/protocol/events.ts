import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { decode } from './codec.js';
import type { Encoding } from './codec.js';
import type { ExecutorEvent, SchedulerEvent } from './messages.js';

/** Where an event has what it tells, by its type; null: it is told by its type alone. */
const SCHEDULER_BODIES = {
  SUBSCRIBED: 'subscribed',
  OFFERS: 'offers',
  INVERSE_OFFERS: 'inverseOffers',
  RESCIND: 'rescind',
  RESCIND_INVERSE_OFFER: 'rescindInverseOffer',
  UPDATE: 'update',
  UPDATE_OPERATION_STATUS: 'updateOperationStatus',
  MESSAGE: 'message',
  FAILURE: 'failure',
  ERROR: 'error',
  HEARTBEAT: null,
} as const;

const EXECUTOR_BODIES = {
  SUBSCRIBED: 'subscribed',
  LAUNCH: 'launch',
  LAUNCH_GROUP: 'launchGroup',
  KILL: 'kill',
  ACKNOWLEDGED: 'acknowledged',
  MESSAGE: 'message',
  ERROR: 'error',
  SHUTDOWN: null,
  HEARTBEAT: null,
} as const;

/** Events of a kind of known type, each with the body that belongs to it. */
type Known<Event, Bodies> = {
  [T in keyof Bodies]: { readonly type: T } & (Bodies[T] extends keyof Event
    ? Required<Pick<Event, Bodies[T]>>
    : unknown);
}[keyof Bodies];

export type KnownSchedulerEvent = Known<SchedulerEvent, typeof SCHEDULER_BODIES>;
export type KnownExecutorEvent = Known<ExecutorEvent, typeof EXECUTOR_BODIES>;

interface Envelope {
  readonly type?: string;
}

/** The reason, when it is of a newer version or lacks what its type promises. */
const known = (event: Envelope, bodies: Readonly<Record<string, string | null>>): string => {
  const { type } = event;
  const body = type === undefined ? undefined : bodies[type];
  if (body === undefined) return 'its type is unknown';
  return body === null || body in event ? '' : `it is of type ${type}, and "${body}" is absent`;
};

const readKnown = (
  name: 'SchedulerEvent' | 'ExecutorEvent',
  bodies: Readonly<Record<string, string | null>>,
  { record, encoding }: { record: Uint8Array; encoding: Encoding },
): Result<Envelope, string> => {
  const event = decode(name, record, encoding);
  if (!event.ok) return err(event.error.message);
  const reason = known(event.value, bodies);
  return reason === '' ? ok(event.value) : err(reason);
};

export const readSchedulerEvent = (
  record: Uint8Array,
  encoding: Encoding,
): Result<KnownSchedulerEvent, string> =>
  readKnown('SchedulerEvent', SCHEDULER_BODIES, { record, encoding }) as Result<KnownSchedulerEvent, string>;

export const readExecutorEvent = (
  record: Uint8Array,
  encoding: Encoding,
): Result<KnownExecutorEvent, string> =>
  readKnown('ExecutorEvent', EXECUTOR_BODIES, { record, encoding }) as Result<KnownExecutorEvent, string>;
