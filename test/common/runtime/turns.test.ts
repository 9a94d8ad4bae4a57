import t from 'tap';
import { createTurns } from '../../../common/runtime/turns.js';

t.test('turns - work on one key in order, failed or not; on different keys at once', async (t) => {
  const inTurn = createTurns();
  const done: string[] = [];
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const first = inTurn('a', async () => {
    await gate;
    done.push('a1');
    throw new Error('broken');
  });
  const second = inTurn('a', async () => done.push('a2'));
  await inTurn('b', async () => done.push('b1'));
  t.same(done, ['b1']);
  open();
  await t.rejects(first, { message: 'broken' });
  await second;
  t.same(done, ['b1', 'a1', 'a2']);
  t.equal(await inTurn('a', async () => 'later'), 'later');
});
