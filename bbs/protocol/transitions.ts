import type { BbsError, BbsResult } from '../../common/model/bbs-error.js';
import type { WireTransition, WireTransitionAnswer } from '../../common/model/bbs-api.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import type { Transition, TransitionAnswer, TransitionKind } from '../client.js';
import { bbsError } from '../core/decision.js';
import type { Problems } from '../core/problems.js';
import * as actual from './actual-lrps.js';
import type { Call } from './call.js';
import * as tasks from './tasks.js';

/** The call of one alone, of which a transition has the request. */
const CALLS = {
  claim: actual.claimActualLrp,
  start: actual.startActualLrp,
  crash: actual.crashActualLrp,
  remove: actual.removeActualLrp,
  fail: actual.failActualLrp,
  evacuateClaimed: actual.evacuateClaimedActualLrp,
  evacuateRunning: actual.evacuateRunningActualLrp,
  evacuateStopped: actual.evacuateStoppedActualLrp,
  evacuateCrashed: actual.evacuateCrashedActualLrp,
  removeEvacuating: actual.removeEvacuatingActualLrp,
  startTask: tasks.startTask,
  completeTask: tasks.completeTask,
  rejectTask: tasks.rejectTask,
} satisfies Record<TransitionKind, unknown>;

/** The same of every kind, once it is known that request and call belong together. */
interface AnyCall {
  print(args: unknown): object;
  parse(request: object): Result<Transition['args'], Problems>;
}

const callOf = (kind: TransitionKind): AnyCall => CALLS[kind] as unknown as AnyCall;

const parseOne = ({ traceId, ...wire }: WireTransition): Result<Transition, BbsError> => {
  const [member, ...more] = Object.entries(wire) as [TransitionKind, object][];
  if (!member || more.length > 0) return err(bbsError('InvalidRequest'));
  const [kind, request] = member;
  const args = callOf(kind).parse(request);
  return args.ok
    ? ok({ kind, args: args.value, traceId } as Transition)
    : err(bbsError('InvalidRequest', args.error.join(', ')));
};

const printOne = ({ kind, args, traceId = '' }: Transition): WireTransition => ({
  traceId,
  [kind]: callOf(kind).print(args),
});

const replyOne = (result: BbsResult<TransitionAnswer>): WireTransitionAnswer => {
  if (result.ok) return { ...result.value, unavailable: false };
  const { type, message, unavailable = false } = result.error;
  return { keepContainer: false, shouldStart: false, unavailable, error: { type, message } };
};

const readOne = ({ error, unavailable, ...answer }: WireTransitionAnswer): BbsResult<TransitionAnswer> => {
  if (!error) return ok(answer);
  return err(unavailable ? { ...error, unavailable } : error);
};

/** One that is not whole is answered by itself, and costs none of the others. */
export type Parsed = Result<Transition, BbsError>;

export const transitions: Call<
  Parsed[],
  BbsResult<TransitionAnswer>[],
  'TransitionsRequest',
  'TransitionsResponse'
> = {
  route: 'Transitions',
  summary: 'Many transitions of actual LRPs and tasks in one request, each answered by itself.',
  request: 'TransitionsRequest',
  answer: 'TransitionsResponse',
  print: (list) => ({ transitions: list.flatMap((one) => (one.ok ? [printOne(one.value)] : [])) }),
  parse: (request) => ok(request.transitions.map(parseOne)),
  reply: (results) => ({ answers: results.map(replyOne) }),
  read: (answer) => ok(answer.answers.map(readOne)),
};
