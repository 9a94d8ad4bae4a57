import { createBoundedMap } from './bounded-map.js';

/** What became of the update of a task that came last: its agent sends one after another, each until it is acknowledged. */
interface LastUpdate {
  readonly uuid: string;
  readonly settled: boolean;
}

/** A task that has ended, and what there was to tell of its end. */
interface EndedTask<T, V> extends LastUpdate {
  readonly task: T;
  readonly told?: V;
  /** the BBS could not be told: the next copy of the update is judged as the first was */
  readonly untold: boolean;
}

/** How often an update was seen: not before, before and not answered by the BBS, or before and settled. */
export type Copy = 'first' | 'pending' | 'settled';

/** Which updates were heard and settled, and which tasks have ended. */
export interface TaskUpdates<T, V> {
  /** of a task that has not ended */
  copy(taskId: string, uuid: string): Copy;
  heard(taskId: string, uuid: string): void;
  end(taskId: string, task: T, told?: V): void;
  ended(taskId: string): T | undefined;
  /** of a task that has ended; `told` when what was to be told then is to be told again */
  endedCopy(taskId: string, uuid: string): { copy: Copy; told?: V };
  settled(taskId: string, uuid: string): void;
  unsettled(taskId: string, uuid: string): void;
}

const copyOf = (last: LastUpdate | undefined, uuid: string): Copy => {
  if (last === undefined || uuid === '' || last.uuid !== uuid) return 'first';
  return last.settled ? 'settled' : 'pending';
};

export const createTaskUpdates = <T, V>(mostEnded: number): TaskUpdates<T, V> => {
  const live = new Map<string, LastUpdate>();
  const over = createBoundedMap<EndedTask<T, V>>(mostEnded);

  return {
    copy: (taskId, uuid) => copyOf(live.get(taskId), uuid),
    heard(taskId, uuid) {
      if (uuid !== '') live.set(taskId, { uuid, settled: false });
    },
    end(taskId, task, told) {
      const last = live.get(taskId) ?? { uuid: '', settled: true };
      over.set(taskId, { ...last, task, untold: false, ...(told !== undefined && { told }) });
      live.delete(taskId);
    },
    ended: (taskId) => over.get(taskId)?.task,
    endedCopy(taskId, uuid) {
      const ended = over.get(taskId);
      const copy = copyOf(ended, uuid);
      if (ended?.told === undefined || !ended.untold || copy !== 'pending') return { copy };
      over.set(taskId, { ...ended, untold: false });
      return { copy, told: ended.told };
    },
    settled(taskId, uuid) {
      const ended = over.get(taskId);
      if (ended?.uuid === uuid) over.set(taskId, { task: ended.task, uuid, settled: true, untold: false });
      if (live.get(taskId)?.uuid === uuid) live.set(taskId, { uuid, settled: true });
    },
    unsettled(taskId, uuid) {
      const ended = over.get(taskId);
      if (ended?.uuid === uuid && !ended.settled) over.set(taskId, { ...ended, untold: true });
      if (live.get(taskId)?.uuid === uuid) live.delete(taskId);
    },
  };
};
