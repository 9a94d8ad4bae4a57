import fc from 'fast-check';
import t from 'tap';
import type { Test } from 'tap';
import { explain } from '../support/linearizability.js';
import type { Model, Operation } from '../support/linearizability.js';

/** Two numbers that are always written together: a half-made write shows one of them. */
interface Pair {
  left: number;
  right: number;
}
type In = { put: number } | { swap: number; to: number } | 'read';
type Out = Pair | 'ok' | 'refused';
type Step = Operation<In, Out>;

const both = (n: number): Pair => ({ left: n, right: n });
const same = (a: Out, b: Out): boolean => JSON.stringify(a) === JSON.stringify(b);

const decide = (state: Pair, input: In): { state: Pair; output: Out } => {
  if (input === 'read') return { state, output: state };
  if ('put' in input) return { state: both(input.put), output: 'ok' };
  return state.left === input.swap ? { state: both(input.to), output: 'ok' } : { state, output: 'refused' };
};

const PAIRS: Model<Pair, In, Out> = {
  step(state, input, output) {
    const decided = decide(state, input);
    return output === undefined || same(output, decided.output) ? [decided.state] : [];
  },
  fingerprint: ({ left, right }) => `${left} ${right}`,
};

const step = (input: In, called: number, ended: number, output?: Out): Step => ({
  input,
  called,
  ended,
  output,
});
const put = (n: number, called: number, ended: number): Step => step({ put: n }, called, ended, 'ok');
const read = (n: number, called: number, ended: number): Step => step('read', called, ended, both(n));
const cutOff = (n: number, called: number, ended: number): Step => step({ put: n }, called, ended);

const judge = (history: readonly Step[]) => explain(PAIRS, [both(0)], history);
const holds = (t: Test, what: string, history: readonly Step[]): void =>
  void t.equal(judge(history).explained, true, what);
const breaks = (t: Test, what: string, history: readonly Step[]): void =>
  void t.equal(judge(history).explained, false, what);

t.test('linearizability - what one order explains is accepted', async (t) => {
  holds(t, 'nothing', []);
  holds(t, 'one after another', [put(1, 0, 1), read(1, 2, 3), put(2, 4, 5), read(2, 6, 7)]);
  holds(t, 'a read beside a write may see either', [put(1, 0, 10), read(0, 1, 2), read(1, 3, 4)]);
  holds(t, 'two writes side by side, in either order', [put(1, 0, 9), put(2, 1, 8), read(1, 10, 11)]);
  const swaps = [step({ swap: 0, to: 5 }, 0, 9, 'ok'), step({ swap: 0, to: 6 }, 1, 8, 'refused')];
  holds(t, 'one of two swaps wins', [...swaps, read(5, 10, 11)]);
  holds(t, 'one cut off may have been', [cutOff(1, 0, 5), read(1, 6, 7)]);
  holds(t, 'or may not', [cutOff(1, 0, 5), read(0, 6, 7)]);
});

t.test('linearizability - a lost acknowledgement is found', async (t) => {
  breaks(t, 'the write is gone', [put(1, 0, 1), read(0, 2, 3)]);
  breaks(t, 'the second of two is gone', [put(1, 0, 1), put(2, 2, 3), read(1, 4, 5)]);
  breaks(t, 'gone though others were cut off', [put(1, 0, 1), cutOff(2, 2, 5), read(0, 6, 7)]);
  const both = [step({ swap: 0, to: 5 }, 0, 9, 'ok'), step({ swap: 0, to: 6 }, 1, 8, 'ok')];
  breaks(t, 'two swaps from the same value', both);
});

t.test('linearizability - a stale read is found', async (t) => {
  breaks(t, 'older than the last answer', [put(1, 0, 1), put(2, 2, 3), read(1, 4, 5), read(2, 6, 7)]);
  breaks(t, 'older than a read before it', [put(1, 0, 10), read(1, 1, 2), read(0, 3, 4)]);
  breaks(t, 'what was cut off shows and is gone again', [cutOff(1, 0, 5), read(1, 6, 7), read(0, 8, 9)]);
  breaks(t, 'what was cut off comes later than it could', [cutOff(1, 0, 5), read(0, 6, 7), read(1, 8, 9)]);
});

t.test('linearizability - a half-made write is found, and told with what was beside it', async (t) => {
  const half = step('read', 3, 4, { left: 1, right: 0 });
  const verdict = judge([put(1, 0, 10), half]);
  t.match(verdict, { explained: false, at: half, states: [both(0)] });
  t.same(verdict.explained === false && verdict.beside, [put(1, 0, 10)]);
  breaks(t, 'after a cut', [cutOff(1, 0, 5), step('read', 6, 7, { left: 1, right: 0 })]);
});

t.test('linearizability - all that the key may be afterwards is told', async (t) => {
  const verdict = judge([put(1, 0, 9), cutOff(2, 1, 9), cutOff(3, 2, 9)]);
  const states = verdict.explained ? verdict.states.map(({ left }) => left).sort() : [];
  t.same(states, [1, 2, 3]);
});

const input = fc.oneof(
  fc.constant<In>('read'),
  fc.nat({ max: 3 }).map((put): In => ({ put })),
  fc.record({ swap: fc.nat({ max: 3 }), to: fc.nat({ max: 3 }) }),
);
/** Each takes effect at a moment of its own; it was called some time before and is answered some time after. */
const trueHistory = fc
  .array(
    fc.record({ input, before: fc.nat({ max: 30 }), after: fc.nat({ max: 30 }), cut: fc.nat({ max: 7 }) }),
    { minLength: 1, maxLength: 30, size: 'max' },
  )
  .map((drawn) => {
    let state = both(0);
    return drawn.map(({ input, before, after, cut }, at): Step => {
      // one that was cut off may never have been
      const decided = cut === 1 ? { state, output: undefined } : decide(state, input);
      state = decided.state;
      const output = cut <= 1 ? undefined : decided.output;
      return { input, called: at * 10 - before, ended: at * 10 + after, output };
    });
  });

t.test('linearizability - histories that truly happened are always accepted', async (t) => {
  fc.assert(
    fc.property(trueHistory, (history) => judge(history).explained),
    { numRuns: 500 },
  );
  t.pass('500 histories');
});

t.test('linearizability - a value that nobody ever wrote is always found', async (t) => {
  fc.assert(
    fc.property(trueHistory, fc.nat(), (history, which) => {
      const at = which % history.length;
      const never = step('read', history[at]!.called, history[at]!.ended, both(99));
      return !judge([...history.slice(0, at), never, ...history.slice(at)]).explained;
    }),
    { numRuns: 500 },
  );
  t.pass('500 histories');
});
