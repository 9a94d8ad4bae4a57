import type { BbsError, BbsErrorType, BbsResult } from '../../common/model/bbs-error.js';
import type { ExitStatus } from './container-runtime.js';

/**
 * A container's life, as in Diego's executor: reserved (room booked) → initializing (claimed, being
 * prepared) → created (container exists) → running (healthy, or its process has started) → completed.
 */
export type ContainerState = 'reserved' | 'initializing' | 'created' | 'running' | 'completed';

const ORDER: readonly ContainerState[] = ['reserved', 'initializing', 'created', 'running', 'completed'];

/** Only forwards; completed can be reached from everywhere. */
export const mayBecome = (from: ContainerState, to: ContainerState): boolean =>
  to === 'completed' ? from !== 'completed' : ORDER.indexOf(to) === ORDER.indexOf(from) + 1;

export const isStarting = (state: ContainerState): boolean =>
  state === 'reserved' || state === 'initializing' || state === 'created';

/**
 * Why a container is to end. requested: the BBS asked for it · unwanted: the BBS does not know it, or wants it
 * elsewhere · evacuated: it is not needed here any longer · shutdown: the whole cell stops · resumed: an earlier life of
 * the rep was told, and had not got to its end · withdrawn: who lent its place wants it back, and the BBS knows nothing of it
 */
export type StopCause = 'requested' | 'unwanted' | 'evacuated' | 'shutdown' | 'resumed' | 'withdrawn';

/** How a container ended. */
export interface RunOutcome {
  failed: boolean;
  /** '' when it did not fail, and for an LRP whose lone action exits 0 */
  reason: string;
  /** it ended because it was asked to */
  stopped: boolean;
  /** it never got to run: a task may be tried on another cell */
  retryable: boolean;
  /** of the process that decided it, where one did and failed */
  exit?: ExitStatus;
}

/** How a container ended, for whoever gave its work; what was never begun has no outcome. */
export type ContainerEnd =
  | {
      /** finished: a task that succeeded · failed: it ended by itself · stopped: it was told to */
      how: 'finished' | 'failed' | 'stopped';
      /** '' when it did not fail, and for an LRP whose lone action exits 0 */
      reason: string;
      exit?: ExitStatus;
    }
  | { how: 'dropped'; reason: string };

/** An instance is not to end by itself, however well it does. */
export const endOf = (
  kind: 'lrp' | 'task',
  { failed, stopped, reason, exit }: RunOutcome,
  cause: StopCause | undefined,
): ContainerEnd => {
  const told = stopped || (failed && (cause === 'shutdown' || cause === 'withdrawn'));
  const how = told ? 'stopped' : failed || kind === 'lrp' ? 'failed' : 'finished';
  return { how, reason, ...(exit && { exit }) };
};

export type LrpReport =
  | { call: 'claim' | 'start' | 'remove' }
  | { call: 'crash'; reason: string }
  | { call: 'evacuate-claimed' | 'evacuate-running' | 'evacuate-stopped' }
  | { call: 'evacuate-crashed'; reason: string };

/** What the BBS is told of an LRP's container (Diego's rep, ordinary LRP processor). */
const ordinaryReport = (state: ContainerState, outcome?: RunOutcome): LrpReport => {
  if (state === 'running') return { call: 'start' };
  if (state !== 'completed') return { call: 'claim' };
  if (outcome === undefined || outcome.stopped) return { call: 'remove' };
  return { call: 'crash', reason: outcome.reason };
};

/** … and on a cell that drains (evacuation LRP processor). */
const evacuationReport = (state: ContainerState, outcome?: RunOutcome): LrpReport => {
  if (state === 'running') return { call: 'evacuate-running' };
  if (state !== 'completed') return { call: 'evacuate-claimed' };
  if (outcome === undefined || outcome.stopped) return { call: 'evacuate-stopped' };
  return { call: 'evacuate-crashed', reason: outcome.reason };
};

/** What the BBS is told of an LRP's container in that state. */
export const lrpReport = (
  { state, outcome }: { state: ContainerState; outcome?: RunOutcome },
  evacuating: boolean,
): LrpReport => (evacuating ? evacuationReport : ordinaryReport)(state, outcome);

export type TaskReport =
  | { call: 'start' }
  | { call: 'complete'; failed: boolean; reason: string }
  | { call: 'reject'; reason: string }
  | { call: 'nothing' };

/** What the BBS is told of a task's container. A cancelled one it knows about already. */
export const taskReport = (state: ContainerState, outcome?: RunOutcome): TaskReport => {
  if (state !== 'completed') return { call: 'start' };
  if (outcome === undefined || outcome.stopped) return { call: 'nothing' };
  if (outcome.failed && outcome.retryable) return { call: 'reject', reason: outcome.reason };
  return { call: 'complete', failed: outcome.failed, reason: outcome.reason };
};

/**
 * go-on · drop: forget the reservation · stop: stop the container · delete: the same, and the BBS has let go of it ·
 * done: settled · retry: ask again later
 */
export type AfterAnswer = 'go-on' | 'drop' | 'stop' | 'delete' | 'done' | 'retry';

/** Refusals that say nothing of the request: the BBS could not do it now. */
const TRANSIENT: readonly BbsErrorType[] = [
  'UnknownError',
  'InvalidResponse',
  'Deadlock',
  'Unrecoverable',
  'Timeout',
];

export const isTransient = (error: BbsError): boolean =>
  error.unavailable === true || TRANSIENT.includes(error.type);

/** The BBS agrees, or not. Of `evacuate-running` it answers whether the container is to be kept. */
export type ReportAnswer = BbsResult<boolean | void>;

/** A container that drains is kept unless the BBS says otherwise: what it cannot tell now it is asked again. */
const afterEvacuateRunning = (answer: ReportAnswer): AfterAnswer =>
  answer.ok && answer.value === false ? 'delete' : 'go-on';

/**
 * What the BBS's answer to a report means. A definite refusal of what tells of an end settles the report: the row is
 * not ours any more.
 */
export const afterLrpAnswer = (call: LrpReport['call'], answer: ReportAnswer): AfterAnswer => {
  if (!answer.ok && isTransient(answer.error)) return 'retry';
  if (call === 'evacuate-running') return afterEvacuateRunning(answer);
  if (call === 'claim') return answer.ok ? 'go-on' : 'drop';
  if (call !== 'start') return 'done';
  return !answer.ok && answer.error.type === 'ActualLRPCannotBeStarted' ? 'stop' : 'go-on';
};

/** A definite refusal settles a task's end: it was cancelled, or the BBS gave it up. */
export const afterTaskAnswer = (call: TaskReport['call'], answer: ReportAnswer): AfterAnswer => {
  if (!answer.ok && isTransient(answer.error)) return 'retry';
  return call === 'start' ? 'go-on' : 'done';
};
