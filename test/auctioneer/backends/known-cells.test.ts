import t from 'tap';
import { createKnownCells } from '../../../auctioneer/backends/known-cells.js';
import { aCellState, aTaskWork, anLrpWork } from '../../support/cell-states.js';

const present = (...ids: string[]): Set<string> => new Set(ids);

t.test('known cells - the latest state of each, whatever the order in which they are heard', (t) => {
  const known = createKnownCells();
  known.setPresent(present('a', 'b', 'c'));
  known.hear(aCellState({ cellId: 'a', version: 2, taskCount: 2 }));
  known.hear(aCellState({ cellId: 'a', version: 1, taskCount: 1 }));
  known.hear(aCellState({ cellId: 'b', version: 9, taskCount: 9 }));
  known.hear(aCellState({ cellId: 'b', incarnation: 'second', version: 1, taskCount: 1 }));
  const { cells, missed } = known.states();
  t.same(
    cells.map(({ cellId, taskCount }) => `${cellId} ${taskCount}`),
    ['a 2', 'b 1'],
    'of two lives the one heard last',
  );
  t.same(missed, ['c']);
  t.end();
});

t.test('known cells - who is present counts, and who is not is soon forgotten', (t) => {
  const known = createKnownCells();
  const ids = (): string[] => known.states().cells.map(({ cellId }) => cellId);
  known.hear(aCellState({ cellId: 'a' }));
  t.same(ids(), ['a'], 'nobody has said who is present');
  known.setPresent(present('b'));
  t.same(ids(), []);
  known.hear(aCellState({ cellId: 'c' }));
  t.same(ids(), [], 'heard before it is present');
  known.appeared('c');
  t.same(ids(), ['c']);
  known.disappeared('c');
  known.appeared('c');
  t.same(known.states(), { cells: [], missed: ['b', 'c'] });
  for (let at = 0; at < 5_000; at += 1) known.hear(aCellState({ cellId: `stranger-${at}` }));
  known.setPresent(undefined);
  t.equal(known.states().cells.length, 1_000, 'strangers do not fill the memory');
  known.setPresent(present('b'));
  for (let at = 0; at < 5_000; at += 1) known.hear(aCellState({ cellId: `stranger-${at}` }));
  for (let at = 0; at < 1_000; at += 1) known.appeared(`stranger-${at}`);
  t.equal(known.states().cells.length, 1_000);
  t.end();
});

t.test('known cells - who is silent when all are asked no longer counts', (t) => {
  const known = createKnownCells();
  known.setPresent(present('a', 'b'));
  known.hear(aCellState({ cellId: 'a' }));
  known.hear(aCellState({ cellId: 'b' }));
  const round = known.beginRound();
  known.hear(aCellState({ cellId: 'b', version: 1 }));
  round.end();
  t.same(known.states().missed, ['a']);
  known.hear(aCellState({ cellId: 'a', version: 5 }));
  t.same(known.states().missed, []);
  known.forget('b');
  t.same(known.states().missed, ['b']);
  t.end();
});

t.test('known cells - a round has all once each that is present was heard, not so many answers', (t) => {
  const known = createKnownCells();
  const round = known.beginRound();
  known.hear(aCellState({ cellId: 'a' }));
  t.notOk(round.hasAll(), 'nobody has said who is present');
  known.setPresent(present('a', 'b'));
  known.hear(aCellState({ cellId: 'a' }));
  known.hear(aCellState({ cellId: 'stranger' }));
  t.notOk(round.hasAll());
  known.hear(aCellState({ cellId: 'b' }));
  t.ok(round.hasAll());
  t.end();
});

t.test('known cells - who came or went while it was asked who is there is known better', (t) => {
  const known = createKnownCells();
  known.setPresent(present('stays', 'goes'));
  const round = known.beginRound();
  known.appeared('comes');
  known.disappeared('goes');
  // an answer that was on its way when they came and went
  known.setPresent(present('stays', 'goes'));
  for (const cellId of ['stays', 'comes']) known.hear(aCellState({ cellId }));
  round.end();
  t.same(
    known
      .states()
      .cells.map(({ cellId }) => cellId)
      .sort(),
    ['comes', 'stays'],
  );
  t.same(known.states().missed, []);
  known.setPresent(present('stays'));
  t.same(known.states().cells.length, 1, 'the next round asks anew');
  t.end();
});

t.test('known cells - a version that no cell has is believed until the cell is asked', (t) => {
  const known = createKnownCells();
  known.setPresent(present('a'));
  known.hear(aCellState({ cellId: 'a', version: 2 ** 53 - 1, taskCount: 99 }));
  known.hear(aCellState({ cellId: 'a', version: 7, taskCount: 7 }));
  t.match(known.states().cells, [{ taskCount: 99 }]);
  const round = known.beginRound();
  known.hear(aCellState({ cellId: 'a', version: 8, taskCount: 8 }));
  known.hear(aCellState({ cellId: 'a', version: 7, taskCount: 7 }));
  round.end();
  t.match(known.states().cells, [{ taskCount: 8, version: 8 }]);
  t.end();
});

t.test('known cells - a storm of cells does not fill the memory while nobody says who is present', (t) => {
  const known = createKnownCells();
  const state = aCellState();
  let refused = 0;
  for (let at = 0; at < 100_500; at += 1)
    if (!known.hear({ ...state, cellId: `stranger-${at}` })) refused += 1;
  t.equal(refused, 500);
  t.equal(known.states().cells.length, 100_000);
  known.setPresent(present('stranger-7'));
  t.equal(known.states().cells.length, 1);
  t.end();
});

t.test('known cells - work that a cell has taken is off its books until it tells', (t) => {
  const known = createKnownCells();
  const state = aCellState({ cellId: 'a', proxyMemoryMb: 5, cpuMilliTotal: 1000, cpuMilliAvailable: 1000 });
  known.hear(state);
  const work = {
    traceId: 't',
    deadlineMs: 1,
    cellId: 'a',
    incarnation: state.incarnation,
    lrps: [anLrpWork({ cpuMilli: 100 }), anLrpWork({ index: 1 })],
    tasks: [aTaskWork()],
  };
  known.reserve(work);
  known.reserve({ ...work, incarnation: 'another' });
  known.reserve({ ...work, cellId: 'unknown' });
  t.match(known.states().cells, [
    {
      available: { memoryMb: 1024 - 3 * 64 - 2 * 5, diskMb: 4096 - 3 * 64, containers: 7 },
      cpuMilliAvailable: 900,
      lrpCounts: new Map([['app', 2]]),
      taskCount: 1,
      startingContainerCount: 3,
      version: state.version,
    },
  ]);
  t.same(state.lrpCounts, new Map(), 'what was handed out does not change');
  known.hear({ ...state, version: 2 });
  t.match(known.states().cells, [{ available: state.available }]);
  t.end();
});
