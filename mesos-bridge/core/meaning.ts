import type { TaskStatus } from './task-status.js';
import { isUnderWay } from './task-status.js';

/** What is known of the task that a status is about. */
export interface TaskFacts {
  readonly kind: 'lrp' | 'task';
  /** its executor has said that it starts: its rep may have claimed it in the BBS */
  readonly started: boolean;
  /** we have asked for its end */
  readonly killing: boolean;
  /** its agent was out of sight */
  readonly unreachable: boolean;
}

/**
 * What a status means to the BBS. `nothing`: the rep says it, or there is nothing to say. `lost`: it is gone through no
 * fault of its own and another is wanted at once. `crashed`: it went beyond its limits, which counts as a crash.
 * `failed`: a task that may have run, and never runs again. `refused`: it never started, and the same again would be
 * refused again. `suspect`: its agent is out of sight. `back`: its agent is in sight again.
 */
export type Meaning = 'nothing' | 'lost' | 'crashed' | 'failed' | 'refused' | 'suspect' | 'back';

/** The container outgrew its limits: the work's own doing, as far as anyone can tell. */
const LIMITS = [
  'REASON_CONTAINER_LIMITATION',
  'REASON_CONTAINER_LIMITATION_MEMORY',
  'REASON_CONTAINER_LIMITATION_DISK',
  'REASON_MAX_COMPLETION_TIME_REACHED',
];

/** Of these nothing has ever run, whatever else is known. */
const NEVER_RAN = [
  'REASON_TASK_KILLED_DURING_LAUNCH',
  'REASON_CONTAINER_LAUNCH_FAILED',
  'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
];

/** An LRP is wanted again; a task that may have run is not. */
const gone = ({ state, reason }: TaskStatus, { kind, started }: TaskFacts): Meaning =>
  kind === 'lrp' || !started || state === 'TASK_DROPPED' || NEVER_RAN.includes(reason) ? 'lost' : 'failed';

/** The executor is the rep: of work that it has begun it tells the BBS itself. */
const ofExecutor = (status: TaskStatus, facts: TaskFacts): Meaning =>
  facts.started || facts.killing || status.state === 'TASK_FINISHED' ? 'nothing' : 'lost';

const ofFailure = (status: TaskStatus, facts: TaskFacts): Meaning =>
  facts.kind === 'lrp' && facts.started && LIMITS.includes(status.reason) ? 'crashed' : gone(status, facts);

const outOfSight = ({ kind, unreachable }: TaskFacts): Meaning => {
  if (unreachable) return 'nothing';
  return kind === 'lrp' ? 'suspect' : 'failed';
};

/**
 * An answer to reconciliation only repeats what its own update has said or will say, under its uuid and with its
 * reason: that one counts.
 */
const isRepeat = ({ state, reason, uuid }: TaskStatus): boolean =>
  uuid === '' &&
  reason === 'REASON_RECONCILIATION' &&
  (state === 'TASK_FINISHED' || state === 'TASK_FAILED' || state === 'TASK_KILLED');

const ofEnd = (status: TaskStatus, facts: TaskFacts): Meaning => {
  if (status.source === 'SOURCE_EXECUTOR') return ofExecutor(status, facts);
  if (status.state === 'TASK_FAILED') return ofFailure(status, facts);
  return status.state === 'TASK_KILLED' && facts.killing ? 'nothing' : gone(status, facts);
};

/**
 * What the bridge tells the BBS on a status of a task that has not ended before (design §8.7: it says only what no rep
 * can say). Every state, source and reason has a meaning; reasons that are not known mean what their state means.
 */
export const meaningOf = (status: TaskStatus, facts: TaskFacts): Meaning => {
  if (isUnderWay(status.state)) return facts.unreachable ? 'back' : 'nothing';
  if (isRepeat(status)) return 'nothing';
  switch (status.state) {
    case 'TASK_UNREACHABLE':
      return outOfSight(facts);
    case 'TASK_UNKNOWN':
      // whether it is gone shows when its agent has had time to come back
      return 'nothing';
    case 'TASK_ERROR':
      // said of a second launch under an id that is in use: the first goes on
      return facts.started ? 'nothing' : 'refused';
    case 'TASK_DROPPED':
      return gone(status, facts);
    default:
      return ofEnd(status, facts);
  }
};

/** Whether the task has ended with it, and will not be heard of again. */
export const endsIt = (status: TaskStatus, facts: Pick<TaskFacts, 'started'>): boolean => {
  if (isUnderWay(status.state) || isRepeat(status)) return false;
  if (status.state === 'TASK_UNREACHABLE' || status.state === 'TASK_UNKNOWN') return false;
  return !(status.state === 'TASK_ERROR' && facts.started);
};
