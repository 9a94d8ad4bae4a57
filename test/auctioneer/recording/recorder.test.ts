import fc from 'fast-check';
import t from 'tap';
import { lrpAuctions } from '../../../auctioneer/core/auction.js';
import { createRecorder } from '../../../auctioneer/recording/recorder.js';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import type { CellState } from '../../../common/model/cell.js';
import { decisionInput } from '../../support/auction-arbitraries.js';
import { decidedBatch, startRecording } from '../../support/auction-records.js';
import { changesOfCells, replaysAsOriginal } from '../../support/auction-replays.js';
import { aCellState, anLrpWork } from '../../support/cell-states.js';

t.test('recording - any batches come back as they were, and are decided in the same way again', async (t) => {
  const anyBatches = fc.asyncProperty(decisionInput, changesOfCells, replaysAsOriginal);
  await fc.assert(anyBatches, { numRuns: 300 });
  t.pass();
});

const manyCells = (count: number): CellState[] =>
  Array.from({ length: count }, (_, at) => aCellState({ cellId: `cell-${at}`, cellIndex: at }));

const { placementId: _placementId, index: _index, ...start } = anLrpWork();
const some = (count: number) =>
  lrpAuctions({
    ...start,
    instances: Array.from({ length: count }, (_, index) => ({ index, placementId: `app.${index}@e.0` })),
  });

t.test('recording - of cells that are as they were nothing is kept again', async (t) => {
  const { recorder } = startRecording();
  const cells = manyCells(1000);
  const sizes: number[] = [];
  const record = async (states: CellState[]): Promise<void> => {
    recorder.record(decidedBatch(`batch-${sizes.length}`, { cells: states, auctions: some(1) }));
    await recorder.settled();
    sizes.push(recorder.held().bytes);
  };
  await record(cells);
  await record(structuredClone(cells));
  await record(cells.map((cell, at) => (at < 10 ? { ...cell, version: 2, taskCount: 1 } : cell)));
  const [key = 0, same = 0, few = 0] = sizes;
  t.ok(key > 250_000, `a key frame: ${key}`);
  // a number for each cell, and what any record needs
  t.ok(same - key < 4 * 1000 + 3000, `nothing changed: ${same - key}`);
  t.ok(few - same < same - key + 10 * 500, `ten changed: ${few - same}`);
  const [newest] = recorder.records();
  t.equal(newest?.frames.states.length, 1010);
});

t.test(
  'recording - bounded: whole groups go from the oldest end, and what has gone is counted',
  async (t) => {
    const maxBytes = 1024 ** 2;
    const { recorder, answers } = startRecording({ maxBytes });
    const cells = manyCells(300);
    const count = 60;
    for (let at = 0; at < count; at += 1) {
      const changed = cells.map((cell) => ({ ...cell, version: at }));
      recorder.record(decidedBatch(`batch-${at}`, { cells: changed, auctions: some(20) }));
      await recorder.settled();
      t.ok(recorder.held().bytes <= maxBytes, `${at}: ${recorder.held().bytes}`);
    }
    const { batches, dropped } = recorder.held();
    t.ok(batches > 3, `${batches} kept`);
    t.equal(batches + dropped, count);
    const listed = await answers.batches({ traceId: 't', limit: 2 });
    t.same(
      listed.batches.map(({ id }) => id),
      [`batch-${count - 1}`, `batch-${count - 2}`],
    );
    t.match(listed, { recording: true, moreBatches: batches - 2, dropped });
    const oldest = recorder.records().at(-1)?.summary.id ?? '';
    t.equal(oldest, `batch-${count - batches}`, 'the newest are kept, without a gap');
    t.match(await answers.replay({ traceId: 't', batch: oldest }), { state: 'same' });
    t.match(await answers.replay({ traceId: 't', batch: 'batch-0' }), { state: 'no_such_batch' });
  },
);

t.test('recording - a large key frame serves several batches', async (t) => {
  const { recorder } = startRecording({ maxBytes: 1024 ** 2 });
  const cells = manyCells(600);
  for (let at = 0; at < 12; at += 1) {
    recorder.record(decidedBatch(`batch-${at}`, { cells, auctions: some(1) }));
    await recorder.settled();
  }
  t.equal(recorder.held().batches, 12);
  const keyFrames = new Set(recorder.records().map(({ frames }) => frames));
  t.equal(keyFrames.size, 1);
  t.ok(Number([...keyFrames][0]?.bytes) > 1024 ** 2 / 8);
});

t.test(
  'recording - a batch that is larger than all the room is dropped, and the next one is kept',
  async (t) => {
    const { recorder } = startRecording({ maxBytes: 100_000 });
    recorder.record(decidedBatch('large', { cells: manyCells(2000), auctions: some(1) }));
    recorder.record(decidedBatch('small', { cells: manyCells(2), auctions: some(1) }));
    await recorder.settled();
    t.same(
      recorder.records().map(({ summary }) => summary.id),
      ['small'],
    );
    t.equal(recorder.held().dropped, 1);
  },
);

t.test('recording - 0 records nothing', async (t) => {
  const { recorder, answers } = startRecording({ maxBytes: 0 });
  recorder.record(decidedBatch('one', { cells: manyCells(1), auctions: some(1) }));
  await recorder.settled();
  t.same(recorder.held(), { bytes: 0, batches: 0, dropped: 0 });
  t.match(await answers.batches({ traceId: 't', limit: 5 }), { recording: false, batches: [] });
  t.match(await answers.explain({ traceId: 't', id: 'app.0', brief: false }), {
    state: 'unheard',
    recording: false,
  });
});

t.test('recording - takes references only: nothing is encoded before others had their turn', async (t) => {
  const clock = createFakeClock();
  const recorder = createRecorder({ clock, logger: createCaptureLogger(), maxBytes: 1024 ** 2 });
  recorder.record(decidedBatch('one', { cells: manyCells(3), auctions: some(1) }));
  t.equal(recorder.held().bytes, 0);
  await clock.advance(1);
  await recorder.settled();
  t.equal(recorder.held().batches, 1);
});

t.test(
  'recording - batches that come faster than they can be encoded are dropped, and counted',
  async (t) => {
    const clock = createFakeClock();
    const recorder = createRecorder({ clock, logger: createCaptureLogger(), maxBytes: 1024 ** 2 });
    const batch = decidedBatch('one', { cells: manyCells(3), auctions: some(1) });
    for (let at = 0; at < 20; at += 1) recorder.record(batch);
    t.equal(recorder.held().dropped, 12);
    await clock.advance(1);
    await recorder.settled();
    t.match(recorder.held(), { batches: 8, dropped: 12 });
  },
);

t.test('recording - encoding rests whenever it has taken its slice of time', async (t) => {
  // every look at this clock is a millisecond later; sleeping is counted
  let [now, rests] = [0, 0];
  const clock = {
    ...createFakeClock(),
    monotonic: () => (now += 1),
    sleep: async () => void (rests += 1),
  };
  const recorder = createRecorder({ clock, logger: createCaptureLogger(), maxBytes: 1024 ** 2 });
  recorder.record(decidedBatch('one', { cells: manyCells(400), auctions: some(10) }));
  await recorder.settled();
  t.equal(recorder.held().batches, 1);
  t.ok(rests > 100, `${rests} rests`);
});
