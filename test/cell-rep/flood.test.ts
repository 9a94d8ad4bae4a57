import t from 'tap';
import { flood } from '../support/flood.js';

const MISSING = 'about N of output is missing here: it was written faster than it could be read';

t.test(
  'flood - stalls neither the application nor the cell, fills no memory, and what is lost is told',
  async (t) => {
    const megabytes = 100;
    const seen = await flood({ apps: 1, megabytes, line: 'x'.repeat(99), bytesPerSecond: -1 });
    t.comment(seen);
    t.same(seen.failures, []);
    // far below what is measured, for machines that are busy with other things
    t.ok(seen.slowestMbPerSecond > 10, 'it goes on writing');
    t.ok(seen.longestTurnMs < 2_000, 'the cell has its turns');
    t.ok(seen.grownMb < 200);
    const total = megabytes * 1024 * 1024;
    t.ok(seen.bytes > 1024 * 1024, 'the end of it at least');
    t.equal(Object.keys(seen.notices).includes(MISSING), seen.bytes < total - 200);
    t.ok((seen.notices[MISSING] ?? 0) < 30, 'told now and then');
  },
);

t.test(
  'flood - of an application with a limit its bytes pass, and nothing of one with a limit of 0',
  async (t) => {
    const limited = await flood({ apps: 1, megabytes: 20, line: 'x'.repeat(99), bytesPerSecond: 1_000 });
    t.same(limited.failures, []);
    t.ok(limited.notices['app instance exceeded log rate limit (1000 bytes/sec)']);
    t.ok(limited.lines >= 10 && limited.bytes < 100_000);
    const silent = await flood({ apps: 1, megabytes: 1, line: 'x'.repeat(99), bytesPerSecond: 0 });
    t.same([silent.lines, silent.notices], [0, {}]);
  },
);
