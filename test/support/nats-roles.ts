import {
  ANY_BBS_EVENT,
  ANY_CELL_PRESENCE,
  ANY_LOG,
  cellSubject,
  SUBJECTS,
} from '../../common/wire/subjects.js';
import type { CellVerb } from '../../common/wire/subjects.js';

/** What a user of the bus may do; everything else is refused. Answering a request is always allowed. */
export interface RolePermissions {
  publish: string[];
  subscribe: string[];
}

const anyCell = (verb: CellVerb): string => cellSubject('*', verb);

const COMMANDS: CellVerb[] = ['stop', 'cancel', 'evacuate'];
const CELL_HEARS: CellVerb[] = ['work', 'outcome', 'stop', 'cancel', 'update', 'evacuate'];

/** Who may say what (design §5, §9): only the auctioneer publishes work, a cell only what is its own. */
export const ROLES: Record<'bbs' | 'auctioneer' | 'router' | 'api' | 'operator', RolePermissions> = {
  bbs: {
    publish: [
      SUBJECTS.auctionLrps,
      SUBJECTS.auctionTasks,
      SUBJECTS.bbsActive,
      ANY_BBS_EVENT,
      ...COMMANDS.map(anyCell),
      anyCell('update'),
    ],
    subscribe: [SUBJECTS.auctionCapacity, SUBJECTS.bbsActive, ANY_CELL_PRESENCE],
  },
  auctioneer: {
    publish: [SUBJECTS.cellState, anyCell('work'), anyCell('outcome')],
    subscribe: [
      SUBJECTS.auctionLrps,
      SUBJECTS.auctionTasks,
      SUBJECTS.auctionExplain,
      SUBJECTS.cellChanged,
      SUBJECTS.bbsActive,
      ANY_BBS_EVENT,
    ],
  },
  router: {
    publish: [SUBJECTS.routerStart],
    subscribe: [SUBJECTS.routerRegister, SUBJECTS.routerUnregister, SUBJECTS.routerGreet],
  },
  api: {
    publish: [SUBJECTS.auctionExplain],
    subscribe: [ANY_LOG, ANY_BBS_EVENT, SUBJECTS.bbsActive, anyCell('metrics')],
  },
  operator: {
    publish: COMMANDS.map(anyCell),
    subscribe: [ANY_LOG, ANY_BBS_EVENT, SUBJECTS.bbsActive, SUBJECTS.cellChanged, anyCell('metrics')],
  },
};

export const cellRole = (cellId: string): RolePermissions => ({
  publish: [
    SUBJECTS.auctionCapacity,
    SUBJECTS.cellChanged,
    cellSubject(cellId, 'presence'),
    cellSubject(cellId, 'metrics'),
    SUBJECTS.routerRegister,
    SUBJECTS.routerUnregister,
    SUBJECTS.routerGreet,
    ANY_LOG,
  ],
  subscribe: [
    SUBJECTS.cellState,
    SUBJECTS.routerStart,
    SUBJECTS.bbsActive,
    ...CELL_HEARS.map((verb) => cellSubject(cellId, verb)),
  ],
});
