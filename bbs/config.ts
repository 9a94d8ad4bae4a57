import { compileDoor, doorSchema } from '../common/runtime/door-config.js';
import type { UserDoor } from '../common/runtime/door-config.js';
import type { DoorAddress } from '../common/runtime/door.js';
import { DURATION, HOST_PATTERN, defineConfig, toMs } from '../common/runtime/config.js';

interface UserConfig {
  listen: UserDoor;
  converge_repeat_interval: string | number;
  stale_unclaimed_duration: string | number;
  kick_task_duration: string | number;
  expire_completed_task_duration: string | number;
  expire_pending_task_duration: string | number;
  max_task_retries: number;
  task_callback_workers: number;
  task_callback_timeout: string | number;
  task_callback_hosts: string[];
  presence_ttl: string | number;
  lease_check_interval: string | number;
  mass_disappearance_hold: string | number;
  gather_delay: string | number;
  reauction_interval: string | number;
  communication_timeout: string | number;
  convergence_slice_rows: number;
  request_body_limit_bytes: number;
  concurrent_request_limit: number;
  event_buffer: number;
  event_buffer_bytes: number;
  event_subscribers: number;
  event_window: number;
  event_window_bytes: number;
  event_heartbeat_interval: string | number;
  history_entries: number;
  history_per_guid: number;
  forget_leases_on_start: boolean;
}

/** What the BBS runs by. Durations in ms. */
export interface BbsConfig {
  /** of the API */
  listen: DoorAddress;
  convergeIntervalMs: number;
  /** how long an UNCLAIMED row waits before it is asked for again */
  staleUnclaimedMs: number;
  /** how long a Resolving task rests before it is Completed again, and a Completed one before its callback is tried again */
  kickTaskMs: number;
  expireCompletedTaskMs: number;
  expirePendingTaskMs: number;
  /** rejections that a task survives */
  maxTaskRetries: number;
  /** completion callbacks under way at once */
  callbackWorkers: number;
  /** until a callback's connection stands, and again until it is answered */
  callbackTimeoutMs: number;
  /** called back though they are at loopback or link-local addresses: `HOST:PORT`, or `HOST` */
  callbackHosts: readonly string[];
  /** TTL that presences have, and the time in which more than 30 % of the cells may not vanish */
  presenceTtlMs: number;
  /** how often leases are looked at */
  leaseTickMs: number;
  /** how long tasks of cells that vanished in a mass are left alone */
  massVanishHoldMs: number;
  /** delay in which causes for converging one process, or for asking again, are gathered */
  soonMs: number;
  /** shortest time between two rounds of asking again because room appeared */
  reauctionIntervalMs: number;
  /** how long a rep or auctioneer may take to acknowledge */
  requestTimeoutMs: number;
  /** rows of actual LRPs that convergence takes at once */
  sliceRows: number;
  bodyLimitBytes: number;
  /** requests over HTTP that are in hand at a time; event streams are not counted */
  requestLimit: number;
  /** events that wait for a slow subscriber before it is cut off, and their bytes; one commit's are allowed beside them */
  eventBuffer: number;
  eventBufferBytes: number;
  /** streams that may be open at once */
  eventSubscribers: number;
  /** last events, and bytes of them, that are kept for subscribers that come back */
  eventWindow: number;
  eventWindowBytes: number;
  /** comment lines keep an idle event stream alive */
  eventHeartbeatMs: number;
  /** of everything together, about; 0 = no history is kept */
  historyEntries: number;
  /** of one instance, one task, or a process as a whole */
  historyPerGuid: number;
  /** every holder of a lease lives in this process and has ended with it: none is waited for */
  forgetLeasesOnStart: boolean;
}

const count = { type: 'integer', minimum: 1 } as const;

/** Names and defaults as in Diego's BBS, where it has them. */
export const bbsConfig = defineConfig<UserConfig, BbsConfig>({
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['listen'],
    properties: {
      listen: doorSchema('the API'),
      converge_repeat_interval: {
        ...DURATION,
        description: 'between two convergence passes over everything',
      },
      stale_unclaimed_duration: {
        ...DURATION,
        description: 'how long an UNCLAIMED instance waits before it is asked for again',
      },
      kick_task_duration: {
        ...DURATION,
        description:
          'how long a Resolving task rests before it is Completed again, and a Completed one before its callback is tried again',
      },
      expire_completed_task_duration: { ...DURATION, description: 'how long a Completed task is kept' },
      expire_pending_task_duration: {
        ...DURATION,
        description: 'how long a task may wait for a place before it fails',
      },
      max_task_retries: { type: 'integer', minimum: 0, description: 'rejections that a task survives' },
      task_callback_workers: { ...count, description: 'completion callbacks of tasks under way at once' },
      task_callback_timeout: {
        ...DURATION,
        description: 'how long a completion callback waits for its connection, and then for its answer',
      },
      task_callback_hosts: {
        type: 'array',
        items: { type: 'string', pattern: HOST_PATTERN },
        description:
          'hosts that completion callbacks may go to though they are at loopback or link-local addresses: `HOST:PORT`, or `HOST` for each of its ports',
      },
      presence_ttl: {
        ...DURATION,
        description:
          'TTL that presences have, and the time in which more than 30 % of the cells may not vanish',
      },
      lease_check_interval: { ...DURATION, description: 'how often leases are looked at' },
      mass_disappearance_hold: {
        ...DURATION,
        description: 'how long tasks of cells that vanished in a mass are left alone',
      },
      gather_delay: {
        ...DURATION,
        description: 'time in which causes for converging one process, or for asking again, are gathered',
      },
      reauction_interval: {
        ...DURATION,
        description:
          'shortest time between two rounds of asking again because room appeared; after a long one it is four times as long as that took',
      },
      communication_timeout: {
        ...DURATION,
        description: 'how long a rep or an auctioneer may take to acknowledge',
      },
      convergence_slice_rows: { ...count, description: 'rows of actual LRPs that convergence takes at once' },
      request_body_limit_bytes: { ...count, description: 'largest request body' },
      concurrent_request_limit: {
        ...count,
        description: 'requests that are taken at a time; more are answered with status 503',
      },
      event_buffer: { ...count, description: 'events that wait for a slow subscriber before it is cut off' },
      event_buffer_bytes: {
        ...count,
        description: 'bytes of events that wait for a slow subscriber before it is cut off',
      },
      event_subscribers: { ...count, description: 'event streams that may be open at once' },
      event_window: {
        ...count,
        description: 'last events that are kept, for subscribers that come back after a break',
      },
      event_window_bytes: { ...count, description: 'bytes of events that are kept for them at most' },
      event_heartbeat_interval: {
        ...DURATION,
        description: 'between comment lines that keep an idle event stream alive',
      },
      history_entries: {
        type: 'integer',
        minimum: 0,
        description:
          'how much of what happened is kept, for `outcry events`: the oldest entries go first; 0 keeps none. 10,000 take about 5 MB of memory and 3 MB of the disk',
      },
      history_per_guid: {
        ...count,
        description: 'entries kept of one instance, of one task, or of a process as a whole',
      },
      forget_leases_on_start: {
        type: 'boolean',
        description: 'every holder of a lease has ended with the last BBS: for a system in one process only',
      },
    },
  },
  defaults: {
    converge_repeat_interval: '30s',
    stale_unclaimed_duration: '30s',
    kick_task_duration: '30s',
    expire_completed_task_duration: '120s',
    expire_pending_task_duration: '1800s',
    max_task_retries: 3,
    task_callback_workers: 1_000,
    task_callback_timeout: '10s',
    task_callback_hosts: [],
    presence_ttl: '15s',
    lease_check_interval: '500ms',
    mass_disappearance_hold: '600s',
    gather_delay: '50ms',
    reauction_interval: '250ms',
    communication_timeout: '2s',
    convergence_slice_rows: 1_000,
    request_body_limit_bytes: 8 * 1024 * 1024,
    concurrent_request_limit: 1_024,
    event_buffer: 1_024,
    event_buffer_bytes: 32 * 1024 * 1024,
    event_subscribers: 1_000,
    event_window: 10_000,
    event_window_bytes: 16 * 1024 * 1024,
    event_heartbeat_interval: '15s',
    history_entries: 50_000,
    history_per_guid: 30,
    forget_leases_on_start: false,
  },
  compile: (full, report) => ({
    listen: compileDoor(full.listen, 'listen', report),
    convergeIntervalMs: toMs(full.converge_repeat_interval),
    staleUnclaimedMs: toMs(full.stale_unclaimed_duration),
    kickTaskMs: toMs(full.kick_task_duration),
    expireCompletedTaskMs: toMs(full.expire_completed_task_duration),
    expirePendingTaskMs: toMs(full.expire_pending_task_duration),
    maxTaskRetries: full.max_task_retries,
    callbackWorkers: full.task_callback_workers,
    callbackTimeoutMs: toMs(full.task_callback_timeout),
    callbackHosts: full.task_callback_hosts,
    presenceTtlMs: toMs(full.presence_ttl),
    leaseTickMs: toMs(full.lease_check_interval),
    massVanishHoldMs: toMs(full.mass_disappearance_hold),
    soonMs: toMs(full.gather_delay),
    reauctionIntervalMs: toMs(full.reauction_interval),
    requestTimeoutMs: toMs(full.communication_timeout),
    sliceRows: full.convergence_slice_rows,
    bodyLimitBytes: full.request_body_limit_bytes,
    requestLimit: full.concurrent_request_limit,
    eventBuffer: full.event_buffer,
    eventBufferBytes: full.event_buffer_bytes,
    eventSubscribers: full.event_subscribers,
    eventWindow: full.event_window,
    eventWindowBytes: full.event_window_bytes,
    eventHeartbeatMs: toMs(full.event_heartbeat_interval),
    historyEntries: full.history_entries,
    historyPerGuid: full.history_per_guid,
    forgetLeasesOnStart: full.forget_leases_on_start,
  }),
});
