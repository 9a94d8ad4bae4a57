import type { BbsEvent } from '../../common/model/events.js';

/** Slots of one process; without indices all there are. */
export interface Work {
  processGuid: string;
  indices?: readonly number[];
}

/**
 * What convergence has to look at: whatever changed since it was last found to be as it should be, and what only
 * time will put right. All else is left alone, so that a pass costs as much as there is to do, and not as much
 * as there is. Marks follow commits; a look takes its marks away, and puts back what is not settled.
 */
export interface Attention {
  /** a change is durable */
  follow(event: BbsEvent): void;
  mark(work: Work): void;
  unmark(work: Work): void;
  /** what is marked now, a piece at a time: what is marked again meanwhile is none of it */
  works(): Generator<Work>;
  markTask(taskGuid: string): void;
  unmarkTask(taskGuid: string): void;
  tasks(): string[];
}

export const createAttention = (): Attention => {
  const processes = new Set<string>();
  const slots = new Map<string, Set<number>>();
  const tasks = new Set<string>();

  const markSlot = (processGuid: string, index: number): void => {
    // all of it is looked at anyhow
    if (processes.has(processGuid)) return;
    const indices = slots.get(processGuid);
    if (indices) indices.add(index);
    else slots.set(processGuid, new Set([index]));
  };

  const unmarkSlots = (processGuid: string, unmarked: readonly number[]): void => {
    const indices = slots.get(processGuid);
    if (!indices) return;
    for (const index of unmarked) indices.delete(index);
    if (indices.size === 0) slots.delete(processGuid);
  };

  return {
    follow(event) {
      switch (event.kind) {
        case 'desired_lrp_created':
        case 'desired_lrp_removed':
          return void processes.add(event.desiredLrp.processGuid);
        case 'desired_lrp_changed':
          return void processes.add(event.after.processGuid);
        case 'actual_lrp_instance_created':
        case 'actual_lrp_instance_removed':
          return markSlot(event.actualLrp.processGuid, event.actualLrp.index);
        case 'actual_lrp_instance_changed':
          return markSlot(event.after.processGuid, event.after.index);
        case 'task_created':
          return void tasks.add(event.task.taskGuid);
        case 'task_changed':
          return void tasks.add(event.after.taskGuid);
        case 'task_removed':
          return void tasks.delete(event.task.taskGuid);
      }
    },
    mark({ processGuid, indices }) {
      if (!indices) processes.add(processGuid);
      else for (const index of indices) markSlot(processGuid, index);
    },
    unmark({ processGuid, indices }) {
      if (indices) return unmarkSlots(processGuid, indices);
      processes.delete(processGuid);
      slots.delete(processGuid);
    },
    *works() {
      const whole = [...processes];
      const some = [...slots.keys()].filter((processGuid) => !processes.has(processGuid));
      for (const processGuid of whole) yield { processGuid };
      for (const processGuid of some) {
        const indices = slots.get(processGuid);
        if (indices) yield { processGuid, indices: [...indices] };
      }
    },
    markTask: (taskGuid) => void tasks.add(taskGuid),
    unmarkTask: (taskGuid) => void tasks.delete(taskGuid),
    tasks: () => [...tasks],
  };
};
