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
}

export const RECONCILIATION_DEFAULTS: ReconciliationOptions = {
  firstWaitMs: 5_000,
  longestWaitMs: 120_000,
  everyMs: 900_000,
  roundMs: 1_200_000,
};

/**
 * When to ask the master what (mesos-v1.md §9): after each subscription and every so often for all known tasks, again
 * and again for those that it says nothing of, and once for all that it knows itself. One round at a time: a new one
 * takes the place of the one before. It is driven by time and by the statuses that come.
 */
export interface Reconciliation {
  /** a subscription has begun: a round with the tasks that are known */
  subscribed(known: Iterable<Question>, now: number): Reconcile[];
  disconnected(): void;
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

const IMPLICIT: Reconcile = { kind: 'implicit', tasks: [] };

export const createReconciliation = (options: ReconciliationOptions): Reconciliation => {
  let round: Round | undefined;
  let nextRound = Infinity;
  let given: Question[] = [];

  const askAgain = (current: Round, now: number): Reconcile[] => {
    current.askAt = now + current.waitMs;
    current.waitMs = Math.min(current.waitMs * 2, options.longestWaitMs);
    return inParts([...current.left.values()]);
  };

  const begin = (known: Iterable<Question>, now: number): Reconcile[] => {
    const left = new Map([...known].map((question) => [question.taskId, question]));
    nextRound = now + options.everyMs;
    round = { began: now, left, askAt: now, waitMs: options.firstWaitMs };
    return [...askAgain(round, now), IMPLICIT];
  };

  const end = (): void => {
    round = undefined;
  };

  return {
    subscribed: begin,
    disconnected() {
      end();
      nextRound = Infinity;
    },
    heard(taskId) {
      if (round?.left.delete(taskId) === true && round.left.size === 0) end();
    },
    ask: inParts,
    due(now, known) {
      if (now >= nextRound) return begin(known(), now);
      if (round === undefined || now < round.askAt) return [];
      if (round.left.size > 0 && now - round.began < options.roundMs) return askAgain(round, now);
      given = [...given, ...round.left.values()];
      end();
      return [];
    },
    nextDue: () => Math.min(round?.askAt ?? Infinity, nextRound),
    unanswered: () => round?.left.size ?? 0,
    abandoned() {
      const told = given;
      given = [];
      return told;
    },
  };
};
