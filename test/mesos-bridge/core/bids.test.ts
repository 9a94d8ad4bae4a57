/** Whoever follows the changes of bids knows what whoever asks for all of them knows. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { CellState } from '../../../common/model/cell.js';
import { createBids } from '../../../mesos-bridge/core/bids.js';
import { cellIdOf } from '../../../mesos-bridge/core/cell-id.js';
import { bookWith, offer } from '../../support/mesos-book.js';

const AGENTS = ['S0', 'S1', 'S2', 'S3'];

/** Bids of agents that come and go, each closed or not, and with so many tasks. */
const start = (firstVersion?: number) => {
  const agents = new Map<string, { closed: boolean; tasks: number }>();
  const bids = createBids(
    {
      agents: () => agents.keys(),
      closed: (id) => (agents.get(id)?.closed ? { code: 'resting', reason: 'it rests' } : undefined),
      parts: (agentId, closed) => ({
        agentId,
        bundle: undefined,
        place: undefined,
        executor: undefined,
        tasks: {
          lrpCounts: new Map(),
          taskCount: agents.get(agentId)?.tasks ?? 0,
          startingCount: 0,
          taken: { cpus: 0, mem: 0, disk: 0 },
        },
        closed,
      }),
    },
    {
      rootfsProviders: {},
      volumeDrivers: [],
      maxContainers: 10,
      zoneAttribute: '',
      defaultZone: '',
      tags: [],
      incarnation: 'i',
      executor: { scalars: {}, ports: 0 },
      proxyMemoryMb: 0,
    } as unknown as Parameters<typeof createBids>[1],
    firstVersion,
  );
  return { agents, bids };
};

type World = ReturnType<typeof start>;

interface Follower {
  version: number;
  known: Map<string, CellState>;
}

const follow = ({ bids }: World, follower: Follower): void => {
  const { since, version, states, gone } = bids.changes(follower.version, 0);
  if (since === 0) follower.known.clear();
  for (const cellId of gone) follower.known.delete(cellId);
  for (const state of states) follower.known.set(state.cellId, state);
  follower.version = version;
};

const step = fc.record({
  agent: fc.constantFrom(...AGENTS),
  does: fc.constantFrom('comes', 'goes', 'changes', 'rests', 'is looked at', 'first looks', 'second looks'),
});

t.test('bids - changes add up to all of them, whoever asks how often', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const world = start();
      const { agents, bids } = world;
      const followers: [Follower, Follower] = [
        { version: 0, known: new Map() },
        { version: 0, known: new Map() },
      ];
      for (const { agent, does } of steps) {
        const one = agents.get(agent);
        if (does === 'comes' && one === undefined) agents.set(agent, { closed: false, tasks: 0 });
        else if (does === 'goes') agents.delete(agent);
        else if (does === 'changes' && one) one.tasks += 1;
        else if (does === 'rests' && one) one.closed = !one.closed;
        else if (does === 'is looked at') bids.of(agent, 0);
        else if (does === 'first looks') follow(world, followers[0]);
        else if (does === 'second looks') follow(world, followers[1]);
        // what time alone brings about nobody tells
        if (['comes', 'goes', 'changes'].includes(does)) bids.touch(agent);
      }
      for (const follower of followers) {
        follow(world, follower);
        const all = bids.changes(0, 0).states;
        assert.deepEqual(
          [...follower.known.values()].sort((a, b) => (a.cellId < b.cellId ? -1 : 1)),
          all,
        );
        assert.deepEqual(
          all.map(({ cellId }) => cellId),
          AGENTS.filter((id) => agents.has(id)).map(cellIdOf),
        );
      }
    }),
    { numRuns: 1_000 },
  );
  t.end();
});

t.test('bids - of an earlier book nothing is known, and nothing is told twice', (t) => {
  const first = start();
  first.agents.set('S0', { closed: false, tasks: 0 });
  const { version } = first.bids.changes(0, 0);
  const next = start(first.bids.version() + 1);
  t.match(
    next.bids.changes(version, 0),
    { since: 0, states: [] },
    'all of the new ones, of which there are none',
  );
  const now = next.bids.changes(0, 0).version;
  t.match(next.bids.changes(now, 0), { since: now, states: [], gone: [] });
  t.match(next.bids.changes(now + 5, 0), { since: 0 }, 'of the future nothing is known either');
  t.end();
});

t.test('bids - what has not changed is not told again', (t) => {
  const book = bookWith([offer('a'), offer('b')]);
  const { version, states } = book.changes(0, 0);
  t.equal(states.length, 2);
  t.same(book.changes(version, 0), { since: version, version, states: [], gone: [] });
  book.offered([offer('b')], { now: 1, wall: 1 });
  t.match(book.changes(version, 1).states, [{ cellId: cellIdOf('b') }]);
  t.end();
});
