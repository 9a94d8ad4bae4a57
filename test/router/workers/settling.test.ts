import t from 'tap';
import { createSettling } from '../../../router/workers/settling.js';

t.test('settling - a step is settled when every worker has taken it', async (t) => {
  const settling = createSettling();
  const settled: number[] = [];
  const wait = (upTo: number) => settling.wait(upTo, () => settled.push(upTo));
  settling.join(1);
  settling.join(2);
  wait(1);
  wait(2);
  wait(2);
  settling.reached(1, 2);
  t.same(settled, []);
  settling.reached(2, 1);
  t.same(settled, [1]);
  settling.reached(2, 2);
  t.same(settled, [1, 2, 2]);
  wait(2);
  t.same(settled, [1, 2, 2, 2], 'at once where all are there');
});

t.test('settling - a worker that has gone holds nobody up, one that comes does', async (t) => {
  const settling = createSettling();
  let settled = 0;
  const wait = (upTo: number) => settling.wait(upTo, () => (settled += 1));
  settling.join(1);
  settling.join(2);
  settling.reached(1, 5);
  wait(5);
  settling.leave(2);
  t.equal(settled, 1);
  settling.join(3);
  wait(5);
  settling.reached(3, -1);
  t.equal(settled, 1, 'it has but a part of the table');
  settling.reached(3, 5);
  t.equal(settled, 2);
  settling.leave(1);
  settling.leave(3);
  wait(9);
  t.equal(settled, 3, 'where nobody serves nothing can be written');
});
