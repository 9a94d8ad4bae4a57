/** What is wrong with an executor's call, in the words of src/slave/validation.cpp of Mesos. */
import type { ExecutorCall, TaskStatus } from '../../protocol/messages.js';

const UUID_BYTES = 16;

const wrongStatus = (call: ExecutorCall, status: TaskStatus): string | undefined => {
  const [executor, framework] = [call.executorId.value, call.frameworkId.value];
  if (status.uuid === undefined) return "Expecting 'uuid' to be present";
  if (status.uuid.length !== UUID_BYTES) return 'Not a valid UUID';
  if (status.executorId !== undefined && status.executorId.value !== executor)
    return `ExecutorID in Call: ${executor} does not match ExecutorID in TaskStatus: ${status.executorId.value}`;
  if (status.source !== 'SOURCE_EXECUTOR')
    return `Received Call from executor ${executor} of framework ${framework} with invalid source, expecting 'SOURCE_EXECUTOR'`;
  if (status.state === 'TASK_STAGING')
    return `Received TASK_STAGING from executor ${executor} of framework ${framework} which is not allowed`;
  return undefined;
};

/** undefined: nothing is */
export const wrongCall = (call: ExecutorCall): string | undefined => {
  switch (call.type) {
    case undefined:
      return "Expecting 'type' to be present";
    case 'SUBSCRIBE':
      return call.subscribe ? undefined : "Expecting 'subscribe' to be present";
    case 'UPDATE':
      return call.update ? wrongStatus(call, call.update.status) : "Expecting 'update' to be present";
    case 'MESSAGE':
      return call.message ? undefined : "Expecting 'message' to be present";
    default:
      return undefined;
  }
};
