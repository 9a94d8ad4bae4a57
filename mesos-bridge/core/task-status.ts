export const TASK_STATES = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_UNREACHABLE',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNKNOWN',
] as const;
export type TaskState = (typeof TASK_STATES)[number];

export type StatusSource = 'SOURCE_MASTER' | 'SOURCE_AGENT' | 'SOURCE_EXECUTOR';

/** What a status update says. Texts are '' where it says nothing. */
export interface TaskStatus {
  readonly taskId: string;
  readonly state: TaskState;
  /** 'SOURCE_MASTER' where it says nothing: such a status is never taken for the executor's word */
  readonly source: StatusSource;
  /** `REASON_…` */
  readonly reason: string;
  readonly message: string;
  readonly agentId: string;
  readonly executorId: string;
  /** hex; '' = it is not to be acknowledged */
  readonly uuid: string;
}

/** A `mesos.v1.TaskStatus` as it travels. */
export interface TaskStatusShape {
  readonly taskId: { readonly value: string };
  readonly state: string;
  readonly source?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly agentId?: { readonly value: string };
  readonly executorId?: { readonly value: string };
  readonly uuid?: Uint8Array;
}

const isState = (state: string): state is TaskState => (TASK_STATES as readonly string[]).includes(state);

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

const sourceOf = (source: string | undefined): StatusSource =>
  source === 'SOURCE_EXECUTOR' || source === 'SOURCE_AGENT' ? source : 'SOURCE_MASTER';

/** undefined for a state that this bridge does not know. */
export const readStatus = (shape: TaskStatusShape): TaskStatus | undefined =>
  isState(shape.state)
    ? {
        taskId: shape.taskId.value,
        state: shape.state,
        source: sourceOf(shape.source),
        reason: shape.reason ?? '',
        message: shape.message ?? '',
        agentId: shape.agentId?.value ?? '',
        executorId: shape.executorId?.value ?? '',
        uuid: shape.uuid === undefined ? '' : hex(shape.uuid),
      }
    : undefined;

const UNDER_WAY: readonly TaskState[] = ['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING'];

/** It is on its agent, and its agent is there. */
export const isUnderWay = (state: TaskState): boolean => UNDER_WAY.includes(state);

/** Neither under way nor out of sight: it will not run again under this id. */
export const isTerminal = (state: TaskState): boolean =>
  !isUnderWay(state) && state !== 'TASK_UNREACHABLE' && state !== 'TASK_UNKNOWN';
