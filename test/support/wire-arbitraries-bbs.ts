import fc from 'fast-check';
import type { BbsAnswers, BbsRequests, WireError } from '../../common/model/bbs-api.js';
import { BBS_ERROR_TYPES } from '../../common/model/bbs-error.js';
import type { BbsErrorType } from '../../common/model/bbs-error.js';
import { HAPPENINGS } from '../../common/model/history.js';
import type { CellPresence } from '../../common/model/cell.js';
import type {
  ActualLrp,
  ActualLrpInstanceKey,
  ActualLrpInternalRoute,
  ActualLrpKey,
  ActualLrpNetInfo,
  DesiredLrp,
  DesiredLrpUpdate,
  Routes,
} from '../../common/model/lrp.js';
import type { Task, TaskDefinition } from '../../common/model/task.js';
import {
  bool,
  int32,
  list,
  map,
  mixed,
  record,
  text,
  texts,
  uint32,
  uint64,
} from './wire-arbitrary-parts.js';

type Of<Messages> = { readonly [N in keyof Messages]: fc.Arbitrary<Messages[N]> };

interface Parts {
  desiredLrp: fc.Arbitrary<DesiredLrp>;
  desiredLrpUpdate: fc.Arbitrary<DesiredLrpUpdate>;
  routes: fc.Arbitrary<Routes>;
  actualLrp: fc.Arbitrary<ActualLrp>;
  key: fc.Arbitrary<ActualLrpKey>;
  instanceKey: fc.Arbitrary<ActualLrpInstanceKey>;
  netInfo: fc.Arbitrary<ActualLrpNetInfo>;
  internalRoutes: fc.Arbitrary<ActualLrpInternalRoute[]>;
  task: fc.Arbitrary<Task>;
  taskDefinition: fc.Arbitrary<TaskDefinition>;
  cellPresence: fc.Arbitrary<CellPresence>;
}

const lease = { name: text, owner: text, ttlMs: uint64, value: text };
const kvEntry = { key: text, value: text, version: uint64 };
export const leaseReply = { held: bool, epoch: uint64, holder: text };
const historyEntry = record({
  number: uint64,
  at: uint64,
  what: fc.constantFrom(...HAPPENINGS),
  guid: text,
  index: int32,
  more: uint32,
  instanceGuid: text,
  cellId: text,
  count: uint32,
  reason: text,
});
const byProcess = { processGuid: text };
const byTask = { taskGuid: text };

const requests = (parts: Parts): Of<BbsRequests> => {
  const { key, instanceKey, netInfo, internalRoutes } = parts;
  const slot = mixed(record({ ...byProcess, index: int32 }), { instanceKey });
  const transition = mixed(fc.constant({}), { key, instanceKey });
  const crash = mixed(record({ errorMessage: text }), { key, instanceKey });
  const running = mixed(record({ internalRoutes, metricTags: map(text), availabilityZone: text }), {
    key,
    instanceKey,
    netInfo,
    routable: bool,
  });
  const startTask = record({ ...byTask, cellId: text });
  const rejectTask = mixed(record({ ...byTask, rejectionReason: text }), {
    placementId: text,
    cellId: text,
    deferred: bool,
  });
  const outcome = { cellId: text, failed: bool, failureReason: text, result: text };
  const completeTask = record({ ...byTask, ...outcome });
  return {
    UpsertDomainRequest: record({ domain: text, ttl: uint32 }),
    DesireLRPRequest: mixed(fc.constant({}), { desiredLrp: parts.desiredLrp }),
    UpdateDesiredLRPRequest: mixed(record(byProcess), { update: parts.desiredLrpUpdate }),
    RemoveDesiredLRPRequest: record(byProcess),
    DesiredLRPsRequest: record({ domain: text, processGuids: texts, appGuids: texts }),
    DesiredLRPByProcessGuidRequest: record(byProcess),
    ActualLRPsRequest: mixed(record({ domain: text, cellId: text, ...byProcess }), { index: int32 }),
    ActualLRPsByProcessGuidsRequest: record({ processGuids: texts }),
    ActualLRPGroupsRequest: record({ domain: text, cellId: text }),
    ActualLRPGroupsByProcessGuidRequest: record(byProcess),
    ActualLRPGroupByProcessGuidAndIndexRequest: record({ ...byProcess, index: int32 }),
    ClaimActualLRPRequest: slot,
    StartActualLRPRequest: running,
    CrashActualLRPRequest: crash,
    FailActualLRPRequest: mixed(record({ errorMessage: text }), { key }),
    RetireActualLRPRequest: mixed(fc.constant({}), { key }),
    RemoveActualLRPRequest: slot,
    EvacuateClaimedActualLRPRequest: transition,
    EvacuateRunningActualLRPRequest: running,
    EvacuateStoppedActualLRPRequest: transition,
    EvacuateCrashedActualLRPRequest: crash,
    RemoveEvacuatingActualLRPRequest: transition,
    DesireTaskRequest: mixed(record({ ...byTask, domain: text }), { definition: parts.taskDefinition }),
    StartTaskRequest: startTask,
    FailTaskRequest: record({ ...byTask, failureReason: text }),
    RejectTaskRequest: rejectTask,
    TaskGuidRequest: record(byTask),
    CompleteTaskRequest: completeTask,
    TasksRequest: record({ domain: text, cellId: text }),
    TaskByGuidRequest: record(byTask),
    TransitionsRequest: record({
      transitions: list(
        fc.oneof(
          record({ traceId: text, claim: slot }),
          record({ traceId: text, start: running }),
          record({ traceId: text, crash }),
          record({ traceId: text, remove: slot }),
          record({ traceId: text, evacuateClaimed: transition }),
          record({ traceId: text, evacuateRunning: running }),
          record({ traceId: text, evacuateStopped: transition }),
          record({ traceId: text, evacuateCrashed: crash }),
          record({ traceId: text, removeEvacuating: transition }),
          record({ traceId: text, startTask }),
          record({ traceId: text, completeTask }),
          record({ traceId: text, rejectTask }),
          record({ traceId: text, fail: mixed(record({ errorMessage: text }), { key }) }),
        ),
      ),
    }),
    LeaseRequest: record(lease),
    Lease: record({ ...lease, epoch: uint64 }),
    ReleaseLeaseRequest: record({ name: text, owner: text }),
    LeasesRequest: record({ prefix: text }),
    KvGetRequest: record({ key: text }),
    HistoryRequest: record({ guid: text, index: int32, limit: uint32 }),
    KvEntry: record(kvEntry),
  };
};

const error: fc.Arbitrary<WireError> = record({
  type: fc.constantFrom(...(Object.keys(BBS_ERROR_TYPES) as BbsErrorType[])),
  message: text,
});

const answers = (parts: Parts): Of<BbsAnswers> => {
  const { actualLrp } = parts;
  const plain = mixed(fc.constant({}), { error });
  const actualLrps = mixed(record({ actualLrps: list(actualLrp) }), { error });
  const group = mixed(fc.constant({}), { instance: actualLrp, evacuating: actualLrp });
  const info = mixed(
    record({
      ...byProcess,
      domain: text,
      logGuid: text,
      annotation: text,
      instances: int32,
      memoryMb: int32,
      diskMb: int32,
      rootfs: text,
      maxPids: int32,
      routes: parts.routes,
      epoch: text,
      index: uint32,
      placementTags: texts,
    }),
    { volumePlacement: record({ driverNames: texts }) },
  );
  return {
    PingResponse: record({ available: bool }),
    DomainsResponse: mixed(record({ domains: texts }), { error }),
    UpsertDomainResponse: plain,
    CellsResponse: mixed(record({ cells: list(parts.cellPresence) }), { error }),
    DesiredLRPLifecycleResponse: plain,
    DesiredLRPsResponse: mixed(record({ desiredLrps: list(parts.desiredLrp) }), { error }),
    DesiredLRPResponse: mixed(fc.constant({}), { error, desiredLrp: parts.desiredLrp }),
    DesiredLRPSchedulingInfosResponse: mixed(record({ infos: list(info) }), { error }),
    DesiredLRPSchedulingInfoByProcessGuidResponse: mixed(fc.constant({}), { error, info }),
    ActualLRPsResponse: actualLrps,
    ActualLRPsByProcessGuidsResponse: actualLrps,
    ActualLRPGroupsResponse: mixed(record({ groups: list(group) }), { error }),
    ActualLRPGroupResponse: mixed(fc.constant({}), { error, group }),
    ActualLRPLifecycleResponse: plain,
    EvacuationResponse: mixed(record({ keepContainer: bool }), { error }),
    RemoveEvacuatingActualLRPResponse: plain,
    StartTaskResponse: mixed(record({ shouldStart: bool }), { error }),
    TaskLifecycleResponse: plain,
    TasksResponse: mixed(record({ tasks: list(parts.task) }), { error }),
    TaskResponse: mixed(fc.constant({}), { error, task: parts.task }),
    TransitionsResponse: mixed(
      record({
        answers: list(
          mixed(record({ keepContainer: bool, shouldStart: bool, unavailable: bool }), { error }),
        ),
      }),
      { error },
    ),
    LeaseResponse: mixed(record(leaseReply), { error }),
    ReleaseLeaseResponse: plain,
    LeasesResponse: mixed(record({ leases: list(record({ ...lease, epoch: uint64 })) }), { error }),
    KvResponse: mixed(record(kvEntry), { error }),
    HistoryResponse: mixed(record({ entries: list(historyEntry) }), { error }),
  };
};

/** Values of every request and answer of the BBS's API. */
export const bbsArbitraries = (parts: Parts): Of<BbsRequests & BbsAnswers> => ({
  ...requests(parts),
  ...answers(parts),
});
