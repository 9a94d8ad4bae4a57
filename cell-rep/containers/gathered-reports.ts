import type { Transition, TransitionAnswer } from '../../bbs/index.js';
import type { BbsError, BbsResult } from '../../common/model/bbs-error.js';
import { err, ok } from '../../common/model/result.js';
import type { RepBbs } from './context.js';

/** Requests at the same time: what is reported while so many are unanswered goes together. */
const IN_FLIGHT = 4;
/** transitions in one request */
const MOST = 250;

interface Waiting {
  transition: Transition;
  /** asks by itself, and answers whoever waits */
  alone(): Promise<void>;
  answer(result: BbsResult<TransitionAnswer>): void;
}

const UNANSWERED: BbsError = {
  type: 'InvalidResponse',
  message: 'the BBS has left a transition unanswered',
};

/**
 * The same BBS, to which what many containers report at a time goes in few requests: all of one turn, and all that
 * comes while others are on their way. Each report is answered by itself, as if it had gone alone.
 */
export const gatherReports = (bbs: RepBbs): RepBbs => {
  const waiting: Waiting[] = [];
  let inFlight = 0;
  let scheduled = false;

  const send = async (batch: readonly Waiting[]): Promise<void> => {
    const [only, ...more] = batch;
    if (only && more.length === 0) return only.alone();
    const transitions = batch.map(({ transition }) => transition);
    const results = await bbs.transitions(transitions, '');
    batch.forEach(({ answer }, nth) =>
      answer(results.ok ? (results.value[nth] ?? err(UNANSWERED)) : err(results.error)),
    );
  };

  const pump = (): void => {
    scheduled = false;
    while (inFlight < IN_FLIGHT && waiting.length > 0) {
      inFlight += 1;
      void send(waiting.splice(0, MOST)).finally(() => {
        inFlight -= 1;
        pump();
      });
    }
  };

  const report = <T>(
    transition: Transition,
    alone: () => Promise<BbsResult<T>>,
    value: (answer: TransitionAnswer) => T,
  ): Promise<BbsResult<T>> =>
    new Promise((resolve, reject) => {
      waiting.push({
        transition,
        alone: () => alone().then(resolve, reject),
        answer: (result) => resolve(result.ok ? ok(value(result.value)) : result),
      });
      if (scheduled) return;
      scheduled = true;
      void Promise.resolve().then(pump);
    });

  const done = (): void => undefined;
  return {
    ...bbs,
    claimActualLrp: (args, traceId) =>
      report({ kind: 'claim', args, traceId }, () => bbs.claimActualLrp(args, traceId), done),
    startActualLrp: (args, traceId) =>
      report({ kind: 'start', args, traceId }, () => bbs.startActualLrp(args, traceId), done),
    crashActualLrp: (args, traceId) =>
      report({ kind: 'crash', args, traceId }, () => bbs.crashActualLrp(args, traceId), done),
    removeActualLrp: (args, traceId) =>
      report({ kind: 'remove', args, traceId }, () => bbs.removeActualLrp(args, traceId), done),
    startTask: (taskGuid, cellId, traceId) =>
      report(
        { kind: 'startTask', args: { taskGuid, cellId }, traceId },
        () => bbs.startTask(taskGuid, cellId, traceId),
        ({ shouldStart }) => shouldStart,
      ),
    completeTask: (args, traceId) =>
      report({ kind: 'completeTask', args, traceId }, () => bbs.completeTask(args, traceId), done),
    rejectTask: (taskGuid, reason, traceId, of) =>
      report(
        { kind: 'rejectTask', args: { taskGuid, reason, of }, traceId },
        () => bbs.rejectTask(taskGuid, reason, traceId, of),
        done,
      ),
  };
};
