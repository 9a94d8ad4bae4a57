import type { LrpWork, TaskWork, Work } from '../../common/model/auction.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import { decode } from '../../common/wire/codec.js';
import { numbersIn } from '../core/amounts.js';
import { rangesOf, readResources, scalarOf } from '../core/resources.js';
import { guidOf, parseTaskId } from '../core/task-id.js';
import type { TaskInfo } from '../protocol/messages.js';
import { whyTooSmall } from './core/needs.js';
import type { Room } from './core/needs.js';

/** What a Mesos task asks of the rep, and what it was given for it. */
export interface LaunchedWork {
  readonly kind: 'lrp' | 'task';
  /** of its container: the instance guid, or the task guid */
  readonly guid: string;
  /** exactly one piece */
  readonly work: Pick<Work, 'traceId' | 'lrps' | 'tasks'>;
  readonly room: Room;
  readonly hostPorts: readonly number[];
  /** ms between SIGTERM and SIGKILL when it is killed; undefined: the cell's own */
  readonly killGraceMs: number | undefined;
}

const NS_PER_MS = 1_000_000n;

/** ms of a kill policy's grace; undefined: it has none. */
export const graceOf = (policy: TaskInfo['killPolicy']): number | undefined => {
  const ns = policy?.gracePeriod?.nanoseconds;
  return ns === undefined ? undefined : Math.max(0, Number(ns / NS_PER_MS));
};

const roomOf = (task: TaskInfo): { room: Room; hostPorts: number[] } => {
  const { resources } = readResources(task.resources);
  const whole = (name: string): number => Math.floor(scalarOf(resources, name) / 1000);
  return {
    room: {
      memoryMb: whole('mem'),
      diskMb: whole('disk'),
      cpuMilli: scalarOf(resources, 'cpus'),
      containers: 1,
    },
    hostPorts: numbersIn(rangesOf(resources, 'ports')),
  };
};

const only = ({ lrps, tasks }: Work): Result<LrpWork | TaskWork, string> => {
  const [one, ...more] = [...lrps, ...tasks];
  if (one === undefined) return err('there is no work in its data');
  return more.length > 0 ? err('there is more than one piece of work in its data') : ok(one);
};

/** The work with the guid by which Mesos and the BBS know it. */
const named = (one: LrpWork | TaskWork, guid: string): Result<Pick<Work, 'lrps' | 'tasks'>, string> => {
  if ('taskGuid' in one)
    return one.taskGuid === guid ? ok({ lrps: [], tasks: [one] }) : err('its data and its id name two tasks');
  return (one.instanceGuid ?? guid) === guid
    ? ok({ lrps: [{ ...one, instanceGuid: guid }], tasks: [] })
    : err('its data and its id name two instances');
};

/** What is wrong with it is said in words. */
export const readTask = (task: TaskInfo): Result<LaunchedWork, string> => {
  const identity = parseTaskId(task.taskId.value);
  if (identity === undefined) return err('its id is none that the bridge has made');
  if (task.data === undefined) return err('it has no data');
  const work = decode('Work', task.data);
  if (!work.ok) return err(`its data is unreadable: ${work.error.message}`);
  const one = only(work.value);
  if (!one.ok) return one;
  if ('taskGuid' in one.value !== (identity.kind === 'task'))
    return err('its data and its id are of two kinds');
  const guid = guidOf(identity);
  const pieces = named(one.value, guid);
  if (!pieces.ok) return pieces;
  const { room, hostPorts } = roomOf(task);
  const tooSmall = whyTooSmall(room, one.value);
  if (tooSmall !== '') return err(tooSmall);
  const { traceId } = work.value;
  const killGraceMs = graceOf(task.killPolicy);
  return ok({ kind: identity.kind, guid, work: { traceId, ...pieces.value }, room, hostPorts, killGraceMs });
};
