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
