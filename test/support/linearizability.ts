/**
 * Whether what callers saw of one key can be explained by one order of operations, each taking effect at one moment
 * between its call and its answer: linearizability (Herlihy and Wing), checked just in time (Lowe, "Testing for
 * linearizability", 2017): an operation is put into the order when its answer, or that of one after it, asks for it.
 */

export interface Operation<In, Out> {
  readonly input: In;
  /** ms, on the clock of whoever called */
  readonly called: number;
  /** ms; by then it has taken effect, or never will */
  readonly ended: number;
  /** undefined: cut off. It may have taken effect, with whatever answer, or not */
  readonly output: Out | undefined;
}

export interface Model<State, In, Out> {
  /** states in which the operation may leave the key; with an output only those in which it answers so */
  step(state: State, input: In, output: Out | undefined): readonly State[];
  /** equal for states that no operation tells apart */
  fingerprint(state: State): string;
}

export type Verdict<State, In, Out> =
  | { explained: true; states: readonly State[] }
  /** `at` cannot have been answered so, in whatever order `beside` took effect */
  | {
      explained: false;
      at: Operation<In, Out>;
      beside: readonly Operation<In, Out>[];
      states: readonly State[];
    };

/** One way in which all may have gone so far. */
interface Way<State> {
  readonly state: State;
  /** numbers of operations under way that have taken effect */
  readonly done: ReadonlySet<number>;
}

type Ways<State> = Map<string, Way<State>>;

/** In order of time; at the same moment calls come first, which only allows for more orders. */
const eventsOf = <In, Out>(history: readonly Operation<In, Out>[]): { number: number; ends: boolean }[] => {
  const at = history.flatMap(({ called, ended }, number) => [
    { number, ends: false, time: called },
    { number, ends: true, time: ended },
  ]);
  return at.sort((a, b) => a.time - b.time || Number(a.ends) - Number(b.ends));
};

/** `from`: the states in which the key may be before the first call. */
export const explain = <State, In, Out>(
  model: Model<State, In, Out>,
  from: readonly State[],
  history: readonly Operation<In, Out>[],
): Verdict<State, In, Out> => {
  const underWay = new Set<number>();
  const nothing: ReadonlySet<number> = new Set();

  const add = (ways: Ways<State>, way: Way<State>): boolean => {
    const key = `${[...way.done].sort((a, b) => a - b).join()} ${model.fingerprint(way.state)}`;
    if (ways.has(key)) return false;
    ways.set(key, way);
    return true;
  };

  /** ways that follow by one more operation taking effect */
  const after = function* (way: Way<State>): Generator<Way<State>> {
    for (const number of underWay) {
      const operation = history[number];
      if (operation === undefined || way.done.has(number)) continue;
      const done = new Set(way.done).add(number);
      for (const state of model.step(way.state, operation.input, operation.output)) yield { state, done };
    }
  };

  /** every way in which `wanted` has taken effect, by now or by whatever else has to go before it */
  const until = (ways: Ways<State>, wanted: number): Ways<State> => {
    const reached: Ways<State> = new Map();
    const seen: Ways<State> = new Map(ways);
    const open = [...ways.values()];
    for (let way = open.pop(); way !== undefined; way = open.pop()) {
      if (way.done.has(wanted)) add(reached, way);
      else for (const next of after(way)) if (add(seen, next)) open.push(next);
    }
    return reached;
  };

  /** what has ended need not be told from what never was */
  const settled = (ways: Iterable<Way<State>>, number: number): Ways<State> => {
    const left: Ways<State> = new Map();
    for (const { state, done } of ways) {
      add(left, { state, done: new Set([...done].filter((one) => one !== number)) });
    }
    return left;
  };

  let ways: Ways<State> = new Map();
  for (const state of from) add(ways, { state, done: nothing });
  for (const { number, ends } of eventsOf(history)) {
    const operation = history[number];
    if (operation === undefined || !ends) {
      underWay.add(number);
      continue;
    }
    const reached = until(ways, number);
    const unanswered = operation.output === undefined;
    if (reached.size === 0 && !unanswered) {
      const beside = [...underWay].filter((one) => one !== number).flatMap((one) => history[one] ?? []);
      return {
        explained: false,
        at: operation,
        beside,
        states: [...ways.values()].map(({ state }) => state),
      };
    }
    underWay.delete(number);
    ways = settled(unanswered ? [...ways.values(), ...reached.values()] : reached.values(), number);
  }
  const states = new Map([...ways.values()].map(({ state }) => [model.fingerprint(state), state]));
  return { explained: true, states: [...states.values()] };
};
