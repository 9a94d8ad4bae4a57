/**
 * The BBS's routes: Diego's own names and paths, `_r0` and `_r2` being the forms that Diego calls
 * deprecated, and ours at the end.
 */
export const BBS_ROUTES = {
  Ping: '/v1/ping',
  Domains: '/v1/domains/list',
  UpsertDomain: '/v1/domains/upsert',

  ActualLRPs: '/v1/actual_lrps/list',
  ActualLRPsByProcessGuids: '/v1/actual_lrps/list_by_process_guids',
  ActualLRPGroups: '/v1/actual_lrp_groups/list',
  ActualLRPGroupsByProcessGuid: '/v1/actual_lrp_groups/list_by_process_guid',
  ActualLRPGroupsByProcessGuidAndIndex: '/v1/actual_lrp_groups/get_by_process_guid_and_index',
  ClaimActualLRP: '/v1/actual_lrps/claim',
  StartActualLRP: '/v1/actual_lrps/start.r1',
  StartActualLRP_r0: '/v1/actual_lrps/start',
  CrashActualLRP: '/v1/actual_lrps/crash',
  FailActualLRP: '/v1/actual_lrps/fail',
  RemoveActualLRP: '/v1/actual_lrps/remove',
  RetireActualLRP: '/v1/actual_lrps/retire',
  RemoveEvacuatingActualLRP: '/v1/actual_lrps/remove_evacuating',
  EvacuateClaimedActualLRP: '/v1/actual_lrps/evacuate_claimed',
  EvacuateCrashedActualLRP: '/v1/actual_lrps/evacuate_crashed',
  EvacuateStoppedActualLRP: '/v1/actual_lrps/evacuate_stopped',
  EvacuateRunningActualLRP: '/v1/actual_lrps/evacuate_running.r1',
  EvacuateRunningActualLRP_r0: '/v1/actual_lrps/evacuate_running',

  DesiredLRPSchedulingInfos: '/v1/desired_lrp_scheduling_infos/list',
  DesiredLRPSchedulingInfoByProcessGuid: '/v1/desired_lrp_scheduling_infos/get_by_process_guid',
  DesiredLRPRoutingInfos: '/v1/desired_lrp_routing_infos/list',
  DesiredLRPs: '/v1/desired_lrps/list.r3',
  DesiredLRPs_r2: '/v1/desired_lrps/list.r2',
  DesiredLRPByProcessGuid: '/v1/desired_lrps/get_by_process_guid.r3',
  DesiredLRPByProcessGuid_r2: '/v1/desired_lrps/get_by_process_guid.r2',
  DesireDesiredLRP: '/v1/desired_lrp/desire.r2',
  /** Diego's spelling */
  UpdateDesireLRP: '/v1/desired_lrp/update',
  RemoveDesiredLRP: '/v1/desired_lrp/remove',

  Tasks: '/v1/tasks/list.r3',
  Tasks_r2: '/v1/tasks/list.r2',
  TaskByGuid: '/v1/tasks/get_by_task_guid.r3',
  TaskByGuid_r2: '/v1/tasks/get_by_task_guid.r2',
  DesireTask: '/v1/tasks/desire.r2',
  StartTask: '/v1/tasks/start',
  CancelTask: '/v1/tasks/cancel',
  FailTask: '/v1/tasks/fail',
  RejectTask: '/v1/tasks/reject',
  CompleteTask: '/v1/tasks/complete',
  ResolvingTask: '/v1/tasks/resolving',
  DeleteTask: '/v1/tasks/delete',

  EventStream: '/v1/events.r1',
  EventStream_r0: '/v1/events',
  TaskEventStream: '/v1/events/tasks.r1',
  TaskEventStream_r0: '/v1/events/tasks',
  LRPInstanceEventStream: '/v1/events/lrp_instances.r1',
  LRPInstanceEventStream_r0: '/v1/events/lrp_instances',

  Cells: '/v1/cells/list.r1',

  Transitions: '/v1/transitions',
  AcquireLease: '/v1/leases/acquire',
  RenewLease: '/v1/leases/renew',
  ReleaseLease: '/v1/leases/release',
  Leases: '/v1/leases/list',
  KvGet: '/v1/kv/get',
  KvPut: '/v1/kv/put',
  History: '/v1/history/list',
  /** every row as a line of JSON, as of one moment */
  OutcryDump: '/v1/dump.outcry',
  /** server-sent events with ids that can be resumed */
  OutcryEventStream: '/v1/events.outcry',
} as const;

export type BbsRoute = keyof typeof BBS_ROUTES;

const GET_ROUTES: ReadonlySet<BbsRoute> = new Set([
  'EventStream',
  'EventStream_r0',
  'OutcryEventStream',
  'OutcryDump',
]);

/** Everything is POST, but for Diego's two oldest event streams, our own, and the dump. */
export const methodOf = (route: BbsRoute): 'GET' | 'POST' => (GET_ROUTES.has(route) ? 'GET' : 'POST');
