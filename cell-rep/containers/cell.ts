import type { Ack, OutcomeQuery, Work, WorkReply } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import { unattended } from '../../common/runtime/unattended.js';
import type { CellFacts } from '../core/cell-state.js';
import { buildCellState } from '../core/cell-state.js';
import type { ContainerIdentity } from '../core/identity.js';
import type { Admission, AdmissionContext, Refused } from '../core/ledger.js';
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
  /** why no work is taken now; '' = it is */
  whyClosed(): string;
  /** the runtime has become healthy, or unhealthy: whoever places work hears of it at once */
  healthChanged(): void;
  /** nothing is taken any more, and whoever places work hears of it at once */
  evacuationBegan(): void;
  /** work of one who knows neither placement ids nor incarnations; answers what was refused */
  take(work: Pick<Work, 'traceId' | 'cellId' | 'lrps' | 'tasks'>): Refused[];
  containers(): ManagedContainer[];
  container(guid: string): ManagedContainer | undefined;
  known(): KnownContainer[];
  /** takes over a container of an earlier life of the rep */
  resume(identity: ContainerIdentity, resume: Resume): void;
}

export interface CellOptions {
  facts: CellFacts;
  context: CellContext;
  /** somebody asks that the cell be emptied */
  onEvacuate(): void;
}

const STARTING = 'cell is starting';
const EVACUATING = 'cell is evacuating';

const TAKEN: Ack = { accepted: true, reason: '' };

const make = (context: CellContext, identity: ContainerIdentity, resume?: Resume): ManagedContainer =>
  identity.kind === 'lrp'
    ? createLrpContainer(identity, context, resume)
    : createTaskContainer(identity, context, resume);

/** What is asked of containers that are here already. */
const createRequests = (
  { context, onEvacuate, hasStarted }: CellOptions & { hasStarted(): boolean },
  containers: ReadonlyMap<string, ManagedContainer>,
): Pick<CellHandlers, 'stop' | 'cancel' | 'update' | 'evacuate'> => ({
  stop({ processGuid, index, domain, instanceGuid, traceId }) {
    context.logger.info('stop-lrp', { processGuid, index, instanceGuid, traceId });
    const container = containers.get(instanceGuid);
    if (container !== undefined) {
      void container.stop('requested');
      return TAKEN;
    }
    // nothing to stop: the row is all there is, and it goes at once rather than with the next sync
    const instanceKey = { instanceGuid, cellId: context.cellId };
    const row = { key: { processGuid, index, domain }, instanceKey };
    unattended({ logger: context.logger, event: 'failed-to-remove-row' }, () =>
      context.bbs.removeActualLrp(row, traceId),
    );
    return TAKEN;
  },
  cancel({ taskGuid, traceId }) {
    context.logger.info('cancel-task', { taskGuid, traceId });
    void containers.get(taskGuid)?.stop('requested');
    return TAKEN;
  },
  update(request) {
    const container = containers.get(request.instanceGuid);
    container?.update(request);
    return container === undefined ? { accepted: false, reason: 'no such instance on this cell' } : TAKEN;
  },
  evacuate({ traceId }) {
    context.logger.info('evacuate', { traceId });
    // not everything that is here is known yet: the cell would take itself for empty
    if (!hasStarted()) return { accepted: false, reason: STARTING };
    onEvacuate();
    return TAKEN;
  },
});

export const createCell = (options: CellOptions): Cell => {
  const { facts, context } = options;
  const { ledger, clock, logger } = context;
  const containers = new Map<string, ManagedContainer>();
  let closed = STARTING;
  let turns = 0;

  const state = (): CellState =>
    buildCellState(facts, ledger, {
      evacuating: context.evacuating(),
      placeable: facts.lent === undefined && closed === '' && context.runtime.healthy(),
      version: ledger.version() + turns,
    });

  const keep = (container: ManagedContainer): void => {
    const { guid } = container.identity;
    containers.set(guid, container);
    void container.settled.then(() => containers.get(guid) === container && containers.delete(guid));
  };

  const turn = (): void => {
    turns += 1;
    context.changed();
  };

  const whyClosed = (): string =>
    closed || (context.runtime.healthy() ? '' : 'container runtime is unhealthy');

  const reply = (outcomes: WorkReply['outcomes'], tellsState = true): WorkReply => {
    const { cellId, incarnation } = facts;
    return { cellId, incarnation, outcomes, ...(tellsState && { state: state() }) };
  };

  const admit = (work: Work, at: Pick<AdmissionContext, 'receivedAt' | 'withoutIds'>): Admission => {
    const closedBy = whyClosed() || (context.evacuating() ? EVACUATING : '');
    const admission = ledger.admit(work, { ...at, now: clock.monotonic(), closed: closedBy });
    const { reserved, refused } = admission;
    const { traceId } = work;
    logger.info('auction-perform-work', { traceId, accepted: reserved.length, refused: refused.length });
    for (const { work: one, reason } of refused)
      logger.info('work-refused', { traceId, placementId: one.placementId, reason });
    for (const identity of reserved) keep(make(context, identity));
    if (reserved.length > 0) context.workTaken();
    return admission;
  };

  return {
    ...createRequests({ ...options, hasStarted: () => closed !== STARTING }, containers),
    state,
    perform(work, receivedAt) {
      const { outcomes, refused } = admit(work, { receivedAt });
      // whoever placed it can reckon what is left of a cell that took it all
      return reply(outcomes, refused.length > 0);
    },
    take(work) {
      const { incarnation } = facts;
      const full = { ...work, incarnation, deadlineMs: Number.POSITIVE_INFINITY };
      return admit(full, { receivedAt: clock.monotonic(), withoutIds: true }).refused;
    },
    outcome: (query: OutcomeQuery) => reply(ledger.outcomes(query, clock.monotonic())),
    close(reason) {
      if (closed === reason) return;
      closed = reason;
      turn();
      if (reason === '') context.roomAppeared();
    },
    whyClosed,
    evacuationBegan: turn,
    healthChanged() {
      turn();
      if (whyClosed() === '') context.roomAppeared();
    },
    containers: () => [...containers.values()],
    container: (guid) => containers.get(guid),
    known: () =>
      [...containers.values()].map(({ identity, state: stateOf }) => ({
        guid: identity.guid,
        kind: identity.kind,
        state: stateOf(),
      })),
    resume(identity, from) {
      if (from.container !== undefined) ledger.restore(identity, from.stored?.record.state ?? 'created');
      keep(make(context, identity, from));
    },
  };
};
