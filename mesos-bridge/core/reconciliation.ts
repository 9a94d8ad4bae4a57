/** A task to ask the master about; with its agent, or the answer is of little use. */
export interface Question {
  readonly taskId: string;
  /** '' = not known */
  readonly agentId: string;
}

/** A RECONCILE to send: an empty list asks for all that the master knows. */
export interface Reconcile {
  readonly kind: 'explicit' | 'implicit';
  readonly tasks: readonly Question[];
}

export interface ReconciliationOptions {
  /** ms after an explicit question until it is asked again; doubles with each time */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** ms between two rounds */
  readonly everyMs: number;
  /** ms after which a round gives up: agents have had their time to register with a new master */
  readonly roundMs: number;
  /**
   * ms after a subscription in which the master is asked again for all that it knows: a new one hears of what runs only
   * from agents, as these register with it
   */
  readonly learningMs: number;
}

export const RECONCILIATION_DEFAULTS: ReconciliationOptions = {
  firstWaitMs: 5_000,
  longestWaitMs: 120_000,
  everyMs: 900_000,
  roundMs: 1_200_000,
  learningMs: 600_000,
};

/**
 * When to ask the master what (mesos-v1.md §9): after each subscription and every so often for all known tasks, again
 * and again for those that it says nothing of, and for all that it knows itself for as long as it may be learning. One
 * round at a time: a new one takes the place of the one before. It is driven by time and by the statuses that come.
 */
export interface Reconciliation {
  /** a subscription has begun: a round with the tasks that are known */
  subscribed(known: Iterable<Question>, now: number): Reconcile[];
  disconnected(): void;
  /** something of ours was seen that was not known: there may be more of it, which the master is soon asked for */
  surprised(now: number): void;
  /** a status has come, of whatever kind: that task is answered for */
  heard(taskId: string): void;
  /** some tasks by themselves, as for a launch that nothing is heard of; no round of its own */
  ask(tasks: readonly Question[]): Reconcile[];
  /** `known`: called when a round begins by time */
  due(now: number, known: () => Iterable<Question>): Reconcile[];
  /** ms, monotonic */
  nextDue(): number;
  /** how many tasks the master has said nothing of in this round */
  unanswered(): number;
  /** tasks that the latest round gave up on; told once */
  abandoned(): Question[];
}

interface Round {
  readonly began: number;
  readonly left: Map<string, Question>;
  askAt: number;
  waitMs: number;
}

/** More in one call would make a message of megabytes. */
const MOST_AT_ONCE = 5_000;

const inParts = (tasks: readonly Question[]): Reconcile[] =>
  Array.from({ length: Math.ceil(tasks.length / MOST_AT_ONCE) }, (_, at) => ({
    kind: 'explicit',
    tasks: tasks.slice(at * MOST_AT_ONCE, (at + 1) * MOST_AT_ONCE),
  }));

/** ms in which what else is unknown shows, too: one question does for all */
const SOON_MS = 1_000;

const IMPLICIT: Reconcile = { kind: 'implicit', tasks: [] };

export const createReconciliation = (options: ReconciliationOptions): Reconciliation => {
  let round: Round | undefined;
  let nextRound = Infinity;
  /** when all is asked for again that the master knows; `until` when for no other reason than that it may be learning */
  let learning = { askAt: Infinity, waitMs: 0, until: 0 };
  let given: Question[] = [];

  const askAgain = (current: Round, now: number): Reconcile[] => {
    current.askAt = now + current.waitMs;
    current.waitMs = Math.min(current.waitMs * 2, options.longestWaitMs);
    return inParts([...current.left.values()]);
  };

  const begin = (known: Iterable<Question>, now: number): Reconcile[] => {
    const left = new Map([...known].map((question) => [question.taskId, question]));
    nextRound = now + options.everyMs;
    const { firstWaitMs, learningMs } = options;
    learning = { askAt: now + firstWaitMs, waitMs: firstWaitMs, until: now + learningMs };
    round = { began: now, left, askAt: now, waitMs: options.firstWaitMs };
    return [...askAgain(round, now), IMPLICIT];
  };

  const learn = (now: number): Reconcile[] => {
    if (now < learning.askAt) return [];
    const waitMs = Math.min(learning.waitMs * 2, options.longestWaitMs);
    const { until } = learning;
    learning = { askAt: now + waitMs > until ? Infinity : now + waitMs, waitMs, until };
    return [IMPLICIT];
  };

  const end = (): void => {
    round = undefined;
  };

  const dueRound = (now: number): Reconcile[] => {
    if (round === undefined || now < round.askAt) return [];
    if (round.left.size > 0 && now - round.began < options.roundMs) return askAgain(round, now);
    given = [...given, ...round.left.values()];
    end();
    return [];
  };

  return {
    subscribed: begin,
    disconnected() {
      end();
      nextRound = Infinity;
      learning = { ...learning, askAt: Infinity };
    },
    surprised(now) {
      if (nextRound < Infinity) learning = { ...learning, askAt: Math.min(learning.askAt, now + SOON_MS) };
    },
    heard(taskId) {
      if (round?.left.delete(taskId) === true && round.left.size === 0) end();
    },
    ask: inParts,
    due(now, known) {
      if (now >= nextRound) return begin(known(), now);
      return [...dueRound(now), ...learn(now)];
    },
    nextDue: () => Math.min(round?.askAt ?? Infinity, nextRound, learning.askAt),
    unanswered: () => round?.left.size ?? 0,
    abandoned() {
      const told = given;
      given = [];
      return told;
    },
  };
};
