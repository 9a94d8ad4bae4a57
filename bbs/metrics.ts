import type { BbsEvent } from '../common/model/events.js';
import { DURATION_BUCKETS_NS } from '../common/ports/metrics.js';
import type { Metrics, Readings } from '../common/ports/metrics.js';
import type { Observation } from './controllers/observation.js';
import type { Found } from './controllers/convergence.js';
import { registerStreams } from './metrics-streams.js';
import type { StreamMetrics, WindowReading } from './metrics-streams.js';

/** What is told of a BBS's work as it does it. */
export interface BbsMetrics {
  /** a call over HTTP has been answered, after so many ms */
  answered(route: string, ms: number): void;
  /** a call over HTTP has been turned away because too many are in hand */
  refused(route: string): void;
  /** a pass over all LRPs, or all tasks, is done */
  convergedLrps(found: Found, ms: number): void;
  convergedTasks(ms: number): void;
  /** tasks that convergence removed, and tasks that it moved on */
  tasksConverged(count: { pruned: number; kicked: number }): void;
  /** a change is durable */
  committed(event: BbsEvent): void;
  /** this BBS has come to own its store */
  elected(): void;
  streams: StreamMetrics;
  /** whoever wanted a task has answered its callback, or is left to convergence */
  callback(answered: boolean): void;
  /** changes go to the store; what is told afterwards ends them, after so many ms */
  storing(): (stored: boolean, ms: number) => void;
}

/** What is asked of a BBS when somebody looks. */
export interface BbsSources {
  /** ms for which it has owned its store and answered; undefined while it does not */
  servedMs(): number | undefined;
  /** undefined while it owns no store */
  observation(): Observation | undefined;
  eventWindow: WindowReading;
}

const NS_PER_MS = 1e6;

const BOARD = {
  LRPsDesired: { help: 'Instances of LRPs that are desired.' },
  LRPsUnclaimed: { help: 'Instances that wait for a place.' },
  LRPsClaimed: { help: 'Instances that a cell has claimed and is starting.' },
  LRPsRunning: { help: 'Instances that run; suspect ones are counted apart.' },
  CrashedActualLRPs: { help: 'Instances that crashed, and wait for their restart or get none.' },
  CrashingDesiredLRPs: { help: 'Desired LRPs of which at least one instance is crashed.' },
  SuspectRunningActualLRPs: { help: 'Running instances on cells that are gone, not replaced yet.' },
  SuspectClaimedActualLRPs: { help: 'Claimed instances on cells that are gone, not replaced yet.' },
  PresentCells: { help: 'Cells whose presence is held.' },
  SuspectCells: { help: 'Cells that are gone and still hold suspect instances.' },
  TasksPending: { help: 'Tasks that wait for a place.' },
  TasksRunning: { help: 'Tasks that run on a cell.' },
  TasksCompleted: { help: 'Tasks that have ended, and of which whoever wanted them has not taken note.' },
  TasksResolving: { help: 'Ended tasks of which somebody is taking note.' },
  Domain: {
    help: '1 for each domain that is fresh: what it desires is known completely.',
    labels: ['domain'],
  },
} as const;

const boardOf = ({ desired, lrps, tasks, ...rest }: Observation): Readings<keyof typeof BOARD> => ({
  LRPsDesired: desired,
  LRPsUnclaimed: lrps.unclaimed,
  LRPsClaimed: lrps.claimed,
  LRPsRunning: lrps.running,
  CrashedActualLRPs: lrps.crashed,
  CrashingDesiredLRPs: lrps.crashingProcesses,
  SuspectRunningActualLRPs: lrps.suspectRunning,
  SuspectClaimedActualLRPs: lrps.suspectClaimed,
  PresentCells: rest.presentCells,
  SuspectCells: lrps.suspectCells,
  TasksPending: tasks.Pending,
  TasksRunning: tasks.Running,
  TasksCompleted: tasks.Completed,
  TasksResolving: tasks.Resolving,
  Domain: rest.freshDomains.map((domain) => ({ labels: { domain }, value: 1 })),
});

const registerState = (metrics: Metrics, sources: BbsSources): void => {
  const state = {
    LockHeld: { help: '1 while this BBS owns its store and answers.' },
    LockHeldDuration: { help: 'How long it has owned its store.', unit: 'ns' },
  } as const;
  metrics.gauges(state, () => {
    const ms = sources.servedMs();
    return {
      LockHeld: Number(ms !== undefined),
      LockHeldDuration: ms === undefined ? undefined : ms * NS_PER_MS,
    };
  });
  metrics.gauges(BOARD, () => {
    const observation = sources.observation();
    return observation ? boardOf(observation) : {};
  });
};

const registerRequests = (metrics: Metrics) => {
  const count = metrics.counter('RequestCount', {
    help: 'Calls over HTTP that were answered, refusals included.',
    labels: ['route'],
  });
  const latency = metrics.histogram('RequestLatency', {
    help: 'Time from a call over HTTP to its answer.',
    unit: 'ns',
    labels: ['route'],
    buckets: DURATION_BUCKETS_NS,
  });
  return (route: string, ms: number): void => {
    count.increment({ route });
    latency.observe(ms * NS_PER_MS, { route });
  };
};

const registerConvergence = (metrics: Metrics) => {
  const pass = (what: string, name: string) => {
    const runs = metrics.counter(`${name}Runs`, { help: `Convergence passes over all ${what}.` });
    const help = `Time of a convergence pass over all ${what}.`;
    const buckets = DURATION_BUCKETS_NS;
    const duration = metrics.histogram(`${name}Duration`, { help, unit: 'ns', buckets });
    return (ms: number): void => {
      runs.increment();
      duration.observe(ms * NS_PER_MS);
    };
  };
  const [lrps, tasks] = [pass('LRPs', 'ConvergenceLRP'), pass('tasks', 'ConvergenceTask')];
  const pruned = metrics.counter('ConvergenceTasksPruned', { help: 'Tasks that convergence removed.' });
  const kicked = metrics.counter('ConvergenceTasksKicked', {
    help: 'Tasks that convergence moved on: asked a place for again, failed, or completed anew.',
  });
  let found: Found | undefined;
  const family = {
    LRPsMissing: { help: 'Desired instances without a row, as the last pass found it, and mended it.' },
    LRPsExtra: { help: 'Instances that nobody desires, as the last pass found them, and retired them.' },
  };
  metrics.gauges(family, () => ({ LRPsMissing: found?.missing, LRPsExtra: found?.extra }));
  return {
    convergedLrps(nowFound: Found, ms: number): void {
      found = nowFound;
      lrps(ms);
    },
    convergedTasks: tasks,
    tasksConverged(count: { pruned: number; kicked: number }): void {
      pruned.increment({}, count.pruned);
      kicked.increment({}, count.kicked);
    },
  };
};

const registerTasks = (metrics: Metrics) => {
  const counter = (name: string, help: string) => metrics.counter(name, { help, labels: ['cell_id'] });
  const started = counter('TasksStarted', 'Tasks that a cell began.');
  const succeeded = counter('TasksSucceeded', 'Tasks that ended well.');
  const failed = counter('TasksFailed', 'Tasks that failed; without a cell when none had begun them.');
  return (event: BbsEvent): void => {
    if (event.kind !== 'task_changed' || event.before.state === event.after.state) return;
    const { before, after } = event;
    if (after.state === 'Running') started.increment({ cell_id: after.cellId });
    // one whose resolving took too long becomes Completed once more
    if (after.state !== 'Completed' || before.state === 'Resolving') return;
    (after.failed ? failed : succeeded).increment({ cell_id: before.cellId });
  };
};

/** Diego's names of what its database does; here one query is one commit of the store. */
const registerStore = (metrics: Metrics) => {
  const succeeded = metrics.counter('DBQueriesSucceeded', { help: 'Commits that were stored.' });
  const failed = metrics.counter('DBQueriesFailed', {
    help: 'Commits of which nothing was stored, or of which it is not known.',
  });
  const total = metrics.counter('DBQueriesTotal', { help: 'Commits that went to the store.' });
  const duration = metrics.histogram('DBQueryDurationMax', {
    help: 'Time in which the store took, or refused, a commit.',
    unit: 'ns',
    buckets: DURATION_BUCKETS_NS,
  });
  let inFlight = 0;
  const family = { DBQueriesInFlight: { help: 'Commits that the store has not answered yet.' } };
  metrics.gauges(family, () => ({ DBQueriesInFlight: inFlight }));
  return () => {
    total.increment();
    inFlight += 1;
    return (stored: boolean, ms: number): void => {
      inFlight -= 1;
      (stored ? succeeded : failed).increment();
      duration.observe(ms * NS_PER_MS);
    };
  };
};

const registerCallbacks = (metrics: Metrics) => {
  const answered = metrics.counter('TaskCallbacksSucceeded', {
    help: 'Completion callbacks of tasks that were answered.',
  });
  const unanswered = metrics.counter('TaskCallbacksFailed', {
    help: 'Completion callbacks of tasks that failed at every attempt, and are left to convergence.',
  });
  return (isAnswered: boolean): void => (isAnswered ? answered : unanswered).increment();
};

/** Crashes by the moment; how many are crashed now is one of the board's numbers. */
const registerCrashes = (metrics: Metrics) => {
  const crashes = metrics.counter('ActualLRPCrashes', { help: 'Crashes of instances that cells told of.' });
  return (event: BbsEvent): void => {
    if (event.kind === 'actual_lrp_crashed') crashes.increment();
  };
};

/** Registers what a BBS measures. */
export const createBbsMetrics = (metrics: Metrics, sources: BbsSources): BbsMetrics => {
  registerState(metrics, sources);
  const [tasks, crashes] = [registerTasks(metrics), registerCrashes(metrics)];
  const elected = metrics.counter('BBSMasterElected', { help: 'Times that this BBS came to own its store.' });
  const turnedAway = metrics.counter('RequestsTurnedAway', {
    help: 'Calls over HTTP that were turned away because too many were in hand.',
    labels: ['route'],
  });
  return {
    answered: registerRequests(metrics),
    refused: (route) => turnedAway.increment({ route }),
    ...registerConvergence(metrics),
    committed(event) {
      tasks(event);
      crashes(event);
    },
    callback: registerCallbacks(metrics),
    storing: registerStore(metrics),
    elected: () => elected.increment(),
    streams: registerStreams(metrics, () => sources.eventWindow()),
  };
};
