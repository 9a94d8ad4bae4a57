import type { ActualLrp } from '../../common/model/lrp.js';
import type { RowList } from '../../common/store/contract.js';
import type {
  ActualLrpApi,
  ActualLrpFilter,
  CoordinationApi,
  DesiredLrpApi,
  HistoryApi,
  TaskApi,
  TransitionApi,
} from '../client.js';
import type { BbsConfig } from '../config.js';
import type { BbsStore } from '../store/schema.js';
import type { AppLog } from './app-log.js';
import { createActualLrpApi } from './actual-lrps.js';
import { createCoordinationApi } from './coordination.js';
import { createDesiredLrpApi } from './desired-lrps.js';
import type { Presence } from './presence.js';
import { actualLrpRows } from './rows.js';
import { createTaskApi } from './tasks.js';
import { createTransitionApi } from './transitions.js';
import type { Transactions } from './transactions.js';

/** Everything that can be asked of the board, by whatever door. */
export type Board = DesiredLrpApi &
  ActualLrpApi &
  TaskApi &
  TransitionApi &
  CoordinationApi &
  HistoryApi & {
    /** actual LRPs as they are now, for whoever takes them by and by */
    actualLrpRows(filter: ActualLrpFilter): RowList<ActualLrp>;
  };

export interface BoardParts {
  transactions: Transactions;
  store: BbsStore;
  presence: Presence;
  config: BbsConfig;
  appLog: AppLog;
  history: HistoryApi;
  rejections: {
    /** whether a rejection of that task now is one of its retries */
    counted(taskGuid: string): boolean;
  };
}

export const createBoard = (parts: BoardParts): Board => {
  const single = { ...createActualLrpApi(parts), ...createTaskApi(parts) };
  return {
    ...createDesiredLrpApi(parts),
    ...single,
    actualLrpRows: (filter) => actualLrpRows(parts.store.committed, filter),
    ...createTransitionApi(single),
    ...createCoordinationApi(parts),
    history: parts.history.history,
  };
};
