import type {
  Ack,
  CancelRequest,
  OutcomeQuery,
  StopRequest,
  Traced,
  UpdateRequest,
  Work,
  WorkReply,
} from '../common/model/auction.js';
import type { CellState } from '../common/model/cell.js';
import type { ContainerEnd } from './core/life-cycle.js';

/** What a cell answers to whoever gives it work. All of it at once: what follows is reported to the BBS. */
export interface CellHandlers {
  state(): CellState;
  /** `receivedAt`: ms on the monotonic clock */
  perform(work: Work, receivedAt: number): WorkReply;
  outcome(query: OutcomeQuery): WorkReply;
  stop(request: StopRequest): Ack;
  cancel(request: CancelRequest): Ack;
  update(request: UpdateRequest): Ack;
  evacuate(request: Traced): Ack;
}

/** Port: where a cell's work comes from, and who is told of its changes: the bus, or a Mesos executor's driver. */
export interface WorkSource {
  /** may be called again after `stop` */
  start(handlers: CellHandlers): void;
  /** idempotent; nothing is heard and nothing said until the next start */
  stop(): void;
  /** the cell's state, after a change */
  changed(state: CellState): void;
  /** room has appeared */
  capacityAppeared(): void;
}

/** What has become of one container; of an adopted one it is told again that it runs, or is to stop. */
export type ContainerChange =
  /** its process has started; of an instance that has checks: it is healthy */
  | { state: 'running' }
  /** it was told to end: it leaves traffic, and then has its grace */
  | { state: 'stopping'; cause: string }
  /** nothing of it is left here, and its room is free */
  | { state: 'ended'; end: ContainerEnd };

/**
 * Port: who is told how each container fares, besides the BBS: the driver of a Mesos executor. In order for each of them;
 * it must neither throw nor wait.
 */
export interface ContainerWatcher {
  changed(container: { kind: 'lrp' | 'task'; guid: string }, change: ContainerChange): void;
}
