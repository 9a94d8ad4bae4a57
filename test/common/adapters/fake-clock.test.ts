import t from 'tap';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';

t.test('fake clock - runs due timers in order and leaves later ones', async (t) => {
  const clock = createFakeClock(5_000);
  const ran: string[] = [];
  clock.after(20, () => ran.push(`b@${clock.now()}`));
  clock.after(10, () => ran.push(`a@${clock.now()}`));
  clock.after(10, () => ran.push('a2'));
  clock.after(31, () => ran.push('late'));
  await clock.advance(30);
  t.same(ran, ['a@5010', 'a2', 'b@5020']);
  t.equal(clock.now(), 5_030);
  t.equal(clock.monotonic(), 30);
  t.equal(clock.pending(), 1);
});

t.test('fake clock - what a timer starts may set the next timer within the same advance', async (t) => {
  const clock = createFakeClock();
  const at: number[] = [];
  const loop = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(10);
      at.push(clock.monotonic());
    }
  };
  void loop();
  await clock.advance(35);
  t.same(at, [10, 20, 30]);
});

t.test(
  'fake clock - a repeated task is skipped while it is pending, and a cancelled one never runs',
  async (t) => {
    const clock = createFakeClock();
    let runs = 0;
    let release = (): void => undefined;
    const cancel = clock.every(10, () => {
      runs += 1;
      return new Promise<void>((resolve) => (release = resolve));
    });
    await clock.advance(35);
    t.equal(runs, 1);
    release();
    await clock.advance(10);
    t.equal(runs, 2);
    cancel();
    cancel();
    release();
    await clock.advance(100);
    t.equal(runs, 2);
    t.equal(clock.pending(), 0);
  },
);

t.test('fake clock - the wall clock may jump without moving the monotonic one', async (t) => {
  const clock = createFakeClock(1_000);
  let ran = false;
  clock.after(10, () => (ran = true));
  clock.jump(-500);
  t.equal(clock.now(), 500);
  t.equal(clock.monotonic(), 0);
  t.notOk(ran);
});

t.test('fake clock - what becomes due in its sleep runs once, late', async (t) => {
  const clock = createFakeClock();
  const ran: number[] = [];
  clock.every(100, () => void ran.push(clock.monotonic()));
  clock.after(150, () => ran.push(-clock.monotonic()));
  clock.oversleep(1_000);
  t.same(ran, []);
  await clock.advance(0);
  t.same(ran, [1_000, -1_000]);
  await clock.advance(100);
  t.same(ran, [1_000, -1_000, 1_100]);
});
