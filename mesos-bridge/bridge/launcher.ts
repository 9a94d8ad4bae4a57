import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { MesosBook } from '../core/book.js';
import { cellIdOf } from '../core/cell-id.js';
import { writeResources } from '../core/resources.js';
import type { Acceptance } from '../core/take.js';
import * as calls from './calls.js';
import type { ExecutorTemplate } from './executor-info.js';
import type { Sender } from './sender.js';
import type { Statuses } from './statuses.js';
import { taskInfo } from './task-info.js';

export interface LauncherOptions {
  readonly book: () => MesosBook;
  readonly template: ExecutorTemplate;
  readonly sender: Sender;
  readonly statuses: Pick<Statuses, 'lost'>;
  readonly clock: Clock;
  readonly logger: Logger;
  frameworkId(): string;
}

/** What is left of an accepted offer comes back at once: who needs no more says so when it does. */
const NO_FILTER = 0;

/** Sends the ACCEPT of what an agent takes, one Mesos task for each piece of work. */
export const createLauncher = (options: LauncherOptions) => {
  const { book, template, sender, statuses, clock, logger } = options;

  /** The offers are still ours, unless it was carried out: then they are void, and this says nothing. */
  const giveBack = ({ offerIds }: Acceptance): void => sender.send(calls.decline(offerIds, NO_FILTER));

  /** Never carried out: nothing of it runs. */
  const takeBack = (acceptance: Acceptance): void => {
    giveBack(acceptance);
    for (const task of book().unsent(acceptance, clock.monotonic()))
      statuses.lost(task, 'Mesos refused the launch');
  };

  return (acceptance: Acceptance, traceId: string): void => {
    const { agentId, offerIds, executor, tasks } = acceptance;
    const { resources: own } = executor;
    const info = template.info(executor.id, { resources: own, frameworkId: options.frameworkId() });
    const cellId = cellIdOf(agentId);
    const infos = tasks.map(({ id: taskId, identity, work, resources }) =>
      taskInfo({
        taskId,
        identity,
        agentId,
        cellId,
        work,
        traceId,
        resources: writeResources(resources),
        executor: info,
      }),
    );
    logger.info('launch', { agentId, offerIds, executorId: executor.id, tasks: tasks.length, traceId });
    sender.send(calls.accept(offerIds, infos, NO_FILTER), {
      onRefused: () => takeBack(acceptance),
      // its tasks are asked about when nothing has been heard of them for a while
      onUnknown: () => giveBack(acceptance),
    });
  };
};
