import type { ActualLrpApi, CoordinationApi, DesiredLrpApi, TaskApi } from '../../bbs/index.js';
import type { WhatIf, WhatIfQuery } from '../../common/model/auction-questions.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import type { CellPresence, CellState } from '../../common/model/cell.js';
import type { ActualLrp, DesiredLrp } from '../../common/model/lrp.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import { lrpStart, taskStart } from '../../common/model/starts.js';
import type { Task } from '../../common/model/task.js';
import type { CellBackend, CellStates } from '../backends/cell-backend.js';
import { type Auction, lrpAuctions, taskAuction } from '../core/auction.js';
import type { DecisionInput } from '../core/decide.js';
import { noAnswer, unknownNames, whatIf } from '../core/what-if.js';

export interface WhatIfOptions extends Pick<DecisionInput, 'policy' | 'scorer'> {
  /** asked for states, and so are those after it; no work is sent */
  backend: Pick<CellBackend, 'states' | 'next'>;
  /** only read */
  bbs: Pick<ActualLrpApi, 'actualLrps'> &
    Pick<DesiredLrpApi, 'desiredLrps'> &
    Pick<TaskApi, 'tasks'> &
    Pick<CoordinationApi, 'cells'>;
}

/** Cells whose rows are asked for one by one; for more, everything is read at once. */
const FEW_CELLS = 20;

interface Board {
  actuals: ActualLrp[];
  desired: Map<string, DesiredLrp>;
  tasks: Task[];
}

interface Live {
  /** of each backend */
  rounds: CellState[][];
  missed: string[];
  presences: CellPresence[];
}

/** What every backend tells. */
const askAll = async (
  first: WhatIfOptions['backend'],
  traceId: string,
): Promise<Pick<Live, 'rounds' | 'missed'>> => {
  const told: CellStates[] = [];
  for (let at: WhatIfOptions['backend'] | undefined = first; at !== undefined; at = at.next)
    told.push(await at.states(traceId));
  return { rounds: told.map(({ cells }) => cells), missed: told.flatMap(({ missed }) => missed) };
};

const flat = <T>(results: readonly BbsResult<T[]>[]): Result<T[], string> => {
  const rows: T[] = [];
  for (const result of results) {
    if (!result.ok) return err(`the bulletin board does not answer: ${result.error.message}`);
    rows.push(...result.value);
  }
  return ok(rows);
};

/** What the question names: ids of cells that would go, or what is not known of it. */
const removedBy = (query: WhatIfQuery, { rounds, presences }: Live): Result<Set<string>, WhatIf> => {
  const zones = new Map(presences.map(({ cellId, zone }) => [cellId, zone]));
  for (const { cellId, zone } of rounds.flat()) zones.set(cellId, zone);
  const zoneNames = [...new Set(zones.values())].sort();
  const unknownZones = query.loseZones.filter((zone) => !zoneNames.includes(zone));
  const unknownCells = query.drain.filter((cellId) => !zones.has(cellId));
  if (unknownCells.length > 0)
    return err(unknownNames({ unknownCells, unknownZones }, [...zones.keys()].sort()));
  if (unknownZones.length > 0) return err(unknownNames({ unknownCells, unknownZones }, zoneNames));
  const lost = [...zones].flatMap(([cellId, zone]) => (query.loseZones.includes(zone) ? [cellId] : []));
  return ok(new Set([...query.drain, ...lost]));
};

/** Rows of one process together, so that its instances share their request. */
const lrpsOf = (rows: readonly ActualLrp[], desired: ReadonlyMap<string, DesiredLrp>): Auction[] => {
  const processes = new Map<string, ActualLrp[]>();
  for (const row of rows) {
    const known = processes.get(row.processGuid);
    if (known === undefined) processes.set(row.processGuid, [row]);
    else known.push(row);
  }
  return [...processes].flatMap(([guid, instances]) => {
    const lrp = desired.get(guid);
    const wanted = instances.filter(({ index }) => lrp !== undefined && index < lrp.instances);
    return lrp === undefined ? [] : lrpAuctions(lrpStart(lrp, wanted));
  });
};

/** Rows that stand for their slot: copies on cells that vanish or are drained already have their replacement. */
const isOrdinary = ({ presence }: ActualLrp): boolean => presence === 'ORDINARY';

/** Answers what-if questions from the live system, which it only reads. */
export const createWhatIf = ({ backend, bbs, policy, scorer }: WhatIfOptions) => {
  const readLive = async (traceId: string): Promise<Result<Live, string>> => {
    const presences = flat([await bbs.cells()]);
    if (!presences.ok) return presences;
    return ok({ ...(await askAll(backend, traceId)), presences: presences.value });
  };

  const readBoard = async (
    removed: ReadonlySet<string>,
    everything: boolean,
  ): Promise<Result<Board, string>> => {
    const filters =
      everything || removed.size > FEW_CELLS ? [{}] : [...removed].map((cellId) => ({ cellId }));
    const actuals = flat(await Promise.all(filters.map((filter) => bbs.actualLrps(filter))));
    if (!actuals.ok) return actuals;
    const tasks = flat(await Promise.all(filters.map((filter) => bbs.tasks(filter))));
    if (!tasks.ok) return tasks;
    const processGuids = [...new Set(actuals.value.map(({ processGuid }) => processGuid))];
    const desired = processGuids.length === 0 ? ok([]) : flat([await bbs.desiredLrps({ processGuids })]);
    if (!desired.ok) return desired;
    return ok({
      actuals: actuals.value.filter(isOrdinary),
      desired: new Map(desired.value.map((lrp) => [lrp.processGuid, lrp])),
      tasks: tasks.value,
    });
  };

  const situationOf = (removed: ReadonlySet<string>, board: Board, withWaiting: boolean) => {
    const { actuals, desired, tasks } = board;
    const isThere = ({ cellId }: { cellId: string }): boolean => cellId !== '' && removed.has(cellId);
    const waitingLrps = actuals.filter(({ state }) => state === 'UNCLAIMED');
    const waitingTasks = tasks.filter(({ state }) => state === 'Pending');
    return {
      moved: lrpsOf(actuals.filter(isThere), desired),
      waiting: withWaiting
        ? [...lrpsOf(waitingLrps, desired), ...waitingTasks.map((task) => taskAuction(taskStart(task)))]
        : [],
      lostTasks: tasks
        .filter((task) => task.state === 'Running' && isThere(task))
        .map(({ taskGuid }) => taskGuid),
    };
  };

  return async (query: WhatIfQuery): Promise<WhatIf> => {
    const live = await readLive(query.traceId);
    if (!live.ok) return noAnswer(live.error);
    const { rounds, missed: silent } = live.value;
    const removed = removedBy(query, live.value);
    if (!removed.ok) return removed.error;
    const withWaiting = query.add.length > 0;
    if (withWaiting && rounds.flat().length === 0)
      return noAnswer('no cell answers that new ones could be like');
    const board = await readBoard(removed.value, withWaiting);
    if (!board.ok) return noAnswer(board.error);
    const work = situationOf(removed.value, board.value, withWaiting);
    return whatIf({ rounds, silent, removed: removed.value, added: query.add, ...work, policy, scorer });
  };
};
