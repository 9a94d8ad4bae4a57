import type { Batches } from '../auction/answers.js';
import { BASE } from '../auction/show.js';
import type { Context } from '../context.js';
import { errorLine } from '../error-line.js';
import { cellsOf } from '../http/apps.js';
import type { Cell } from '../http/resources.js';

/** Instances of one process, or tasks of one application, that wait for one reason. */
export interface WaitingGroup {
  kind: 'instances' | 'tasks';
  name: string;
  id: string;
  count: number;
  /** ms since the epoch */
  since: number;
  reason: string;
}

export interface Waiting {
  instances: number;
  tasks: number;
  groups: WaitingGroup[];
  more_groups: number;
}

export interface TopCell extends Cell {
  /** ms since it answered the last time; undefined: it has not, as long as this looks */
  heardAgo: number | undefined;
}

/** What was read the last time, and why nothing newer could be. */
export interface Part<T> {
  value?: T;
  problem?: string;
}

/** Everything at one moment. */
export interface View {
  /** ms since the epoch */
  at: number;
  cells: Part<TopCell[]>;
  batches: Part<Batches>;
  waiting: Part<Waiting>;
}

/** Reads everything; reading again keeps what cannot be read any more. */
export type Reader = () => Promise<View>;

const BATCHES = 50;
const GROUPS = 100;

const partOf = <T>(result: PromiseSettledResult<T>, before: Part<T> | undefined): Part<T> => {
  if (result.status === 'fulfilled') return { value: result.value };
  return { ...before, problem: errorLine(result.reason) };
};

/** Fails with the first reason when nothing can be read, and nothing has been before. */
export const createReader = (context: Context): Reader => {
  const api = context.api();
  const get = <T>(path: string): Promise<T> => api.fetch<T>({ method: 'GET', path });
  let heard = new Map<string, number>();
  let before: View | undefined;

  const readCells = async (): Promise<TopCell[]> => {
    const cells = await cellsOf(api);
    const now = context.elapsed();
    const times = cells.map(({ cell_id: id, state }) => (state === null ? heard.get(id) : now));
    heard = new Map(
      cells.flatMap(({ cell_id: id }, at) => {
        const time = times[at];
        return time === undefined ? [] : [[id, time] as const];
      }),
    );
    return cells.map((cell, at) => {
      const time = times[at];
      return { ...cell, heardAgo: time === undefined ? undefined : now - time };
    });
  };

  return async () => {
    const [cells, batches, waiting] = await Promise.allSettled([
      readCells(),
      get<Batches>(`${BASE}/batches?limit=${BATCHES}`),
      get<Waiting>(`/outcry/v1/waiting?limit=${GROUPS}`),
    ]);
    context.interrupted.throwIfAborted();
    const failed = [cells, batches, waiting].flatMap((one) => (one.status === 'rejected' ? [one] : []));
    if (failed.length === 3 && before === undefined) throw failed[0]?.reason;
    before = {
      at: context.now(),
      cells: partOf(cells, before?.cells),
      batches: partOf(batches, before?.batches),
      waiting: partOf(waiting, before?.waiting),
    };
    return before;
  };
};
