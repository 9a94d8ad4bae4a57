import fc from 'fast-check';
import t from 'tap';
import { bookKeepsItsPromises } from '../../support/mesos-book-properties.js';

t.test(
  'cells and offers are never more than what is there, nothing starts twice, nothing leaks',
  async (t) => {
    const tally = { launched: 0 };
    fc.assert(bookKeepsItsPromises(tally), { numRuns: 150 });
    t.ok(tally.launched > 1_000, `${tally.launched} tasks were launched`);
  },
);
