import type { ActualLrpApi, TaskApi, Transition, TransitionApi } from '../../bbs/index.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import type { ActualLrp } from '../../common/model/lrp.js';
import { err, ok } from '../../common/model/result.js';
import { createToldCauses } from '../../common/model/told-causes.js';
import type { Logger } from '../../common/ports/logger.js';
import type { TaskIdentity } from '../core/task-id.js';
import type { Patience } from './patience.js';
import { untilAnswered } from './patience.js';

/** What the bridge asks of the BBS on behalf of work. */
export type TellerBbs = Pick<ActualLrpApi, 'actualLrps'> & Pick<TaskApi, 'task'> & TransitionApi;

/** What became of work on Mesos, as far as its rep cannot say it itself. */
export interface Loss {
  identity: TaskIdentity;
  /** of the rep that had it, or was to have it */
  cellId: string;
  /** as core/meaning.ts has them */
  meaning: 'lost' | 'crashed' | 'failed' | 'refused';
  reason: string;
}

export interface TellerOptions extends Patience {
  bbs: TellerBbs;
  logger: Logger;
  /** work is without a place again of which the BBS need not be told: it is to ask for it at once */
  wantedAgain(): void;
}

export interface Teller {
  /**
   * Resolves when the BBS has answered durably, with whatever answer (design §8.7): that it knows nothing of it, or
   * knew it already, too. False: this bridge has ended before.
   */
  tell(loss: Loss): Promise<boolean>;
  /** how much waits for an answer */
  waiting(): number;
}

/** What is to be changed; undefined: nothing, the BBS has it as it should be. `again`: it has no place. */
type Change = { transition: Transition } | { again: true } | undefined;

const lossOfInstance = (row: ActualLrp, { meaning, reason }: Loss): Change => {
  const { processGuid, index, domain, instanceGuid, cellId } = row;
  const args = { key: { processGuid, index, domain }, instanceKey: { instanceGuid, cellId } };
  if (meaning === 'crashed') return { transition: { kind: 'crash', args: { ...args, reason } } };
  return { transition: { kind: 'remove', args } };
};

const lossOfUnclaimed = (row: ActualLrp, { meaning, reason }: Loss): Change => {
  if (meaning !== 'refused') return { again: true };
  const { processGuid, index, domain } = row;
  return {
    transition: { kind: 'fail', args: { key: { processGuid, index, domain }, placementError: reason } },
  };
};

const changeOfLrp = async (bbs: TellerBbs, loss: Loss): Promise<BbsResult<Change>> => {
  if (loss.identity.kind !== 'lrp') return ok(undefined);
  const { processGuid, index, instanceGuid } = loss.identity;
  const rows = await bbs.actualLrps({ processGuid, index });
  if (!rows.ok) return rows;
  const own = rows.value.find((row) => row.instanceGuid === instanceGuid && row.presence === 'ORDINARY');
  if (own !== undefined) return ok(lossOfInstance(own, loss));
  const open = rows.value.find(({ state, presence }) => state === 'UNCLAIMED' && presence === 'ORDINARY');
  return ok(open && lossOfUnclaimed(open, loss));
};

/** A task that its rep has begun is never run again: it has failed, whatever became of it. */
const changeOfTask = async (bbs: TellerBbs, loss: Loss): Promise<BbsResult<Change>> => {
  if (loss.identity.kind !== 'task') return ok(undefined);
  const { taskGuid } = loss.identity;
  const { cellId, reason, meaning } = loss;
  const found = await bbs.task(taskGuid);
  if (!found.ok) return found.error.type === 'ResourceNotFound' ? ok(undefined) : found;
  const { state, cellId: at } = found.value;
  if (state === 'Running' && at === cellId) {
    const args = { taskGuid, cellId, failed: true, failureReason: reason, result: '' };
    return ok({ transition: { kind: 'completeTask', args } });
  }
  if (state !== 'Pending') return ok(undefined);
  return ok(
    meaning === 'refused'
      ? { transition: { kind: 'rejectTask', args: { taskGuid, reason } } }
      : { again: true },
  );
};

/** Tells the BBS of losses, each again and again until it has answered for good. */
export const createTeller = (options: TellerOptions): Teller => {
  const { bbs, logger } = options;
  const told = createToldCauses();
  let waiting = 0;

  /** Read, then changed: what has changed in between is refused, keyed as it is by its instance. */
  const tellOnce = async (loss: Loss): Promise<BbsResult<void>> => {
    const change = await (loss.identity.kind === 'lrp' ? changeOfLrp(bbs, loss) : changeOfTask(bbs, loss));
    if (!change.ok) return change;
    if (change.value === undefined) return ok(undefined);
    if ('again' in change.value) {
      options.wantedAgain();
      return ok(undefined);
    }
    const answers = await bbs.transitions([change.value.transition], '');
    if (!answers.ok) return answers;
    const [answer] = answers.value;
    return answer === undefined || answer.ok ? ok(undefined) : err(answer.error);
  };

  /** True: it is over; refusals are answers too. */
  const isOver = (answer: BbsResult<void>, { identity, meaning, reason }: Loss): boolean => {
    if (!answer.ok && answer.error.unavailable === true) {
      if (told.isNew(answer.error.message))
        logger.warn('bbs-unavailable', { error: answer.error.message, waiting });
      return false;
    }
    told.clear();
    logger.info('told-loss', {
      ...identity,
      meaning,
      reason,
      ...(!answer.ok && { refused: answer.error.type }),
    });
    return true;
  };

  return {
    async tell(loss) {
      waiting += 1;
      try {
        const attempt = async () => (isOver(await tellOnce(loss), loss) ? true : undefined);
        return (await untilAnswered(options, attempt)) === true;
      } finally {
        waiting -= 1;
      }
    },
    waiting: () => waiting,
  };
};
