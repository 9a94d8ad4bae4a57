import { createBackOff } from './agent-back-off.js';
import type { BackOffOptions } from './agent-back-off.js';
import { createBoundedMap } from './bounded-map.js';
import type { Resources } from './resources.js';
import { NO_RESOURCES } from './resources.js';

/**
 * `launching`: sent with a first task, and not heard of yet. `living`: heard of. `unknown`: it lives, and with which
 * ExecutorInfo is not known. `leaving`: told to go.
 */
export type ExecutorState = 'launching' | 'living' | 'unknown' | 'leaving';

export interface Executor {
  readonly id: string;
  readonly agentId: string;
  readonly state: ExecutorState;
  /** its own, as its ExecutorInfo says, with the role of its first launch; nothing while `unknown` */
  readonly resources: Resources;
  /** of the offers that it was launched with: what its tasks are taken from later may be of another */
  readonly role: string;
  /** ms, monotonic: in this state since then */
  readonly since: number;
  /** ms, monotonic: without a task since then; undefined while it has one */
  readonly idleSince?: number;
}

export type NewExecutor = Pick<Executor, 'id' | 'agentId' | 'resources' | 'role'>;

export interface ExecutorOptions extends BackOffOptions {
  /** ms without a task after which it is told to go */
  readonly idleMs: number;
  /** so many stay although they are idle */
  readonly minimumWarm: number;
  /** ms in which a launched one must be heard of; longer than the agent's own time-out */
  readonly registrationMs: number;
  /** ms after which one that was told to go and is still there is told again */
  readonly leaveRetryMs: number;
  /** called with the agent whose executors have changed */
  readonly onChange?: (agentId: string) => void;
}

export const EXECUTOR_DEFAULTS: ExecutorOptions = {
  idleMs: 60_000,
  minimumWarm: 0,
  registrationMs: 150_000,
  leaveRetryMs: 30_000,
  backOffMs: 5_000,
  longestBackOffMs: 300_000,
};

/** What forbids to let executors go just now. */
export interface ReleaseContext {
  /** work waits for a place: a warm executor is one */
  readonly demandWaits: boolean;
  /** agents that work was chosen for, and is not launched yet */
  readonly inFlight: ReadonlySet<string>;
}

export interface DueExecutors {
  /** to be told to go (SHUTDOWN), the first time or again */
  readonly leave: readonly Executor[];
  /** of those, the ones that never were heard of: their agent rests */
  readonly unheard: readonly Executor[];
}

/**
 * The executors of this framework: at most one per agent takes work, since it is the rep of that agent's cell. They go
 * on the bridge's word only.
 */
export interface ExecutorBook {
  launched(executor: NewExecutor, now: number): void;
  /** a status, an enrolment or a message of it has come; with its own resources where they are told */
  heard(id: string, agentId: string, now: number, info?: Pick<NewExecutor, 'resources' | 'role'>): void;
  /** it has begun a task that was launched only now, or is in sight again: it lives, even if its id has ended before */
  began(id: string, agentId: string, now: number): void;
  /** a new offer names all of its agent: those that were heard of before and are not among them have gone */
  seen(agentId: string, ids: readonly string[], now: number): void;
  /** how many tasks it has by now */
  tasks(id: string, count: number, now: number): void;
  /** it has ended; one that was never heard of makes its agent rest */
  exited(id: string, now: number): void;
  /** its launch was never sent */
  abandon(id: string): void;
  /** the agent has gone, with all of them */
  agentGone(agentId: string): void;
  /** tells it to go; false when it is not there */
  release(id: string, now: number): boolean;
  /** the one that new tasks of that agent go to, or whose end is waited for */
  on(agentId: string): Executor | undefined;
  /** ms, monotonic: until when no executor is started on that agent; undefined = it may be */
  restsUntil(agentId: string, now: number): number | undefined;
  due(now: number, context: ReleaseContext): DueExecutors;
  get(id: string): Executor | undefined;
  all(): Iterable<Executor>;
}

/** Executors out of sight whose own resources are remembered. */
const MOST_REMEMBERED = 10_000;

const canTake = ({ state }: Executor): boolean => state === 'launching' || state === 'living';

/** Of several on one agent the one that is about to go decides: two reps of one cell must not be. */
const rank = ({ state }: Executor): number => ['leaving', 'unknown', 'launching', 'living'].indexOf(state);

const longestIdleFirst = (a: Executor, b: Executor): number =>
  (a.idleSince ?? 0) - (b.idleSince ?? 0) || (a.id < b.id ? -1 : 1);

/** Executors by id and agent. */
const createShelf = (onChange: (agentId: string) => void) => {
  const executors = new Map<string, Executor>();
  const agents = new Map<string, Set<string>>();
  return {
    executors,
    put(executor: Executor): void {
      executors.set(executor.id, executor);
      const ids = agents.get(executor.agentId) ?? new Set();
      agents.set(executor.agentId, ids.add(executor.id));
      onChange(executor.agentId);
    },
    remove(id: string): void {
      const executor = executors.get(id);
      if (executor === undefined) return;
      executors.delete(id);
      const ids = agents.get(executor.agentId);
      ids?.delete(id);
      if (ids?.size === 0) agents.delete(executor.agentId);
      onChange(executor.agentId);
    },
    on: (agentId: string): Executor[] =>
      [...(agents.get(agentId) ?? [])].flatMap((id) => executors.get(id) ?? []),
  };
};

type Shelf = ReturnType<typeof createShelf>;

/** Idle for long enough, and more than are to stay warm: one whose configuration is not known is no use as such. */
const idleOnes = (
  { executors }: Shelf,
  now: number,
  { idleMs, minimumWarm }: ExecutorOptions,
  inFlight: ReadonlySet<string>,
): Executor[] => {
  const all = [...executors.values()];
  const isIdle = ({ agentId, idleSince }: Executor): boolean =>
    idleSince !== undefined && now - idleSince >= idleMs && !inFlight.has(agentId);
  const idle = all.filter(({ state }) => state === 'living').filter(isIdle);
  const most = Math.max(0, all.filter(canTake).length - minimumWarm);
  return [
    ...all.filter(({ state }) => state === 'unknown').filter(isIdle),
    ...idle.sort(longestIdleFirst).slice(0, most),
  ];
};

const unheardOnes = ({ executors }: Shelf, now: number, { registrationMs }: ExecutorOptions): Executor[] =>
  [...executors.values()].filter(
    ({ state, since }) => state === 'launching' && now - since >= registrationMs,
  );

const lingering = ({ executors }: Shelf, now: number, { leaveRetryMs }: ExecutorOptions): Executor[] =>
  [...executors.values()].filter(({ state, since }) => state === 'leaving' && now - since >= leaveRetryMs);

/** Who is heard of, and who has ended or gone out of sight. */
const createHearing = (shelf: Shelf, onLife: (agentId: string) => void) => {
  const { executors } = shelf;
  /** of those that went out of sight: they come back as what they were */
  const remembered = createBoundedMap<Pick<Executor, 'resources' | 'role'>>(MOST_REMEMBERED);
  /** what comes late from one that has ended does not bring it back */
  const ended = createBoundedMap<true>(MOST_REMEMBERED);

  const heard: ExecutorBook['heard'] = (id, agentId, now, info = remembered.get(id)) => {
    const known = executors.get(id);
    if (known?.state === 'living' || known?.state === 'leaving' || ended.get(id) === true) return;
    if (known === undefined && info === undefined) {
      shelf.put({
        id,
        agentId,
        state: 'unknown',
        since: now,
        role: '',
        resources: NO_RESOURCES,
        idleSince: now,
      });
    } else if (info !== undefined || known?.state === 'launching') {
      const before = known ?? { resources: NO_RESOURCES, role: '', idleSince: now };
      shelf.put({ ...before, ...info, id, agentId, state: 'living', since: now });
      onLife(agentId);
    }
  };
  /** a launch that crossed its end has made it anew */
  const began = (id: string, agentId: string, now: number): void => {
    ended.delete(id);
    heard(id, agentId, now);
  };
  const goOutOfSight = ({ id, state, resources, role }: Executor): void => {
    if (state !== 'unknown') remembered.set(id, { resources, role });
    shelf.remove(id);
  };
  const exit = (executor: Executor): void => {
    ended.set(executor.id, true);
    goOutOfSight(executor);
  };

  return {
    heard,
    began,
    exit,
    goOutOfSight,
    seen(agentId: string, ids: readonly string[], now: number): void {
      for (const id of ids) if (executors.get(id)?.state !== 'launching') began(id, agentId, now);
      const gone = shelf.on(agentId).filter(({ id, state }) => state !== 'launching' && !ids.includes(id));
      gone.forEach(exit);
    },
  };
};

export const createExecutorBook = (options: ExecutorOptions): ExecutorBook => {
  const shelf = createShelf(options.onChange ?? (() => undefined));
  const backOff = createBackOff(options);
  const { heard, began, seen, exit, goOutOfSight } = createHearing(shelf, backOff.reset);
  const { executors } = shelf;

  const leave = (executor: Executor, now: number): Executor => {
    const leaving: Executor = { ...executor, state: 'leaving', since: now };
    shelf.put(leaving);
    return leaving;
  };

  return {
    launched: (executor, now) =>
      shelf.put({
        id: executor.id,
        agentId: executor.agentId,
        resources: executor.resources,
        role: executor.role,
        state: 'launching',
        since: now,
      }),
    heard,
    began,
    seen,
    tasks(id, count, now) {
      const executor = executors.get(id);
      if (executor === undefined || (executor.idleSince === undefined) === count > 0) return;
      const { idleSince: _, ...busy } = executor;
      shelf.put(count > 0 ? busy : { ...busy, idleSince: now });
    },
    exited(id, now) {
      const executor = executors.get(id);
      if (executor?.state === 'launching') backOff.failed(executor.agentId, now);
      if (executor !== undefined) exit(executor);
    },
    abandon: shelf.remove,
    agentGone(agentId) {
      shelf.on(agentId).forEach(goOutOfSight);
      backOff.reset(agentId);
    },
    release(id, now) {
      const executor = executors.get(id);
      if (executor !== undefined) leave(executor, now);
      return executor !== undefined;
    },
    on: (agentId) => shelf.on(agentId).sort((a, b) => rank(a) - rank(b))[0],
    restsUntil: backOff.until,
    due(now, { demandWaits, inFlight }) {
      const unheard = unheardOnes(shelf, now, options);
      for (const { agentId } of unheard) backOff.failed(agentId, now);
      const again = lingering(shelf, now, options);
      const idle = demandWaits ? [] : idleOnes(shelf, now, options, inFlight);
      return { leave: [...unheard, ...again, ...idle].map((one) => leave(one, now)), unheard };
    },
    get: (id) => executors.get(id),
    all: () => executors.values(),
  };
};
