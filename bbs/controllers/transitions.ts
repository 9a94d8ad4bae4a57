import type { BbsResult } from '../../common/model/bbs-error.js';
import { ok } from '../../common/model/result.js';
import { MAX_TRANSITIONS } from '../client.js';
import type {
  ActualLrpApi,
  TaskApi,
  Transition,
  TransitionAnswer,
  TransitionApi,
  TransitionArgs,
  TransitionKind,
} from '../client.js';
import { refused } from '../core/decision.js';

type Single = ActualLrpApi & TaskApi;

interface Run<Args, Value> {
  run(board: Single, args: Args, traceId: string): Promise<BbsResult<Value>>;
  answer(value: Value): Partial<TransitionAnswer>;
}

const done = { answer: (): Partial<TransitionAnswer> => ({}) };
const evacuation = { answer: (keepContainer: boolean): Partial<TransitionAnswer> => ({ keepContainer }) };

/** Each kind is the call of one alone. */
const RUNS: {
  [K in TransitionKind]: Run<TransitionArgs[K], void> | Run<TransitionArgs[K], boolean>;
} = {
  claim: { run: (board, args, traceId) => board.claimActualLrp(args, traceId), ...done },
  start: { run: (board, args, traceId) => board.startActualLrp(args, traceId), ...done },
  crash: { run: (board, args, traceId) => board.crashActualLrp(args, traceId), ...done },
  fail: {
    run: (board, { key, placementError }, traceId) => board.failActualLrp(key, placementError, traceId),
    ...done,
  },
  remove: { run: (board, args, traceId) => board.removeActualLrp(args, traceId), ...done },
  evacuateClaimed: {
    run: (board, args, traceId) => board.evacuateClaimedActualLrp(args, traceId),
    ...evacuation,
  },
  evacuateRunning: {
    run: (board, args, traceId) => board.evacuateRunningActualLrp(args, traceId),
    ...evacuation,
  },
  evacuateStopped: {
    run: (board, args, traceId) => board.evacuateStoppedActualLrp(args, traceId),
    ...evacuation,
  },
  evacuateCrashed: {
    run: (board, args, traceId) => board.evacuateCrashedActualLrp(args, traceId),
    ...evacuation,
  },
  removeEvacuating: {
    run: (board, args, traceId) => board.removeEvacuatingActualLrp(args, traceId),
    ...done,
  },
  startTask: {
    run: (board, { taskGuid, cellId }, traceId) => board.startTask(taskGuid, cellId, traceId),
    answer: (shouldStart: boolean) => ({ shouldStart }),
  },
  completeTask: { run: (board, args, traceId) => board.completeTask(args, traceId), ...done },
  rejectTask: {
    run: (board, { taskGuid, reason, of }, traceId) => board.rejectTask(taskGuid, reason, traceId, of),
    ...done,
  },
};

const runOne = async (
  board: Single,
  { kind, args, traceId = '' }: Transition,
  ofRequest: string,
): Promise<BbsResult<TransitionAnswer>> => {
  const { run, answer } = RUNS[kind] as Run<typeof args, unknown>;
  const result = await run(board, args, traceId || ofRequest);
  return result.ok ? ok({ keepContainer: false, shouldStart: false, ...answer(result.value) }) : result;
};

/** Decisions of one turn share a commit, so that the calls of one alone are all there is to it. */
export const createTransitionApi = (board: Single): TransitionApi => ({
  async transitions(list, traceId) {
    if (list.length > MAX_TRANSITIONS) {
      return refused('InvalidRequest', `transitions: at most ${MAX_TRANSITIONS} at once`);
    }
    return ok(await Promise.all(list.map((transition) => runOne(board, transition, traceId))));
  },
});
