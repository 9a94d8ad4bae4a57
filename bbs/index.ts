export type {
  ActualLrpApi,
  ActualLrpFilter,
  ActualLrpRemoval,
  ActualLrpTransition,
  BbsClient,
  CoordinationApi,
  DesiredLrpApi,
  DesiredLrpFilter,
  EventApi,
  HistoryApi,
  KvEntry,
  RejectedPlacement,
  StartActualLrp,
  TaskApi,
  TaskCompletion,
  TaskFilter,
  Transition,
  TransitionAnswer,
  TransitionApi,
} from './client.js';
export { createBbsClient } from './http-client.js';
export type { BbsClientOptions } from './http-client.js';
