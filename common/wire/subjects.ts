/** Bus subjects (design §5). Ids used as tokens must match `isToken`. */
export const SUBJECTS = {
  auctionLrps: 'auction.lrps',
  auctionTasks: 'auction.tasks',
  auctionCapacity: 'auction.capacity',
  auctionExplain: 'auction.explain',
  auctionBatches: 'auction.batches',
  auctionReplay: 'auction.replay',
  auctionWhatIf: 'auction.what-if',
  cellState: 'cell.state',
  cellChanged: 'cell.changed',
  cellImage: 'cell.image',
  routerRegister: 'router.register',
  routerUnregister: 'router.unregister',
  routerGreet: 'router.greet',
  routerStart: 'router.start',
  routerActiveApps: 'router.active_apps',
  mesosState: 'mesos.state',
  mesosAuction: 'mesos.auction',
  mesosOffers: 'mesos.offers',
  /** the active BBS tells who it is, at start and on request */
  bbsActive: 'bbs.active',
} as const;

export const CELL_VERBS = [
  'work',
  'outcome',
  'stop',
  'cancel',
  'update',
  'evacuate',
  'image',
  'metrics',
  'measure',
  'presence',
] as const;
export type CellVerb = (typeof CELL_VERBS)[number];

export const cellSubject = (cellId: string, verb: CellVerb): string => `cell.${cellId}.${verb}`;
/** what the BBS subscribes to for renewals of presence from every cell */
export const ANY_CELL_PRESENCE = 'cell.*.presence';
export const bbsEventSubject = (kind: string): string => `bbs.event.${kind}`;
export const ANY_BBS_EVENT = 'bbs.event.*';
export const logSubject = (guid: string, index: number | string): string => `log.${guid}.${index}`;
export const ANY_LOG = 'log.>';
