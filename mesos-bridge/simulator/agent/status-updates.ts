/**
 * Statuses on their way to a framework: a queue per task, the head of which is sent again and again until it is
 * acknowledged, as src/slave/task_status_update_manager.cpp of Mesos does it.
 */
import type { Clock } from '../../../common/ports/clock.js';
import type { TaskState, TaskStatus } from '../../protocol/messages.js';
import { isTerminal } from '../../core/task-status.js';
import { uuidText } from './records.js';
import type { FrameworkRecord, UpdateStream } from './records.js';

/** ms */
export const FIRST_RETRY_MS = 10_000;
export const LONGEST_RETRY_MS = 600_000;

export type Acknowledgement = 'unexpected' | 'next' | 'terminal';

export interface StatusUpdates {
  /** false: the same update was here before */
  add(framework: FrameworkRecord, status: TaskStatus): boolean;
  acknowledge(framework: FrameworkRecord, taskId: string, uuid: Uint8Array): Acknowledgement;
  /** every head is sent, its retries start anew */
  resume(frameworks: Iterable<FrameworkRecord>): void;
  /** nothing is sent any more, until resumed */
  pause(frameworks: Iterable<FrameworkRecord>): void;
}

export interface StatusUpdatesOptions {
  readonly clock: Clock;
  /** `latest`: the newest state, where others wait behind `status` */
  forward(framework: FrameworkRecord, status: TaskStatus, latest: TaskState | undefined): void;
  /** a master is there to hear it */
  connected(): boolean;
}

const streamOf = ({ streams }: FrameworkRecord, taskId: string): UpdateStream => {
  const found = streams.get(taskId);
  if (found) return found;
  const made: UpdateStream = { taskId, queue: [], seen: new Set() };
  streams.set(taskId, made);
  return made;
};

const stopRetry = (stream: UpdateStream): void => {
  stream.cancelRetry?.();
  delete stream.cancelRetry;
};

export const createStatusUpdates = ({ clock, forward, connected }: StatusUpdatesOptions): StatusUpdates => {
  const sendHead = (framework: FrameworkRecord, stream: UpdateStream, retryMs = FIRST_RETRY_MS): void => {
    stopRetry(stream);
    const [head] = stream.queue;
    if (head === undefined || !connected()) return;
    const latest = stream.queue.length > 1 ? stream.queue.at(-1)?.state : undefined;
    stream.cancelRetry = clock.after(retryMs, () =>
      sendHead(framework, stream, Math.min(retryMs * 2, LONGEST_RETRY_MS)),
    );
    forward(framework, head, latest);
  };

  const finish = (framework: FrameworkRecord, stream: UpdateStream): Acknowledgement => {
    stopRetry(stream);
    framework.streams.delete(stream.taskId);
    return 'terminal';
  };

  return {
    add(framework, status) {
      const stream = streamOf(framework, status.taskId.value);
      const uuid = uuidText(status.uuid ?? new Uint8Array());
      if (stream.seen.has(uuid)) return false;
      stream.seen.add(uuid);
      stream.queue.push(status);
      if (stream.queue.length === 1) sendHead(framework, stream);
      return true;
    },
    acknowledge(framework, taskId, uuid) {
      const stream = framework.streams.get(taskId);
      const head = stream?.queue[0];
      if (!stream || head?.uuid === undefined || uuidText(head.uuid) !== uuidText(uuid)) return 'unexpected';
      stream.queue.shift();
      if (isTerminal(head.state)) return finish(framework, stream);
      sendHead(framework, stream);
      return 'next';
    },
    resume(frameworks) {
      for (const framework of frameworks)
        for (const stream of framework.streams.values()) sendHead(framework, stream);
    },
    pause(frameworks) {
      for (const { streams } of frameworks) for (const stream of streams.values()) stopRetry(stream);
    },
  };
};
