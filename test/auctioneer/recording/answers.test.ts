import t from 'tap';
import { lrpAuctions, taskAuction } from '../../../auctioneer/core/auction.js';
import type { Explanation } from '../../../common/model/auction-questions.js';
import { encode } from '../../../common/wire/codec.js';
import { decidedBatch, startRecording } from '../../support/auction-records.js';
import { aCellState, aTaskWork, anLrpWork } from '../../support/cell-states.js';

const { placementId: _placementId, index: _index, ...start } = anLrpWork();
const instances = (processGuid: string, count: number, overrides: Partial<typeof start> = {}) =>
  lrpAuctions({
    ...start,
    ...overrides,
    processGuid,
    instances: Array.from({ length: count }, (_, index) => ({
      index,
      placementId: `${processGuid}.${index}@e.0`,
    })),
  });

const cells = [
  aCellState({ cellId: 'cell-1', zone: 'z1' }),
  aCellState({ cellId: 'cell-2', zone: 'z2', cellIndex: 1, placementTags: ['gpu'] }),
  aCellState({ cellId: 'cell-3', zone: 'z2', cellIndex: 2, evacuating: true }),
];

const asked = (id: string, brief = false) => ({ traceId: 't', id, brief });

t.test('answers - why something has no place: stages, zones, and what would fit', async (t) => {
  const { recorder, answers } = startRecording();
  recorder.record(decidedBatch('first', { cells, auctions: instances('web', 2, { memoryMb: 600 }) }));
  const told = await answers.explain(asked('web'));
  t.match(told, {
    state: 'failed',
    id: 'web.1',
    batchId: 'first',
    instances: 2,
    instancesPlaced: 1,
    text: 'insufficient resources: memory (cell-1 comes nearest: 176 MB of memory short)',
    standing: { cells: 2, placementTags: 1, shortOfMemory: 1, room: 0 },
    excluded: [{ cellId: 'cell-3', reason: 'evacuating' }],
    zones: [
      { zone: 'z1', instances: 1, standing: { cells: 1, shortOfMemory: 1 } },
      { zone: 'z2', instances: 0, standing: { cells: 1, placementTags: 1 } },
    ],
  });
  t.ok(told.wouldFit.includes('cell-1 fits if it asks 176 MB less memory'), String(told.wouldFit));
  t.ok(told.wouldFit.includes('zone z2 fits with tag gpu'), String(told.wouldFit));
  const { standing, zones, text } = await answers.explain(asked('web', true));
  t.same([standing, zones, text], [undefined, [], told.text], 'in brief');
});

t.test('answers - where something was placed, and the bids at that moment', async (t) => {
  const { recorder, answers } = startRecording();
  const two = [cells[0]!, aCellState({ cellId: 'cell-4', cellIndex: 3 })];
  recorder.record(decidedBatch('first', { cells: two, auctions: instances('web', 2) }));
  const told = await answers.explain(asked('web.1'));
  t.match(told, { state: 'placed', cellId: 'cell-4', text: '', wouldFit: [] });
  t.match(told.best, [{ cellId: 'cell-4' }, { cellId: 'cell-1', score: /^1000\.\d{4}$/ }]);
});

t.test('answers - the latest batch counts; what no batch has is unheard or waits', async (t) => {
  const { recorder, answers } = startRecording({ waits: (id) => id === 'next' });
  const tasks = (memoryMb: number) => [taskAuction(aTaskWork({ taskGuid: 'job', memoryMb }))];
  recorder.record(decidedBatch('first', { cells, auctions: tasks(2000) }));
  recorder.record(decidedBatch('second', { cells, auctions: tasks(64) }));
  recorder.record(decidedBatch('third', { cells, auctions: instances('job-2', 1) }));
  t.match(await answers.explain(asked('job')), { state: 'placed', batchId: 'second' });
  t.match(await answers.explain(asked('jo')), { state: 'unheard', recording: true, batchId: '' });
  t.match(await answers.explain(asked('next')), { state: 'waiting', recording: true });
});

t.test('answers - what a cell refused, has not seen, or was silent about', async (t) => {
  const { recorder, answers } = startRecording({ waits: (id) => id === 'a' });
  const auctions = ['a', 'b', 'c', 'd'].flatMap((guid) => instances(guid, 1));
  const batch = decidedBatch('first', { cells, auctions }, ({ placed }) => ({
    placed: placed.slice(3),
    refused: [{ placement: placed[0]!, reason: 'full after all' }],
    unseen: [placed[1]!],
    unknown: [placed[2]!],
  }));
  recorder.record({ ...batch, retried: [batch.decision.placements[0]!.auction] });
  const ends = async (id: string): Promise<Partial<Explanation>> => {
    const { state, text, cellId, retried } = await answers.explain(asked(id, true));
    return { state, text, cellId, retried };
  };
  t.same(await ends('a'), { state: 'waiting', text: 'full after all', cellId: 'cell-1', retried: true });
  t.match(await ends('b'), { state: 'refused', text: 'the cell did not take the work', retried: false });
  t.match(await ends('c'), { state: 'unknown', text: /did not answer/ });
  t.match(await ends('d'), { state: 'placed' });
  const { batches } = await answers.batches({ traceId: 't', limit: 9 });
  t.match(batches, [
    { id: 'first', cells: 3, auctions: 4, placed: 1, refused: 2, failed: 0, unknown: 1, decideMs: 2 },
  ]);
});

t.test('answers - replay finds a batch by the beginning of its id, when that says which', async (t) => {
  const { recorder, answers } = startRecording();
  for (const id of ['abc-1', 'abd-2'])
    recorder.record(decidedBatch(id, { cells, auctions: instances('a', 3) }));
  t.match(await answers.replay({ traceId: 't', batch: 'abc' }), {
    state: 'same',
    id: 'abc-1',
    placements: 3,
    failures: 0,
    sha256: /^[0-9a-f]{64}$/,
  });
  t.match(await answers.replay({ traceId: 't', batch: 'ab' }), {
    state: 'ambiguous',
    candidates: ['abd-2', 'abc-1'],
  });
  for (const batch of ['', 'x'])
    t.match(await answers.replay({ traceId: 't', batch }), { state: 'no_such_batch' });
});

t.test('answers - a policy that is not pure shows: what differs is told line by line', async (t) => {
  let turn = 0;
  const two = ['cell-1', 'cell-2'].map((cellId, cellIndex) => aCellState({ cellId, cellIndex }));
  // the best cell is another one whenever all are asked
  const fickle = ({ cellId }: { cellId: string }): number =>
    (turn++ >> 4) % 2 === Number(cellId.at(-1)) % 2 ? 0 : 1;
  const { recorder, answers } = startRecording({ scorer: fickle });
  const batch = decidedBatch('first', { cells: two, auctions: instances('a', 8), scorer: fickle });
  recorder.record(batch);
  const replay = await answers.replay({ traceId: 't', batch: 'first' });
  t.equal(replay.state, 'different');
  t.not(replay.sha256, replay.replayedSha256);
  t.equal(replay.differences.length, 5);
  t.equal(replay.moreDifferences, 3);
  t.match(replay.differences[0], { line: 1, recorded: /"cell":"cell-\d"/, replayed: /"cell":"cell-\d"/ });
});

t.test('answers - however much there is to tell, it goes through the bus', async (t) => {
  const { recorder, answers } = startRecording();
  const many = Array.from({ length: 3000 }, (_, at) =>
    aCellState({ cellId: `cell-${at}`, zone: `zone-${at}`, evacuating: at % 2 === 0 }),
  );
  for (let at = 0; at < 4; at += 1)
    recorder.record(
      decidedBatch(`batch-${at}`, { cells: many, auctions: instances('a', 5, { memoryMb: 5000 }) }),
    );
  const told = await answers.explain(asked('a'));
  t.match(told, { moreZones: 1450, moreExcluded: 1480 });
  t.ok(encode('Explanation', told).byteLength < 100_000);
});
