import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type {
  ActualLrpApi,
  CoordinationApi,
  DesiredLrpApi,
  TaskApi,
  TransitionApi,
} from '../../bbs/index.js';
import type { Downloader } from '../actions/downloader.js';
import type { Uploader } from '../actions/uploader.js';
import type { CredentialIssuer } from '../core/credentials.js';
import type { ContainerRuntime } from '../core/container-runtime.js';
import type { VolumeDriver } from '../core/volumes.js';
import type { Ledger } from '../core/ledger.js';
import type { LogPublisher } from '../logs/log-publisher.js';
import type { RouteEmitter } from '../routes/emitter.js';
import type { CellMetrics } from '../metrics.js';
import type { Slots } from '../waiting/slots.js';
import type { ContainerWatcher } from '../work-source.js';
import type { ContainerNotes } from './memory.js';

/** The part of the BBS that a rep uses. */
export type RepBbs = Pick<DesiredLrpApi, 'desiredLrps' | 'desiredLrp'> &
  Pick<
    ActualLrpApi,
    | 'actualLrps'
    | 'claimActualLrp'
    | 'startActualLrp'
    | 'crashActualLrp'
    | 'removeActualLrp'
    | 'evacuateClaimedActualLrp'
    | 'evacuateRunningActualLrp'
    | 'evacuateStoppedActualLrp'
    | 'evacuateCrashedActualLrp'
    | 'removeEvacuatingActualLrp'
  > &
  Pick<TaskApi, 'tasks' | 'task' | 'startTask' | 'completeTask' | 'rejectTask'> &
  TransitionApi &
  Pick<CoordinationApi, 'acquireLease' | 'releaseLease'>;

export interface ContainerTimes {
  /** ms between SIGTERM and SIGKILL */
  graceMs: number;
  /** ms that requests in flight get after the last router has let go */
  inFlightGraceMs: number;
  /** ms after which a reservation that could not be begun is given up */
  reservationMs: number;
}

/** What the containers of one cell share. */
export interface CellContext {
  cellId: string;
  zone: string;
  times: ContainerTimes;
  clock: Clock;
  random: Random;
  logger: Logger;
  bbs: RepBbs;
  runtime: ContainerRuntime;
  /** by the names under which the operator offers them */
  volumeDrivers: ReadonlyMap<string, VolumeDriver>;
  downloader: Downloader;
  uploader: Uploader;
  /** makes each container a certificate; absent = they have none */
  credentials?: CredentialIssuer;
  ledger: Ledger;
  logs: LogPublisher;
  /** lines per second that an instance may log; 0 = as many as it likes */
  logLinesPerSecond: number;
  routes: RouteEmitter;
  notes: ContainerNotes;
  metrics: CellMetrics;
  /** told how each container fares; absent = nobody */
  watcher?: ContainerWatcher;
  /** containers being made at the same time */
  createSlots: Slots;
  /** the cell drains: nothing new comes, and what is here is to go */
  evacuating(): boolean;
  /** the books have changed */
  changed(): void;
  /** the same, of work that was admitted */
  workTaken(): void;
  /** room has appeared */
  roomAppeared(): void;
}
