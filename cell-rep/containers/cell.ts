import type {
  Ack,
  CancelRequest,
  OutcomeQuery,
  StopRequest,
  Traced,
  UpdateRequest,
  Work,
  WorkReply,
} from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import type { CellFacts } from '../core/cell-state.js';
import { buildCellState } from '../core/cell-state.js';
import type { ContainerIdentity } from '../core/identity.js';
import type { KnownContainer } from '../core/sync-plan.js';
import type { CellHandlers } from '../work-source.js';
import type { CellContext } from './context.js';
import { createLrpContainer } from './lrp-container.js';
import type { ManagedContainer, Resume } from './managed.js';
import { createTaskContainer } from './task-container.js';

/** The cell: its books and the containers that stand in them. */
export interface Cell extends CellHandlers {
  /** why no work is taken; '' = it is */
  close(reason: string): void;
  containers(): ManagedContainer[];
  container(guid: string): ManagedContainer | undefined;
  known(): KnownContainer[];
  /** takes over a container of an earlier life of the rep */
  resume(identity: ContainerIdentity, resume: Resume): void;
}

export interface CellOptions {
  facts: CellFacts;
  context: CellContext;
}

const TAKEN: Ack = { accepted: true, reason: '' };

export const createCell = ({ facts, context }: CellOptions): Cell => {
  const { ledger, clock, bbs } = context;
  const logger = context.logger;
  const containers = new Map<string, ManagedContainer>();
  let closed = 'cell is starting';
  let turns = 0;

  const state = (): CellState =>
    buildCellState(facts, ledger, {
      evacuating: false,
      placeable: closed === '' && context.runtime.healthy(),
      version: ledger.version() + turns,
    });

  const keep = (container: ManagedContainer): void => {
    const { guid } = container.identity;
    containers.set(guid, container);
    void container.settled.then(() => containers.get(guid) === container && containers.delete(guid));
  };

  const make = (identity: ContainerIdentity, resume?: Resume): ManagedContainer =>
    identity.kind === 'lrp'
      ? createLrpContainer(identity, context, resume)
      : createTaskContainer(identity, context, resume);

  const whyClosed = (): string =>
    closed || (context.runtime.healthy() ? '' : 'container runtime is unhealthy');

  const reply = (outcomes: WorkReply['outcomes']): WorkReply => ({
    cellId: facts.cellId,
    incarnation: facts.incarnation,
    outcomes,
    state: state(),
  });

  const perform = (work: Work, receivedAt: number): WorkReply => {
    const { outcomes, reserved } = ledger.admit(work, {
      receivedAt,
      now: clock.monotonic(),
      closed: whyClosed(),
    });
    const refused = outcomes.filter(({ status }) => status === 'refused');
    logger.info('auction-perform-work', {
      traceId: work.traceId,
      accepted: reserved.length,
      refused: refused.length,
    });
    for (const { placementId, reason } of refused) logger.info('work-refused', { placementId, reason });
    for (const identity of reserved) keep(make(identity));
    if (reserved.length > 0) context.changed();
    return reply(outcomes);
  };

  const stop = (request: StopRequest): Ack => {
    const { processGuid, index, domain, instanceGuid, traceId } = request;
    logger.info('stop-lrp', { processGuid, index, instanceGuid, traceId });
    const container = containers.get(instanceGuid);
    if (container !== undefined) void container.stop('requested');
    else {
      // nothing to stop: the row is all there is, and it goes at once rather than with the next sync
      const instanceKey = { instanceGuid, cellId: facts.cellId };
      void bbs.removeActualLrp({ key: { processGuid, index, domain }, instanceKey }, traceId);
    }
    return TAKEN;
  };

  const cancel = ({ taskGuid, traceId }: CancelRequest): Ack => {
    logger.info('cancel-task', { taskGuid, traceId });
    void containers.get(taskGuid)?.stop('requested');
    return TAKEN;
  };

  const update = (request: UpdateRequest): Ack => {
    const container = containers.get(request.instanceGuid);
    container?.update(request);
    return container === undefined ? { accepted: false, reason: 'no such instance on this cell' } : TAKEN;
  };

  return {
    state,
    perform,
    outcome: (query: OutcomeQuery) => reply(ledger.outcomes(query, clock.monotonic())),
    stop,
    cancel,
    update,
    evacuate: (_request: Traced): Ack => ({ accepted: false, reason: 'this cell cannot evacuate' }),
    close(reason) {
      if (closed === reason) return;
      closed = reason;
      turns += 1;
      context.changed();
      if (reason === '') context.roomAppeared();
    },
    containers: () => [...containers.values()],
    container: (guid) => containers.get(guid),
    known: () =>
      [...containers.values()].map((container) => ({
        guid: container.identity.guid,
        kind: container.identity.kind,
        state: container.state(),
      })),
    resume(identity, from) {
      if (from.container !== undefined) ledger.restore(identity, from.stored?.record.state ?? 'created');
      keep(make(identity, from));
    },
  };
};
