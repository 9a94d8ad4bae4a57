import type { LrpWork, TaskWork } from '../../common/model/auction.js';
import { encode } from '../../common/wire/codec.js';
import type { ResourceFields } from '../core/resources.js';
import { labelsOf } from '../core/task-id.js';
import type { TaskIdentity } from '../core/task-id.js';
import type { Draft, ExecutorInfo, TaskInfo } from '../protocol/messages.js';

/** One piece of work as a Mesos task. */
export interface TaskInfoParts {
  readonly taskId: string;
  readonly identity: TaskIdentity;
  readonly agentId: string;
  /** of the rep that gets it */
  readonly cellId: string;
  readonly work: LrpWork | TaskWork;
  readonly traceId: string;
  /** its own, without its executor's */
  readonly resources: readonly ResourceFields[];
  readonly executor: Draft<ExecutorInfo>;
}

/** What the executor reads it from: exactly one piece, which names the instance that Mesos and the BBS know. */
const dataOf = ({ identity, work, cellId, traceId }: TaskInfoParts): Uint8Array => {
  const common = { traceId, cellId, incarnation: '', deadlineMs: 0 };
  if ('taskGuid' in work) return encode('Work', { ...common, lrps: [], tasks: [work] });
  const guid = identity.kind === 'lrp' ? { instanceGuid: identity.instanceGuid } : {};
  return encode('Work', { ...common, lrps: [{ ...work, ...guid }], tasks: [] });
};

const nameOf = (work: LrpWork | TaskWork): string =>
  'taskGuid' in work ? work.taskGuid : `${work.processGuid}.${work.index}`;

export const taskInfo = (parts: TaskInfoParts): Draft<TaskInfo> => ({
  name: nameOf(parts.work),
  taskId: { value: parts.taskId },
  agentId: { value: parts.agentId },
  resources: parts.resources,
  executor: parts.executor,
  data: dataOf(parts),
  labels: { labels: labelsOf(parts.identity, parts.work.domain) },
});
