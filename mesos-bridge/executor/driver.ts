/** Between Mesos's agent and the rep: what the one wants the other does, and what it does the other hears. */
import type { Work } from '../../common/model/auction.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { KnownExecutorEvent } from '../protocol/events.js';
import type { ExecutorClient, ExecutorHandlers } from '../protocol/executor/client.js';
import type { Earlier } from '../protocol/executor/unacknowledged.js';
import type { ExecutorEventKill, TaskInfo } from '../protocol/messages.js';
import type { Happening } from './core/task-life.js';
import type { Room } from './core/needs.js';
import { createTaskBook } from './task-book.js';
import type { Held, TaskBook } from './task-book.js';
import type { TaskNotes } from './task-notes.js';
import { graceOf, readTask } from './work-of-task.js';
import type { LaunchedWork } from './work-of-task.js';

/** The rep, as its driver sees it. */
export interface DrivenRep {
  /** why no work is taken now; '' = it is */
  whyClosed(): string;
  /** exactly one piece of work; '' = taken, else why not */
  perform(work: Pick<Work, 'traceId' | 'lrps' | 'tasks'>): string;
  has(guid: string): boolean;
  /** `graceMs`: between SIGTERM and SIGKILL; the cell's own when undefined */
  stop(guid: string, cause: 'withdrawn' | 'shutdown', graceMs: number | undefined): void;
  /** asks for replacements, and lets what is here go when they run */
  evacuate(): void;
}

/** The executor's side of the agent's API; it is not started yet. */
export type ConnectAgent = (handlers: ExecutorHandlers, earlier: Earlier) => ExecutorClient;

export interface DriverOptions {
  connect: ConnectAgent;
  notes: TaskNotes;
  /** ms between SHUTDOWN and the end of the executor's container */
  shutdownGraceMs: number;
  /** ms between SIGTERM and SIGKILL, where nobody says otherwise */
  graceMs: number;
  /** the framework checkpoints: an agent that does not come back in time is mourned by evacuating, not by ending at once */
  recovers: boolean;
  clock: Clock;
  logger: Logger;
}

export interface Driver {
  /** what an earlier life of the executor has left; before the rep starts */
  load(): Promise<void>;
  /** the rep has adopted its containers: the agent may be spoken to */
  start(rep: DrivenRep): void;
  /** drains as SHUTDOWN does, if nobody has asked for it before */
  stop(): Promise<void>;
  /** the rep's watcher */
  changed(container: { readonly guid: string }, change: Happening): void;
  /** the rep's state has changed: what waits for it may be taken now */
  repChanged(): void;
  /** the rep's grants */
  room(): Room;
  hostPorts(guid: string): readonly number[] | undefined;
  tasks(): number;
  /** resolves when there is nothing left to be done but to end */
  readonly done: Promise<void>;
}

/** ms that work waits for a rep that takes none yet: another executor's presence may have to run out first */
export const READY_WAIT_MS = 45_000;

/** ms of the agent's grace that are not the containers': routes, the BBS and the last statuses take their time */
export const SHUTDOWN_MARGIN_MS = 3_000;
/** ms before the agent's grace is over at which the executor ends in any case */
const LAST_MOMENT_MS = 500;

/** ms that the last acknowledgements may take */
const ACKNOWLEDGED_MS = 5_000;

/** ms between looks at what waits for the rep */
const ROUND_MS = 1_000;

interface Driving extends DriverOptions {
  readonly book: TaskBook;
  rep: DrivenRep | undefined;
  /** of work that the rep has not been asked for yet: until when, ms, monotonic */
  readonly waiting: Map<Held, number>;
  /** why it takes nothing any more; '' = it does */
  leaving: string;
  /** its containers have been told to end */
  shutting: boolean;
  /** there from `load` on */
  agent: ExecutorClient | undefined;
  /** what the scheduler was told last */
  saidClosed: string | undefined;
  finish(): void;
}

const drop = (driving: Driving, held: Held, reason: string): void => {
  driving.waiting.delete(held);
  driving.logger.warn('work-dropped', { taskId: held.taskId, reason });
  driving.book.happened(held, { state: 'ended', end: { how: 'dropped', reason } });
};

/** Of work that has no container: it ends here and now. */
const withdraw = (driving: Driving, held: Held, cause: string): void => {
  driving.waiting.delete(held);
  driving.book.happened(held, { state: 'stopping', cause });
  driving.book.happened(held, { state: 'ended', end: { how: 'stopped', reason: '' } });
};

const perform = (driving: Driving, rep: DrivenRep, held: Held, work: LaunchedWork): void => {
  driving.waiting.delete(held);
  const refused = rep.perform(work.work);
  if (refused !== '') drop(driving, held, refused);
  // taken up under this placement before, by a container that has ended: there will be no other
  else if (!rep.has(work.guid)) drop(driving, held, 'its placement was taken up before');
};

/** Gives the rep what waits for it, or up. */
const attend = (driving: Driving): void => {
  const { clock, rep, waiting } = driving;
  if (rep === undefined) return;
  for (const [held, until] of [...waiting]) {
    const closed = rep.whyClosed();
    if (held.work === undefined) continue;
    if (closed === '') perform(driving, rep, held, held.work);
    else if (clock.monotonic() >= until) drop(driving, held, closed);
  }
};

const wait = (driving: Driving, held: Held): void => {
  driving.waiting.set(held, driving.clock.monotonic() + READY_WAIT_MS);
};

/** It is in the book, and Mesos is told so, before the rep hears of it: nothing that the rep says can come too early. */
const launch = (driving: Driving, task: TaskInfo): void => {
  const { book, leaving, logger } = driving;
  const { value: taskId } = task.taskId;
  if (book.held(taskId) !== undefined) return logger.warn('task-launched-twice', { taskId });
  const read = readTask(task);
  const other = read.ok ? book.ofGuid(read.value.guid) : undefined;
  const held = book.open(task, read.ok && other === undefined ? read.value : undefined);
  logger.info('launch', { taskId });
  if (!read.ok) return drop(driving, held, read.error);
  if (other !== undefined) return drop(driving, held, `it is here already as the task ${other.taskId}`);
  if (leaving !== '') return drop(driving, held, leaving);
  book.tell(held, { state: 'TASK_STARTING' });
  wait(driving, held);
  attend(driving);
};

const stopOne = (
  driving: Driving,
  held: Held,
  cause: 'withdrawn' | 'shutdown',
  graceMs: number | undefined,
): void => {
  const { book, rep, waiting } = driving;
  const guid = held.work?.guid;
  if (guid === undefined || waiting.has(held) || rep === undefined || !rep.has(guid))
    return withdraw(driving, held, cause);
  book.happened(held, { state: 'stopping', cause });
  rep.stop(guid, cause, graceMs);
};

const kill = (driving: Driving, { taskId: { value: taskId }, killPolicy }: ExecutorEventKill): void => {
  const { book, logger } = driving;
  const held = book.held(taskId);
  logger.info('kill', { taskId, known: held !== undefined });
  // of one that has ended the agent is told again anyway, until it acknowledges
  if (held === undefined || held.life.phase === 'ended') return;
  stopOne(driving, held, 'withdrawn', graceOf(killPolicy) ?? held.work?.killGraceMs);
};

/** The agent is to know of the last end, as far as it is there. */
const finishWhenEmpty = (driving: Driving): void => {
  const { agent, book, leaving } = driving;
  if (leaving === '' || book.alive().length > 0) return;
  if (!agent?.subscribed()) return driving.finish();
  void agent.drained(ACKNOWLEDGED_MS).then(driving.finish);
};

/** Ends everything, within the grace that the agent gives, tells it, and then the executor itself. */
const shutDown = (driving: Driving, reason: string): void => {
  const { book, clock, graceMs, logger, shutdownGraceMs } = driving;
  if (driving.shutting) return;
  driving.shutting = true;
  driving.leaving ||= reason;
  const grace = Math.max(0, Math.min(graceMs, shutdownGraceMs - SHUTDOWN_MARGIN_MS));
  logger.info('shutting-down', { reason, tasks: book.alive().length, graceMs: grace });
  for (const held of book.alive()) stopOne(driving, held, 'shutdown', grace);
  clock.after(Math.max(0, shutdownGraceMs - LAST_MOMENT_MS), driving.finish);
  finishWhenEmpty(driving);
};

/** Tells the scheduler when the rep begins or ceases to take work: nothing is launched on one that does not. */
const sayClosed = (driving: Driving): void => {
  const { agent, rep } = driving;
  const closed = driving.leaving || rep?.whyClosed();
  if (!agent?.subscribed() || closed === undefined || closed === driving.saidClosed) return;
  driving.saidClosed = closed;
  void agent.message(Buffer.from(JSON.stringify({ kind: 'cell', closed })));
};

const hear = (driving: Driving, event: KnownExecutorEvent): void => {
  const { book, logger } = driving;
  switch (event.type) {
    case 'SUBSCRIBED':
      driving.saidClosed = undefined;
      return sayClosed(driving);
    case 'LAUNCH':
      return launch(driving, event.launch.task);
    // the bridge launches none; what is told as several tasks is several tasks here, of which none needs the others
    case 'LAUNCH_GROUP':
      return event.launchGroup.taskGroup.tasks.forEach((task) => launch(driving, task));
    case 'KILL':
      return kill(driving, event.kill);
    case 'ACKNOWLEDGED':
      return book.acknowledged(event.acknowledged.taskId.value, event.acknowledged.uuid);
    case 'SHUTDOWN':
      return shutDown(driving, 'the agent has asked for it');
    default:
      logger.debug('event-ignored', { type: event.type });
  }
};

const handlersOf = (driving: Driving): ExecutorHandlers => ({
  onEvent: (event) => hear(driving, event),
  onLost: () => finishWhenEmpty(driving),
  onGone({ message }) {
    const { book, logger, recovers } = driving;
    logger.error('agent-gone', { reason: message, tasks: book.alive().length });
    // its tasks are lost to Mesos, and run: they go when others run in their place
    if (!recovers || book.alive().length === 0) return shutDown(driving, message);
    driving.leaving ||= message;
    driving.rep?.evacuate();
  },
});

/** What an earlier life has left: work that it had not begun is begun, what has no container any more has ended. */
const goOn = (driving: Driving, rep: DrivenRep): void => {
  const { book } = driving;
  for (const held of book.alive()) {
    if (held.work === undefined) drop(driving, held, 'there is no sense in it');
    else if (rep.has(held.work.guid)) continue;
    else if (held.life.phase === 'launched') wait(driving, held);
    else if (held.life.phase === 'killing') withdraw(driving, held, 'withdrawn');
    else
      book.happened(held, {
        state: 'ended',
        end: { how: 'failed', reason: 'its container was gone when the executor was started again' },
      });
  }
};

export const createDriver = (options: DriverOptions): Driver => {
  const { clock, connect, logger } = options;
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (finish = resolve));
  let agent: ExecutorClient | undefined;
  const book = createTaskBook({
    ...options,
    send(status) {
      if (agent === undefined) throw new Error('a task is told of before its agent is known');
      return agent.update(status);
    },
  });
  const driving: Driving = {
    ...options,
    book,
    rep: undefined,
    waiting: new Map(),
    leaving: '',
    shutting: false,
    agent: undefined,
    saidClosed: undefined,
    finish,
  };
  let cancel: Cancel = () => undefined;
  return {
    async load() {
      agent = connect(handlersOf(driving), await book.load());
      driving.agent = agent;
    },
    start(rep) {
      driving.rep = rep;
      goOn(driving, rep);
      agent?.start();
      cancel = clock.every(ROUND_MS, () => attend(driving));
    },
    async stop() {
      shutDown(driving, 'the executor was told to end');
      await done;
      cancel();
      agent?.close();
    },
    changed({ guid }, change) {
      const held = book.ofGuid(guid);
      // nobody at Mesos has asked for it, and nobody there is told
      if (held === undefined)
        return logger.warn('change-of-foreign-container', { guid, state: change.state });
      book.happened(held, change);
      finishWhenEmpty(driving);
    },
    repChanged() {
      attend(driving);
      sayClosed(driving);
    },
    room: book.room,
    hostPorts: (guid) => book.ofGuid(guid)?.work?.hostPorts,
    tasks: () => book.alive().length,
    done,
  };
};
