import t from 'tap';
import { cellIdOf } from '../../../mesos-bridge/core/cell-id.js';
import { lrpWork } from '../../support/lrps.js';
import { INCARNATION, bookOf, offer } from '../../support/mesos-book.js';

const AGENTS = 10_000;
/** ms of CPU, garbage collection included; wall time is a matter of who else runs on the machine */
const MOST_MS = 3_000;

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

t.test('scale - offers of 10,000 agents, their bids, and 10,000 LRPs taken of them', async (t) => {
  const offers = Array.from({ length: AGENTS }, (_, at) => offer(`agent-S${at}`));
  const book = bookOf();
  book.offers.subscribed({ homeRegion: '', suppressed: true }, 0);
  book.offers.wants(AGENTS, 0);
  const began = cpuMs();
  book.offered(offers, { now: 0, wall: 0 });
  const states = book.changes(0, 0).states;
  const bid = cpuMs();
  let launched = 0;
  for (const [at, { cellId }] of states.entries()) {
    const lrps = [lrpWork({ index: at, placementId: `p-${at}` })];
    const work = { traceId: 't', cellId, incarnation: INCARNATION, deadlineMs: 1_000, lrps, tasks: [] };
    const context = { receivedAt: 0, now: 0, mintGuid: () => `g-${at}`, newExecutorId: `outcry.v.${at}` };
    launched += book.take(work, context).acceptance?.tasks.length ?? 0;
  }
  const taken = cpuMs();
  const again = book.changes(0, 1).states;
  const end = cpuMs();
  const times = [bid - began, taken - bid, end - taken].map((ms) => `${Math.round(ms)} ms`);
  t.comment(`offers and bids, takes, bids again: ${times.join(', ')}`);
  t.equal(launched, AGENTS);
  t.equal(again.filter(({ lrpCounts }) => lrpCounts.get('app') === 1).length, AGENTS);
  t.ok(end - began < MOST_MS, times.join(', '));
  const first = cellIdOf('agent-S0');
  const versions = (list: typeof states) => list.find(({ cellId }) => cellId === first)?.version ?? 0;
  t.ok(versions(again) > versions(states));
});
