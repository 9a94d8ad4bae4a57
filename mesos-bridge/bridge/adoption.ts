import type { BbsResult } from '../../common/model/bbs-error.js';
import { ok } from '../../common/model/result.js';
import type { Logger } from '../../common/ports/logger.js';
import { cellIdOf } from '../core/cell-id.js';
import type { MesosTask } from '../core/task-shelf.js';
import type { Patience } from './patience.js';
import { untilAnswered } from './patience.js';
import type { TellerBbs } from './teller.js';

export interface AdoptionOptions extends Patience {
  readonly bbs: Pick<TellerBbs, 'actualLrps' | 'task'>;
  readonly logger: Logger;
  /** its end is asked for, until it has ended */
  kill(taskId: string): void;
}

/**
 * Its rep tells the BBS of its container before Mesos hears that it runs: of an instance that runs and is in no row of the
 * BBS nobody wants to know.
 */
const isWanted = async (
  { identity, agentId }: MesosTask,
  bbs: AdoptionOptions['bbs'],
): Promise<BbsResult<boolean>> => {
  if (identity.kind === 'lrp') {
    const { processGuid, index, instanceGuid } = identity;
    const rows = await bbs.actualLrps({ processGuid, index });
    return rows.ok ? ok(rows.value.some((row) => row.instanceGuid === instanceGuid)) : rows;
  }
  const found = await bbs.task(identity.taskGuid);
  if (!found.ok) return found.error.type === 'ResourceNotFound' ? ok(false) : found;
  const { state, cellId } = found.value;
  return ok(state === 'Pending' || (state === 'Running' && cellId === cellIdOf(agentId)));
};

/** Asks the BBS about a task that was found running and launched by no life of this bridge: what is not known there is killed. */
export const createAdoption = (options: AdoptionOptions) => {
  const { bbs, logger } = options;
  return async (task: MesosTask): Promise<void> => {
    const wanted = await untilAnswered(options, async () => {
      const answer = await isWanted(task, bbs);
      // a refusal is no answer to this: what runs stays
      if (!answer.ok) return answer.error.unavailable === true ? undefined : true;
      return answer.value;
    });
    if (wanted !== false) return;
    logger.warn('unwanted-task', { code: 'MESOS_TASK_UNWANTED', taskId: task.id, agentId: task.agentId });
    options.kill(task.id);
  };
};
