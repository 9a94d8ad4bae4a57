import {
  ANY_BBS_EVENT,
  ANY_CELL_PRESENCE,
  ANY_LOG,
  bbsEventSubject,
  cellSubject,
  SUBJECTS,
} from './subjects.js';
import type { CellVerb } from './subjects.js';

/** What a user of the bus may do; everything else is refused. */
export interface RolePermissions {
  readonly publish: readonly string[];
  /** besides the user's own inbox, where answers to its requests arrive */
  readonly subscribe: readonly string[];
  /** may answer the requests it receives, once each */
  readonly answers: boolean;
}

const anyCell = (verb: CellVerb): string => cellSubject('*', verb);

/** Questions that change nothing. */
const AUCTION_QUESTIONS: readonly string[] = [
  SUBJECTS.auctionExplain,
  SUBJECTS.auctionBatches,
  SUBJECTS.auctionReplay,
  SUBJECTS.auctionWhatIf,
];

const COMMANDS: readonly CellVerb[] = ['stop', 'cancel', 'evacuate'];
const CELL_HEARS: readonly CellVerb[] = [
  'work',
  'outcome',
  'stop',
  'cancel',
  'update',
  'evacuate',
  'image',
  'measure',
];

export type NatsRole = 'bbs' | 'auctioneer' | 'mesos-bridge' | 'mesos-cells' | 'router' | 'api' | 'operator';

/** What a cell says and hears; '*' = of any. */
const cellPermissions = (cellId: string): RolePermissions => ({
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
    SUBJECTS.cellImage,
    SUBJECTS.routerStart,
    SUBJECTS.bbsActive,
    // routes and tags of what runs may change
    bbsEventSubject('desired_lrp_changed'),
    ...CELL_HEARS.map((verb) => cellSubject(cellId, verb)),
  ],
  answers: true,
});

/**
 * Who may say what: publishing work is running code, so only the auctioneer may; only the BBS and
 * operators stop and cancel; the API, for operators, and the Mesos bridge have cells evacuate. docs/reference/subjects.md shows the same as a table.
 */
export const ROLES: Readonly<Record<NatsRole, RolePermissions>> = {
  bbs: {
    publish: [
      SUBJECTS.auctionLrps,
      SUBJECTS.auctionTasks,
      SUBJECTS.bbsActive,
      ANY_BBS_EVENT,
      ...COMMANDS.map(anyCell),
      anyCell('update'),
      ANY_LOG,
    ],
    subscribe: [SUBJECTS.auctionCapacity, SUBJECTS.bbsActive, ANY_CELL_PRESENCE],
    answers: true,
  },
  auctioneer: {
    publish: [
      SUBJECTS.cellState,
      anyCell('work'),
      anyCell('outcome'),
      SUBJECTS.mesosState,
      SUBJECTS.mesosAuction,
    ],
    subscribe: [
      SUBJECTS.auctionLrps,
      SUBJECTS.auctionTasks,
      ...AUCTION_QUESTIONS,
      SUBJECTS.cellChanged,
      SUBJECTS.bbsActive,
      ANY_BBS_EVENT,
    ],
    answers: true,
  },
  'mesos-bridge': {
    // agents are taken out of service
    publish: [SUBJECTS.auctionCapacity, anyCell('evacuate')],
    subscribe: [
      SUBJECTS.mesosState,
      SUBJECTS.mesosAuction,
      SUBJECTS.mesosOffers,
      SUBJECTS.bbsActive,
      ANY_BBS_EVENT,
    ],
    answers: true,
  },
  /** whose ids nobody knows before Mesos gives them: what one may, all may, but none may give another work */
  'mesos-cells': cellPermissions('*'),
  router: {
    publish: [SUBJECTS.routerStart, SUBJECTS.routerActiveApps, ANY_LOG],
    subscribe: [SUBJECTS.routerRegister, SUBJECTS.routerUnregister, SUBJECTS.routerGreet],
    answers: true,
  },
  api: {
    publish: [
      ...AUCTION_QUESTIONS,
      SUBJECTS.mesosOffers,
      SUBJECTS.cellState,
      SUBJECTS.cellImage,
      anyCell('image'),
      anyCell('measure'),
      anyCell('evacuate'),
    ],
    subscribe: [ANY_LOG, ANY_BBS_EVENT, SUBJECTS.bbsActive, anyCell('metrics')],
    answers: false,
  },
  operator: {
    publish: [...COMMANDS, 'measure' as const].map(anyCell),
    subscribe: [ANY_LOG, ANY_BBS_EVENT, SUBJECTS.bbsActive, SUBJECTS.cellChanged, anyCell('metrics')],
    answers: false,
  },
};

/** A cell speaks and listens for itself only; `cellId` is a token. */
export const cellRole = (cellId: string): RolePermissions => cellPermissions(cellId);

/** Where every answer goes. What begins otherwise is no answer, whoever asks for one there. */
export const INBOXES = '_INBOX.';

/** Where answers to this user go: permissions can so tell users apart. */
export const inboxPrefix = (user: string): string => `${INBOXES}${user}`;
