import t from 'tap';
import { groupsOf } from '../../../bbs/core/groups.js';
import { actual, ONE, runningOn, TWO } from '../../support/bbs.js';

const suspect = runningOn(ONE, { presence: 'SUSPECT' });
const evacuating = runningOn(ONE, { presence: 'EVACUATING' });

t.test(
  'groups - the instance is the ordinary row if it runs, else a suspect one, else the ordinary one',
  async (t) => {
    const running = runningOn(TWO);
    const claimed = runningOn(TWO, { state: 'CLAIMED' });
    t.same(groupsOf([running, suspect]), [{ instance: running }]);
    t.same(groupsOf([claimed, suspect]), [{ instance: suspect }]);
    t.same(groupsOf([suspect]), [{ instance: suspect }]);
    t.same(groupsOf([claimed]), [{ instance: claimed }]);
    t.same(groupsOf([]), []);
  },
);

t.test('groups - a copy on a draining cell stands beside it, or alone', async (t) => {
  const unclaimed = actual();
  t.same(groupsOf([evacuating, unclaimed]), [{ instance: unclaimed, evacuating }]);
  t.same(groupsOf([evacuating]), [{ evacuating }]);
});

t.test('groups - one for each index of each process', async (t) => {
  const rows = [
    runningOn(ONE),
    runningOn(TWO, { index: 1 }),
    runningOn(ONE, { processGuid: 'other' }),
    { ...evacuating, index: 1 },
  ];
  t.same(groupsOf(rows), [
    { instance: rows[0] },
    { instance: rows[1], evacuating: rows[3] },
    { instance: rows[2] },
  ]);
});
