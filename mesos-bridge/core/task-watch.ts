import type { TaskState } from './task-status.js';

export interface TaskWatchOptions {
  /** ms without a word of a launched task, after which the master is asked; doubles with each time */
  readonly launchConfirmMs: number;
  /** ms after which a task that has still not started is killed */
  readonly launchTimeoutMs: number;
  /** ms after which an unconfirmed KILL is repeated */
  readonly killRetryMs: number;
  /** ms in which an agent that its master does not know may come back: its `agent_reregister_timeout` */
  readonly unknownGraceMs: number;
}

export const TASK_WATCH_DEFAULTS: TaskWatchOptions = {
  launchConfirmMs: 15_000,
  launchTimeoutMs: 300_000,
  killRetryMs: 30_000,
  unknownGraceMs: 600_000,
};

interface Launch {
  readonly at: number;
  readonly askAt: number;
  readonly waitMs: number;
}

/** Ids, by what is to be done about them. */
export interface DueIds {
  readonly kill: readonly string[];
  readonly reconcile: readonly string[];
  readonly lost: readonly string[];
}

/** What runs out for a task when Mesos says nothing: own timers, never the arrival of the next event. */
export interface TaskWatch {
  launched(id: string, now: number): void;
  killed(id: string, now: number): void;
  heard(id: string, state: TaskState, now: number): void;
  forget(id: string): void;
  due(now: number): DueIds;
}

/** The longest wait between two questions about a launch. */
const LONGEST_WAIT_MS = 120_000;

export const createTaskWatch = (options: TaskWatchOptions): TaskWatch => {
  const launches = new Map<string, Launch>();
  const kills = new Map<string, number>();
  const unknown = new Map<string, number>();

  const dueLaunches = (now: number): { late: string[]; unheard: string[] } => {
    const late: string[] = [];
    const unheard: string[] = [];
    for (const [id, launch] of launches) {
      if (now - launch.at >= options.launchTimeoutMs) late.push(id);
      else if (now >= launch.askAt) {
        unheard.push(id);
        const waitMs = Math.min(launch.waitMs * 2, LONGEST_WAIT_MS);
        launches.set(id, { at: launch.at, askAt: now + waitMs, waitMs });
      }
    }
    return { late, unheard };
  };

  const dueKills = (now: number): string[] => {
    const due = [...kills].filter(([, at]) => now >= at).map(([id]) => id);
    for (const id of due) kills.set(id, now + options.killRetryMs);
    return due;
  };

  return {
    launched(id, now) {
      const waitMs = options.launchConfirmMs;
      launches.set(id, { at: now, askAt: now + waitMs, waitMs });
    },
    killed: (id, now) => void kills.set(id, now + options.killRetryMs),
    heard(id, state, now) {
      if (state !== 'TASK_STAGING') launches.delete(id);
      if (state !== 'TASK_UNKNOWN') unknown.delete(id);
      else if (!unknown.has(id)) unknown.set(id, now + options.unknownGraceMs);
    },
    forget(id) {
      launches.delete(id);
      kills.delete(id);
      unknown.delete(id);
    },
    due(now) {
      const { late, unheard } = dueLaunches(now);
      for (const id of late) {
        launches.delete(id);
        kills.set(id, now + options.killRetryMs);
      }
      const lost = [...unknown].filter(([, at]) => now >= at).map(([id]) => id);
      return { kill: [...late, ...dueKills(now)], reconcile: unheard, lost };
    },
  };
};
