import t from 'tap';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import type { Clock } from '../../../common/ports/clock.js';
import { createDeadlines } from '../../../router/proxy/deadlines.js';

const start = (ms: number) => {
  const clock = createFakeClock();
  const deadlines = createDeadlines(clock, ms);
  const expired: string[] = [];
  const begin = (name: string) => deadlines(clock.monotonic(), () => void expired.push(name));
  return { clock, deadlines, expired, begin };
};

void t.test('deadlines - each in its time, by one timer', async (t) => {
  const { clock, expired, begin } = start(1_000);
  begin('a');
  await clock.advance(400);
  begin('b');
  begin('c');
  t.equal(clock.pending(), 1);
  await clock.advance(599);
  t.same(expired, []);
  await clock.advance(1);
  t.same(expired, ['a']);
  t.equal(clock.pending(), 1);
  await clock.advance(400);
  t.same(expired, ['a', 'b', 'c']);
  t.equal(clock.pending(), 0, 'nothing waits for nobody');
  begin('d');
  await clock.advance(1_000);
  t.same(expired, ['a', 'b', 'c', 'd']);
});

void t.test('deadlines - what is cancelled does not expire, nor does it hold up others', async (t) => {
  const { clock, expired, begin } = start(1_000);
  const cancelFirst = begin('first');
  await clock.advance(500);
  begin('second');
  cancelFirst();
  cancelFirst();
  await clock.advance(500);
  t.same(expired, []);
  await clock.advance(500);
  t.same(expired, ['second']);
  const cancelLast = begin('last');
  cancelLast();
  await clock.advance(1_000);
  t.same(expired, ['second']);
  t.equal(clock.pending(), 0);
});

void t.test('deadlines - one that expires may begin and cancel others', async (t) => {
  const { clock, deadlines, expired, begin } = start(100);
  let cancelNext = (): void => undefined;
  deadlines(clock.monotonic(), () => {
    expired.push('first');
    cancelNext();
    begin('again');
  });
  cancelNext = begin('next');
  await clock.advance(100);
  t.same(expired, ['first']);
  await clock.advance(100);
  t.same(expired, ['first', 'again']);
});

void t.test('deadlines - a timer that is early by less than a ms counts', async (t) => {
  let now = 0;
  const tasks: (() => void)[] = [];
  const clock: Pick<Clock, 'after' | 'monotonic'> = {
    monotonic: () => now,
    after(_ms, task) {
      tasks.push(task);
      return () => undefined;
    },
  };
  let expired = 0;
  createDeadlines(clock, 10)(now, () => (expired += 1));
  now = 9.5;
  tasks.shift()?.();
  t.equal(expired, 1);
  t.equal(tasks.length, 0);
});
