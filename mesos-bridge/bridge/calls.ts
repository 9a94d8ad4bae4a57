import type { Draft, TaskInfo } from '../protocol/messages.js';
import type { OutgoingCall } from '../protocol/scheduler/client.js';

const ids = (values: readonly string[]) => values.map((value) => ({ value }));

export const decline = (offerIds: readonly string[], refuseSeconds: number): OutgoingCall => ({
  type: 'DECLINE',
  decline: { offerIds: ids(offerIds), filters: { refuseSeconds } },
});

export const answerInverse = (
  kind: 'accept-inverse-offers' | 'decline-inverse-offers',
  inverseOfferIds: readonly string[],
  refuseSeconds: number,
): OutgoingCall => {
  const answer = { inverseOfferIds: ids(inverseOfferIds), filters: { refuseSeconds } };
  return kind === 'accept-inverse-offers'
    ? { type: 'ACCEPT_INVERSE_OFFERS', acceptInverseOffers: answer }
    : { type: 'DECLINE_INVERSE_OFFERS', declineInverseOffers: answer };
};

export const revive = (): OutgoingCall => ({ type: 'REVIVE' });
export const suppress = (): OutgoingCall => ({ type: 'SUPPRESS' });

/** Each task is launched by itself: one that is invalid takes none of the others with it (mesos-v1.md §12). */
export const accept = (
  offerIds: readonly string[],
  tasks: readonly Draft<TaskInfo>[],
  refuseSeconds: number,
): OutgoingCall => ({
  type: 'ACCEPT',
  accept: {
    offerIds: ids(offerIds),
    operations: tasks.map((task) => ({ type: 'LAUNCH', launch: { taskInfos: [task] } })),
    filters: { refuseSeconds },
  },
});

export interface TaskOnAgent {
  readonly taskId: string;
  /** '' = not known */
  readonly agentId: string;
}

const onAgent = ({ taskId, agentId }: TaskOnAgent) => ({
  taskId: { value: taskId },
  ...(agentId !== '' && { agentId: { value: agentId } }),
});

export const kill = (task: TaskOnAgent): OutgoingCall => ({ type: 'KILL', kill: onAgent(task) });

/** none = implicit: the master tells of all that it knows */
export const reconcile = (tasks: readonly TaskOnAgent[]): OutgoingCall => ({
  type: 'RECONCILE',
  reconcile: { tasks: tasks.map(onAgent) },
});

export const shutdown = (executorId: string, agentId: string): OutgoingCall => ({
  type: 'SHUTDOWN',
  shutdown: { executorId: { value: executorId }, agentId: { value: agentId } },
});

export const acknowledge = ({ taskId, agentId }: TaskOnAgent, uuid: Uint8Array): OutgoingCall => ({
  type: 'ACKNOWLEDGE',
  acknowledge: { agentId: { value: agentId }, taskId: { value: taskId }, uuid },
});
