import t, { type Test } from 'tap';
import { createBusCells } from '../../../auctioneer/backends/bus-cells.js';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { createMemoryBus } from '../../../common/adapters/memory-bus.js';
import { ok } from '../../../common/model/result.js';
import type { CellState } from '../../../common/model/cell.js';
import { decode, encode } from '../../../common/wire/codec.js';
import { cellSubject } from '../../../common/wire/subjects.js';
import { presenceOf } from '../../support/bus-cells.js';
import { aCellState, anLrpWork } from '../../support/cell-states.js';

const open = (t: Test, ids: readonly string[]) => {
  const clock = createFakeClock();
  const logger = createCaptureLogger();
  const bus = createMemoryBus({ clock });
  const [asking, cells] = [bus.client(), bus.client()];
  const present = new Set(ids);
  const states = new Map(ids.map((cellId) => [cellId, aCellState({ cellId })]));
  const silent = new Set<string>();
  const counts = { broadcasts: 0, boards: 0 };
  cells.subscribe('cell.state', (message) => {
    counts.broadcasts += 1;
    for (const state of states.values())
      if (!silent.has(state.cellId)) message.respond(encode('CellState', state));
  });
  const serve = (cellId: string): void => {
    const incarnation = 'first';
    cells.subscribe(cellSubject(cellId, 'work'), (message) => {
      const work = decode('Work', message.payload);
      if (!work.ok || silent.has(cellId)) return;
      const outcomes = work.value.lrps.map(({ placementId }) => ({
        placementId,
        status: 'accepted' as const,
        reason: '',
      }));
      message.respond(encode('WorkReply', { cellId, incarnation, outcomes }));
    });
    cells.subscribe(cellSubject(cellId, 'outcome'), (message) => {
      const state = states.get(cellId);
      if (silent.has(cellId)) return;
      message.respond(encode('WorkReply', { cellId, incarnation, outcomes: [], ...(state && { state }) }));
    });
  };
  for (const cellId of ids) serve(cellId);
  const backend = createBusCells({
    bus: asking,
    clock,
    logger,
    bbs: {
      cells: () => {
        counts.boards += 1;
        return Promise.resolve(ok([...present].map(presenceOf)));
      },
    },
    stateTimeoutMs: 1_000,
    refreshEveryMs: 30_000,
    workTimeoutMs: 10_000,
  });
  t.teardown(backend.listen());

  /** lets time pass until it is done */
  const done = async <T>(promise: Promise<T>): Promise<T> => {
    let result: { value: T } | undefined;
    void promise.then((value) => (result = { value }));
    for (let step = 0; result === undefined && step < 2_000; step += 1) await clock.advance(10);
    if (result === undefined) throw new Error('not done');
    return result.value;
  };
  const seen = async (): Promise<string[]> => {
    const { cells: found, missed } = await done(backend.states('t'));
    return [
      ...found.map(({ cellId, taskCount }) => `${cellId} ${taskCount}`),
      ...missed.map((id) => `-${id}`),
    ];
  };
  const tell = async (state: CellState): Promise<void> => {
    states.set(state.cellId, state);
    cells.publish('cell.changed', encode('CellState', state));
    await clock.advance(1);
  };
  const event = async (kind: 'cell_appeared' | 'cell_disappeared', cellId: string): Promise<void> => {
    if (kind === 'cell_appeared') present.add(cellId);
    else present.delete(cellId);
    cells.publish(`bbs.event.${kind}`, encode('BbsEvent', { kind, traceId: 'e', cellId }));
    await clock.advance(1);
  };
  return {
    ...{ clock, logger, asking, cells, backend, states, present, silent },
    ...{ counts, serve, done, seen, tell, event },
  };
};

t.test('cells over the bus - all are asked once, and then tell of changes themselves', async (t) => {
  const { seen, counts, tell, clock, states, present, serve } = open(t, ['a', 'b']);
  t.same(await seen(), ['a 0', 'b 0']);
  await tell(aCellState({ cellId: 'a', version: 2, taskCount: 7 }));
  t.same(await seen(), ['a 7', 'b 0']);
  t.same(counts, { broadcasts: 1, boards: 1 });
  states.set('b', aCellState({ cellId: 'b', version: 2, taskCount: 5 }));
  serve('c');
  present.add('c');
  states.set('c', aCellState({ cellId: 'c', taskCount: 1 }));
  t.same(await seen(), ['a 7', 'b 0'], 'of neither anything was heard');
  await clock.advance(30_000);
  for (let slice = 0; slice < 3; slice += 1) await clock.advance(100);
  t.same(
    await seen(),
    ['a 7', 'b 5', 'c 1'],
    'a message may have been lost: they are asked one after the other',
  );
  t.same(counts, { broadcasts: 1, boards: 2 });
  present.delete('a');
  await clock.advance(30_000);
  t.same(await seen(), ['b 5', 'c 1']);
});

t.test('cells over the bus - one that appears is asked for its state, one that goes is gone', async (t) => {
  const { seen, counts, states, serve, event } = open(t, ['a']);
  await seen();
  serve('b');
  states.set('b', aCellState({ cellId: 'b', taskCount: 3 }));
  await event('cell_appeared', 'b');
  t.same(await seen(), ['a 0', 'b 3']);
  await event('cell_disappeared', 'a');
  t.same(await seen(), ['b 3']);
  t.equal(counts.broadcasts, 1);
});

t.test('cells over the bus - all are asked anew when the bus was away', async (t) => {
  const { seen, counts, asking, states } = open(t, ['a']);
  await seen();
  asking.disconnect();
  states.set('a', aCellState({ cellId: 'a', version: 5, taskCount: 5 }));
  asking.reconnect();
  t.same(await seen(), ['a 5']);
  t.equal(counts.broadcasts, 2);
});

t.test('cells over the bus - one that does not answer is left out until it is heard', async (t) => {
  const { seen, counts, silent, tell, backend, done } = open(t, ['a', 'b']);
  await seen();
  silent.add('b');
  const work = (cellId: string) => ({
    traceId: 't',
    deadlineMs: 10_000,
    cellId,
    incarnation: 'first',
    lrps: [anLrpWork()],
    tasks: [],
  });
  const results = await done(backend.commit([work('a'), work('b'), work('nowhere')]));
  t.match(results, [
    { cellId: 'a', answered: true },
    { cellId: 'b', answered: false, reason: 'timeout', unheard: false },
    { cellId: 'nowhere', answered: false, reason: 'no-responders', unheard: true },
  ]);
  t.same(await seen(), ['a 0', '-b']);
  t.equal(counts.broadcasts, 1, 'nobody waits for it');
  const { cells } = await done(backend.states('t'));
  t.match(cells, [{ available: { memoryMb: 1024 - 64 }, startingContainerCount: 1 }], 'what a took is gone');
  silent.delete('b');
  await tell(aCellState({ cellId: 'b', version: 3 }));
  t.same(await seen(), ['a 0', 'b 0']);
  await done(backend.commit([work('b')]));
  silent.add('b');
  t.equal(await done(backend.settle('b', ['x'], 't')), undefined);
  t.same(await seen(), ['a 0', '-b']);
});

t.test('cells over the bus - what makes no sense is told once with its number', async (t) => {
  const { seen, cells, clock, logger } = open(t, ['a']);
  await seen();
  const odd = aCellState({ cellId: 'a', total: { memoryMb: 0, diskMb: 0, containers: 0 }, version: 9 });
  for (let at = 0; at < 500; at += 1) {
    cells.publish('cell.changed', encode('CellState', odd));
    cells.publish('cell.changed', Uint8Array.from([0xff, 0xff, at % 256]));
  }
  await clock.advance(31_000);
  const told = logger.named('ignored-cell-state');
  t.same(
    told.map(({ fields }) => [fields['reason'], fields['count']]),
    [
      ['impossible-resources', 500],
      ['unreadable-state', 500],
    ],
  );
  t.same(await seen(), ['a 0']);
});
