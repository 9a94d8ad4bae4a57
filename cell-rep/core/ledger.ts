import type { LrpWork, OutcomeQuery, TaskWork, Work, WorkOutcome } from '../../common/model/auction.js';
import { isToken } from '../../common/model/ids.js';
import { createPlacements } from '../../common/model/placements.js';
import { createCpuAllocator } from './cpu-cores.js';
import type { CpuAllocator } from './cpu-cores.js';
import type { Grants } from './grants.js';
import type { ContainerIdentity } from './identity.js';
import type { ContainerState } from './life-cycle.js';
import { isStarting } from './life-cycle.js';
import type { Demand } from './resources.js';
import {
  ZERO_DEMAND,
  addDemand,
  demandOf,
  insufficient,
  isSoundRequest,
  lackingResources,
  subtractDemand,
} from './resources.js';

export interface LedgerEntry {
  readonly identity: ContainerIdentity;
  readonly state: ContainerState;
}

export interface LedgerOptions {
  cellId: string;
  /** new with every start of the rep */
  incarnation: string;
  total: Demand;
  /** they take the place of `total`; absent = the cell has a size of its own */
  grants?: Grants;
  /** numbers of the cores that work with `cpu_milli` is given; absent = it is given none */
  cores?: readonly number[];
  /** MB added to every LRP */
  proxyMemoryMb: number;
  /** a fresh instance guid; chance is handed in */
  mintGuid: () => string;
}

export interface AdmissionContext {
  /** ms on a monotonic clock: when the work was received, and now */
  receivedAt: number;
  now: number;
  /** why the cell takes no work at present; '' = it does */
  closed: string;
  /** from one who knows no placement ids, a Diego auctioneer: they may be empty */
  withoutIds?: true;
}

export interface Refused {
  work: LrpWork | TaskWork;
  reason: string;
}

export interface Admission {
  outcomes: WorkOutcome[];
  /** reservations made by this call, in order */
  reserved: ContainerIdentity[];
  /** what was refused by it now or before, in the order of its outcomes */
  refused: Refused[];
}

export interface LedgerCounts {
  lrpCounts: ReadonlyMap<string, number>;
  taskCount: number;
  startingContainerCount: number;
}

/**
 * The cell's books: who holds what of it, and what became of every placement id. The only judge of
 * whether work fits (design §3). Nothing leaves the books before its container is gone.
 */
export interface Ledger {
  admit(work: Work, context: AdmissionContext): Admission;
  outcomes(query: OutcomeQuery, now: number): WorkOutcome[];
  /** an adopted container is booked whether it fits or not: it is there */
  restore(identity: ContainerIdentity, state: ContainerState): void;
  setState(guid: string, state: ContainerState): void;
  release(guid: string): void;
  /**
   * Releases a reservation of which nothing was ever started. Its placement id is refused for
   * a while and then unknown, so that the BBS may ask for the same placement again.
   */
  abandon(guid: string, now: number): void;
  entry(guid: string): LedgerEntry | undefined;
  entries(): LedgerEntry[];
  total(): Demand;
  used(): Demand;
  available(): Demand;
  counts(): LedgerCounts;
  /** +1 with every change */
  version(): number;
}

const GIVEN_UP = 'placement was given up';

/** ms for which an abandoned placement id is refused: as long as copies of its work may be under way */
const ABANDONED_MS = 10_000;

const largestFirst = (left: { memoryMb: number }, right: { memoryMb: number }): number =>
  right.memoryMb - left.memoryMb;

const refuse = (placementId: string, reason: string): WorkOutcome => ({
  placementId,
  status: 'refused',
  reason,
});

const isLrp = (work: LrpWork | TaskWork): work is LrpWork => 'processGuid' in work;

const unsound = (work: LrpWork | TaskWork, withoutIds: boolean): string => {
  if (work.placementId === '' && !withoutIds) return 'invalid work: placement_id';
  if (!isSoundRequest(work)) return 'invalid work: resources';
  if (isLrp(work)) {
    if (!isToken(work.processGuid)) return 'invalid work: process_guid';
    if (!isToken(work.instanceGuid ?? 'none')) return 'invalid work: instance_guid';
    return Number.isInteger(work.index) && work.index >= 0 ? '' : 'invalid work: index';
  }
  return isToken(work.taskGuid) ? '' : 'invalid work: task_guid';
};

const whyWhole = (work: Work, options: LedgerOptions, context: AdmissionContext): string => {
  if (work.cellId !== options.cellId) return 'workload cell ID does not match this cell';
  if (work.incarnation !== options.incarnation) return 'work is for another incarnation of this cell';
  return context.now - context.receivedAt >= work.deadlineMs ? 'work has expired' : '';
};

/** How many there are of what, kept with every change: they are told after each. */
const createCounts = () => {
  const lrps = new Map<string, number>();
  let [tasks, starting] = [0, 0];
  return {
    /** `by`: 1 or -1 */
    add({ identity, state }: LedgerEntry, by: number): void {
      if (isStarting(state)) starting += by;
      if (identity.kind === 'task') {
        tasks += by;
        return;
      }
      const count = (lrps.get(identity.processGuid) ?? 0) + by;
      if (count === 0) lrps.delete(identity.processGuid);
      else lrps.set(identity.processGuid, count);
    },
    read: (): LedgerCounts => ({
      lrpCounts: new Map(lrps),
      taskCount: tasks,
      startingContainerCount: starting,
    }),
  };
};

/** The entries and their sums, and who has which cores. */
const createBooks = (cpus: CpuAllocator | undefined) => {
  const entries = new Map<string, LedgerEntry>();
  const counts = createCounts();
  let used = ZERO_DEMAND;
  let version = 1;

  const remove = (guid: string): void => {
    const entry = entries.get(guid);
    if (entry === undefined) return;
    entries.delete(guid);
    counts.add(entry, -1);
    cpus?.release(guid);
    used = subtractDemand(used, entry.identity.demand);
  };
  const put = (entry: LedgerEntry): void => {
    remove(entry.identity.guid);
    entries.set(entry.identity.guid, entry);
    counts.add(entry, 1);
    if (entry.identity.cpus !== undefined) cpus?.keep(entry.identity.guid, entry.identity.cpus);
    used = addDemand(used, entry.identity.demand);
    version += 1;
  };

  return {
    entries,
    cpus,
    used: () => used,
    counts: counts.read,
    version: () => version,
    book: (identity: ContainerIdentity, state: ContainerState): void => put({ identity, state }),
    setState(guid: string, state: ContainerState): void {
      const entry = entries.get(guid);
      if (entry === undefined || entry.state === state) return;
      counts.add(entry, -1);
      entries.set(guid, { ...entry, state });
      counts.add({ ...entry, state }, 1);
      version += 1;
    },
    release(guid: string): void {
      if (!entries.has(guid)) return;
      remove(guid);
      version += 1;
    },
  };
};

/** What is left, never below zero: adopted containers may take more than there is. */
const remaining = (total: Demand, used: Demand): Demand => ({
  memoryMb: Math.max(0, total.memoryMb - used.memoryMb),
  diskMb: Math.max(0, total.diskMb - used.diskMb),
  containers: Math.max(0, total.containers - used.containers),
  cpuMilli: Math.max(0, total.cpuMilli - used.cpuMilli),
});

const identify = (
  work: LrpWork | TaskWork,
  options: LedgerOptions,
  allocator: CpuAllocator | undefined,
): ContainerIdentity => {
  const cpus = work.cpuMilli > 0 ? allocator?.find(work.cpuMilli) : undefined;
  const guid = isLrp(work) ? (work.instanceGuid ?? options.mintGuid()) : work.taskGuid;
  const hostPorts = options.grants?.hostPorts(guid);
  return {
    kind: isLrp(work) ? 'lrp' : 'task',
    guid,
    domain: work.domain,
    logGuid: '',
    processGuid: isLrp(work) ? work.processGuid : '',
    index: isLrp(work) ? work.index : 0,
    placementId: work.placementId,
    demand: demandOf(work, options.proxyMemoryMb),
    ...(cpus && { cpus }),
    ...(hostPorts && { hostPorts }),
    wanted: {
      maxPids: work.maxPids,
      rootfs: work.rootfs,
      placementTags: work.placementTags,
      volumeDrivers: work.volumeDrivers,
    },
  };
};

type Books = ReturnType<typeof createBooks>;

const totalOf = ({ grants, total }: LedgerOptions): Demand => grants?.total() ?? total;

/** What would be a second container of one guid. */
const isHere = (work: LrpWork | TaskWork, books: Books): string => {
  const guid = isLrp(work) ? work.instanceGuid : work.taskGuid;
  if (guid === undefined || !books.entries.has(guid)) return '';
  return `${isLrp(work) ? 'instance' : 'task'} is already on this cell`;
};

const whyNot = (
  work: LrpWork | TaskWork,
  books: Books,
  options: LedgerOptions,
  { closed, withoutIds }: Pick<AdmissionContext, 'closed' | 'withoutIds'>,
): string => {
  const reason = unsound(work, withoutIds === true) || closed || isHere(work, books);
  if (reason !== '') return reason;
  const demand = demandOf(work, options.proxyMemoryMb);
  const total = totalOf(options);
  const available = remaining(total, books.used());
  const lacking = lackingResources(demand, available, total.cpuMilli > 0);
  // there may be enough of it in all, and not together
  if (lacking.length === 0 && books.cpus && !books.cpus.find(demand.cpuMilli)) return insufficient(['cpu']);
  return lacking.length > 0 ? insufficient(lacking) : '';
};

export const createLedger = (options: LedgerOptions): Ledger => {
  const books = createBooks(options.cores && createCpuAllocator(options.cores));
  const placements = createPlacements();

  const book = (identity: ContainerIdentity, state: ContainerState): void => {
    books.book(identity, state);
    if (identity.placementId !== '') placements.accept(identity.placementId);
  };

  /** a refusal is remembered for as long as its sender may still ask or send it again */
  const admitOne = (
    work: LrpWork | TaskWork,
    context: AdmissionContext & { until: number },
    reserved: ContainerIdentity[],
  ): WorkOutcome => {
    const { placementId } = work;
    const before = placements.outcome(placementId, context.now);
    if (before.status !== 'never_seen') return before;
    const reason = whyNot(work, books, options, context);
    if (reason !== '') {
      if (placementId !== '') placements.refuse(placementId, { reason, until: context.until });
      return refuse(placementId, reason);
    }
    const identity = identify(work, options, books.cpus);
    book(identity, 'reserved');
    reserved.push(identity);
    return { placementId, status: 'accepted', reason: '' };
  };

  return {
    admit(work, context) {
      const all = [...work.lrps.toSorted(largestFirst), ...work.tasks.toSorted(largestFirst)];
      const reason = whyWhole(work, options, context);
      if (reason !== '') {
        return {
          outcomes: all.map(({ placementId }) => refuse(placementId, reason)),
          reserved: [],
          refused: all.map((one) => ({ work: one, reason })),
        };
      }
      placements.forget(context.now);
      const reserved: ContainerIdentity[] = [];
      const full = { until: context.now + work.deadlineMs, ...context };
      const refused: Refused[] = [];
      const outcomes = all.map((one) => {
        const outcome = admitOne(one, full, reserved);
        if (outcome.status === 'refused') refused.push({ work: one, reason: outcome.reason });
        return outcome;
      });
      return { outcomes, reserved, refused };
    },
    outcomes(query, now) {
      placements.forget(now);
      return query.placementIds.map((id) => {
        const outcome = placements.outcome(id, now);
        if (outcome.status === 'never_seen') {
          placements.refuse(id, { reason: GIVEN_UP, until: now + query.deadlineMs });
        }
        return outcome;
      });
    },
    restore: book,
    setState: books.setState,
    release: books.release,
    abandon(guid, now) {
      const placementId = books.entries.get(guid)?.identity.placementId ?? '';
      books.release(guid);
      if (placementId !== '') placements.refuse(placementId, { reason: GIVEN_UP, until: now + ABANDONED_MS });
    },
    entry: (guid) => books.entries.get(guid),
    entries: () => [...books.entries.values()],
    total: () => totalOf(options),
    used: books.used,
    available: () => remaining(totalOf(options), books.used()),
    counts: books.counts,
    version: books.version,
  };
};
