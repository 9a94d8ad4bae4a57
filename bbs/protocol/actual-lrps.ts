import { err, ok } from '../../common/model/result.js';
import type {
  CrashRequest,
  RunningRequest,
  SlotRequest,
  TransitionRequest,
} from '../../common/model/bbs-api.js';
import type { ActualLrp, ActualLrpGroup, ActualLrpKey } from '../../common/model/lrp.js';
import type { Result } from '../../common/model/result.js';
import type { ActualLrpFilter, ActualLrpRemoval, ActualLrpTransition, StartActualLrp } from '../client.js';
import { required } from '../core/problems.js';
import type { Problems } from '../core/problems.js';
import { claimProblems, slotProblems, transitionProblems } from '../core/validation.js';
import { checked, done, present } from './call.js';
import type { Call, ServedCall } from './call.js';

// ---- reading ----

export const actualLrps: Call<ActualLrpFilter, ActualLrp[], 'ActualLRPsRequest', 'ActualLRPsResponse'> = {
  route: 'ActualLRPs',
  summary: 'Actual LRPs, all or some: one for each process guid, index and presence.',
  request: 'ActualLRPsRequest',
  answer: 'ActualLRPsResponse',
  print: ({ domain = '', cellId = '', processGuid = '', index }) => ({
    domain,
    cellId,
    processGuid,
    ...present({ index }),
  }),
  parse: ok,
  reply: (rows) => ({ actualLrps: rows }),
  rows: 'actualLrps',
  read: (answer) => ok(answer.actualLrps),
};

export const actualLrpsByProcessGuids: ServedCall<
  { processGuids: string[] },
  ActualLrp[],
  'ActualLRPsByProcessGuidsRequest',
  'ActualLRPsByProcessGuidsResponse'
> = {
  route: 'ActualLRPsByProcessGuids',
  summary: 'Actual LRPs of several processes.',
  request: 'ActualLRPsByProcessGuidsRequest',
  answer: 'ActualLRPsByProcessGuidsResponse',
  parse: (request) =>
    checked(request, request.processGuids.length === 0 ? ['process_guids must not be empty'] : []),
  reply: (rows) => ({ actualLrps: rows }),
  rows: 'actualLrps',
};

type GroupsCall<Q extends 'ActualLRPGroupsRequest' | 'ActualLRPGroupsByProcessGuidRequest'> = ServedCall<
  ActualLrpFilter,
  ActualLrpGroup[],
  Q,
  'ActualLRPGroupsResponse'
>;

const groups = {
  answer: 'ActualLRPGroupsResponse',
  reply: (found: ActualLrpGroup[]) => ({ groups: found }),
  rows: 'groups',
  deprecated: true,
} as const;

export const actualLrpGroups: GroupsCall<'ActualLRPGroupsRequest'> = {
  route: 'ActualLRPGroups',
  summary: 'Actual LRPs by index: the instance, and the copy on a draining cell.',
  request: 'ActualLRPGroupsRequest',
  parse: ok,
  ...groups,
};

export const actualLrpGroupsOfProcess: GroupsCall<'ActualLRPGroupsByProcessGuidRequest'> = {
  route: 'ActualLRPGroupsByProcessGuid',
  summary: 'Actual LRPs of one process by index.',
  request: 'ActualLRPGroupsByProcessGuidRequest',
  parse: (request) => checked(request, required({ process_guid: request.processGuid })),
  ...groups,
};

export const actualLrpGroup: ServedCall<
  { processGuid: string; index: number },
  ActualLrpGroup,
  'ActualLRPGroupByProcessGuidAndIndexRequest',
  'ActualLRPGroupResponse'
> = {
  route: 'ActualLRPGroupsByProcessGuidAndIndex',
  summary: 'Actual LRPs of one index.',
  request: 'ActualLRPGroupByProcessGuidAndIndexRequest',
  answer: 'ActualLRPGroupResponse',
  parse: (request) => checked(request, slotProblems(request)),
  reply: (group) => ({ group }),
  deprecated: true,
};

// ---- what requests are made of ----

/** Whole, or the problems of the parts that are there and of those that are not. */
const transition = {
  print: (args: ActualLrpTransition): TransitionRequest => args,
  parse(request: TransitionRequest): Result<ActualLrpTransition, Problems> {
    const { key, instanceKey } = request;
    return key && instanceKey
      ? ok({ key, instanceKey })
      : err(transitionProblems(request, ['key', 'instanceKey']));
  },
};

const running = {
  print: (args: StartActualLrp): RunningRequest => args,
  parse(request: RunningRequest): Result<StartActualLrp, Problems> {
    const { key, instanceKey, netInfo } = request;
    return key && instanceKey && netInfo
      ? ok({ ...request, key, instanceKey, netInfo })
      : err(transitionProblems(request, ['key', 'instanceKey', 'netInfo']));
  },
};

/** Older clients know neither of internal routes nor of metric tags; what they send there is something else. */
const running_r0 = {
  ...running,
  parse: (request: RunningRequest) => running.parse({ ...request, internalRoutes: [], metricTags: {} }),
};

type Crash = ActualLrpTransition & { reason: string };

const printCrash = ({ key, instanceKey, reason }: Crash): CrashRequest => ({
  key,
  instanceKey,
  errorMessage: reason,
});

const parseCrash = (
  request: CrashRequest,
  needed: Parameters<typeof transitionProblems>[1],
): Result<Crash, Problems> => {
  const { key, instanceKey, errorMessage } = request;
  return key && instanceKey
    ? ok({ key, instanceKey, reason: errorMessage })
    : err(transitionProblems(request, needed));
};

/** Claim and remove name the slot without its domain. */
const printSlot = ({ key, instanceKey }: ActualLrpRemoval): SlotRequest => ({
  processGuid: key.processGuid,
  index: key.index,
  ...present({ instanceKey }),
});

const keyOf = ({ processGuid, index }: SlotRequest): ActualLrpKey => ({ processGuid, index, domain: '' });

const lifecycle = { answer: 'ActualLRPLifecycleResponse', ...done } as const;
type Lifecycle = typeof lifecycle.answer;

// ---- changing ----

export const claimActualLrp: Call<ActualLrpTransition, void, 'ClaimActualLRPRequest', Lifecycle> = {
  route: 'ClaimActualLRP',
  summary: 'A cell takes an instance, before it makes the container.',
  request: 'ClaimActualLRPRequest',
  print: printSlot,
  parse: (request) =>
    request.instanceKey
      ? ok({ key: keyOf(request), instanceKey: request.instanceKey })
      : err(claimProblems(request)),
  ...lifecycle,
};

export const removeActualLrp: Call<ActualLrpRemoval, void, 'RemoveActualLRPRequest', Lifecycle> = {
  route: 'RemoveActualLRP',
  summary: 'The container of an instance is gone.',
  request: 'RemoveActualLRPRequest',
  print: printSlot,
  parse: (request) => ok({ key: keyOf(request), ...present({ instanceKey: request.instanceKey }) }),
  ...lifecycle,
};

export const startActualLrp: Call<StartActualLrp, void, 'StartActualLRPRequest', Lifecycle> = {
  route: 'StartActualLRP',
  summary: 'An instance runs, or what is known of a running one has changed.',
  request: 'StartActualLRPRequest',
  ...running,
  ...lifecycle,
};

export const startActualLrp_r0: typeof startActualLrp = {
  ...startActualLrp,
  route: 'StartActualLRP_r0',
  summary: 'An instance runs; internal routes and metric tags are not looked at.',
  ...running_r0,
  deprecated: true,
};

export const crashActualLrp: Call<Crash, void, 'CrashActualLRPRequest', Lifecycle> = {
  route: 'CrashActualLRP',
  summary: 'An instance has crashed; it is restarted as the crash policy says.',
  request: 'CrashActualLRPRequest',
  print: printCrash,
  parse: (request) => parseCrash(request, ['key', 'instanceKey']),
  ...lifecycle,
};

export const failActualLrp: Call<
  { key: ActualLrpKey; placementError: string },
  void,
  'FailActualLRPRequest',
  Lifecycle
> = {
  route: 'FailActualLRP',
  summary: 'No place was found for an instance.',
  request: 'FailActualLRPRequest',
  print: ({ key, placementError }) => ({ key, errorMessage: placementError }),
  parse: (request) =>
    request.key
      ? ok({ key: request.key, placementError: request.errorMessage })
      : err(transitionProblems(request, ['key', 'errorMessage'])),
  ...lifecycle,
};

export const retireActualLrp: Call<ActualLrpKey, void, 'RetireActualLRPRequest', Lifecycle> = {
  route: 'RetireActualLRP',
  summary: 'Stops one instance for good; while it is desired another takes its place.',
  request: 'RetireActualLRPRequest',
  print: (key) => ({ key }),
  parse: (request) => (request.key ? ok(request.key) : err(transitionProblems(request, ['key']))),
  ...lifecycle,
};

// ---- evacuation ----

const evacuation = {
  answer: 'EvacuationResponse',
  reply: (keepContainer: boolean) => ({ keepContainer }),
  read: ({ keepContainer }: { keepContainer: boolean }): Result<boolean, Problems> => ok(keepContainer),
} as const;
type Evacuation = typeof evacuation.answer;

/** What runs is kept when it is not known what became of the request (Diego's evacuation controller). */
const keptInDoubt = {
  refuse: ({ type }: { type: string }) => ({ keepContainer: type !== 'ResourceNotFound' }),
};

export const evacuateClaimedActualLrp: Call<
  ActualLrpTransition,
  boolean,
  'EvacuateClaimedActualLRPRequest',
  Evacuation
> = {
  route: 'EvacuateClaimedActualLRP',
  summary: 'A draining cell gives up an instance that it has only claimed.',
  request: 'EvacuateClaimedActualLRPRequest',
  ...transition,
  ...evacuation,
  ...keptInDoubt,
};

export const evacuateStoppedActualLrp: Call<
  ActualLrpTransition,
  boolean,
  'EvacuateStoppedActualLRPRequest',
  Evacuation
> = {
  route: 'EvacuateStoppedActualLRP',
  summary: 'An instance on a draining cell has stopped.',
  request: 'EvacuateStoppedActualLRPRequest',
  ...transition,
  ...evacuation,
};

export const evacuateCrashedActualLrp: Call<Crash, boolean, 'EvacuateCrashedActualLRPRequest', Evacuation> = {
  route: 'EvacuateCrashedActualLRP',
  summary: 'An instance on a draining cell has crashed.',
  request: 'EvacuateCrashedActualLRPRequest',
  print: printCrash,
  parse: (request) => parseCrash(request, ['key', 'instanceKey', 'errorMessage']),
  ...evacuation,
};

export const evacuateRunningActualLrp: Call<
  StartActualLrp,
  boolean,
  'EvacuateRunningActualLRPRequest',
  Evacuation
> = {
  route: 'EvacuateRunningActualLRP',
  summary: 'A draining cell asks for a replacement of a running instance.',
  request: 'EvacuateRunningActualLRPRequest',
  ...running,
  ...evacuation,
  ...keptInDoubt,
};

export const evacuateRunningActualLrp_r0: typeof evacuateRunningActualLrp = {
  ...evacuateRunningActualLrp,
  route: 'EvacuateRunningActualLRP_r0',
  summary: 'A draining cell asks for a replacement; internal routes and metric tags are not looked at.',
  ...running_r0,
  deprecated: true,
};

export const removeEvacuatingActualLrp: Call<
  ActualLrpTransition,
  void,
  'RemoveEvacuatingActualLRPRequest',
  'RemoveEvacuatingActualLRPResponse'
> = {
  route: 'RemoveEvacuatingActualLRP',
  summary: 'The copy of an instance on a draining cell is gone.',
  request: 'RemoveEvacuatingActualLRPRequest',
  answer: 'RemoveEvacuatingActualLRPResponse',
  ...transition,
  ...done,
};
