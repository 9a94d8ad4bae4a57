import t from 'tap';
import type { Scorer } from '../../auctioneer/core/scorer.js';
import type { ActualLrp } from '../../common/model/lrp.js';
import { decode, encode } from '../../common/wire/codec.js';
import { startAuctioneer } from '../support/auctioneer.js';
import { accept, addCell, refuse } from '../support/bus-cells.js';
import { aCellState, aTaskWork, anLrpWork } from '../support/cell-states.js';
import { eventually } from '../support/eventually.js';
import { desiredLrp } from '../support/lrps.js';
import { samplesOf } from '../support/metrics.js';

const { placementId: _placementId, index: _index, ...start } = anLrpWork();
const instances = (count: number) => ({
  ...start,
  instances: Array.from({ length: count }, (_, at) => ({ index: at, placementId: `app.${at}@e.0` })),
});

t.test('auctioneer - places a batch with one message per cell, spread over the cells', async (t) => {
  const { bus, ask, failed } = await startAuctioneer(t, ['cell-1', 'cell-2']);
  const cells = ['cell-1', 'cell-2'].map((cellId) => addCell(bus, aCellState({ cellId })));
  t.same(await ask({ lrps: [instances(4)], tasks: [aTaskWork()] }), { accepted: 5, dropped: [] });
  await eventually(() => cells.every(({ taken }) => taken.length > 0));
  t.same(
    cells.map(({ taken }) => taken.flatMap(({ lrps }) => lrps).length),
    [2, 2],
  );
  t.equal(cells.flatMap(({ taken }) => taken).length, 2, 'one message per cell');
  t.equal(cells[0]?.taken[0]?.incarnation, 'first');
  t.same(failed, []);
});

t.test('auctioneer - a policy of one’s own chooses among cells', async (t) => {
  const highest: Scorer = (cell) => -cell.index;
  const { bus, ask } = await startAuctioneer(t, ['cell-1', 'cell-2'], { scorer: highest });
  const low = addCell(bus, aCellState({ cellId: 'cell-1', cellIndex: 1 }));
  const high = addCell(bus, aCellState({ cellId: 'cell-2', cellIndex: 2 }));
  await ask({ lrps: [instances(3)] });
  await eventually(() => high.taken.flatMap(({ lrps }) => lrps).length === 3);
  t.same(low.taken, []);
});

t.test('auctioneer - a cell without a presence is not used', async (t) => {
  const { bus, ask } = await startAuctioneer(t, ['cell-1']);
  const known = addCell(bus, aCellState({ cellId: 'cell-1' }));
  const stranger = addCell(bus, aCellState({ cellId: 'cell-9' }));
  await ask({ lrps: [instances(3)] });
  await eventually(() => known.taken.flatMap(({ lrps }) => lrps).length === 3);
  t.same(stranger.taken, []);
});

t.test('auctioneer - refused work is tried in two more batches, then reported with the reason', async (t) => {
  const { bus, ask, failed, metrics } = await startAuctioneer(t, ['cell-1']);
  const cell = addCell(bus, aCellState(), refuse);
  await ask({ tasks: [aTaskWork({ taskGuid: 'unlucky' })] });
  await eventually(() => failed.length > 0);
  t.same(failed, [{ id: 'unlucky', reason: 'full after all' }]);
  t.equal(cell.taken.length, 3);
  const samples = await eventually(async () => {
    const now = await samplesOf(metrics);
    return now['AuctionBatchDuration_count{phase="report"}'] === 3 && now;
  });
  t.match(samples, {
    'AuctionsRefused{reason="other"}': 3,
    'AuctionsFailed{reason="other"}': 1,
    AuctionsRetried: 2,
    AuctionWaitDuration_count: 1,
  });
});

t.test(
  'auctioneer - a silent cell is asked by placement id, and never-seen work is tried again',
  async (t) => {
    const { bus, ask } = await startAuctioneer(t, ['cell-1']);
    let calls = 0;
    const cell = addCell(bus, aCellState(), (work) => ((calls += 1) === 1 ? 'silent' : accept(work)));
    await ask({ tasks: [aTaskWork({ taskGuid: 'slow' })] });
    await eventually(() => cell.taken.length === 2);
    t.same(cell.asked, [['slow@0']]);
  },
);

t.test('auctioneer - work for a cell that has gone is placed on another at once', async (t) => {
  const { bus, ask, failed } = await startAuctioneer(t, ['cell-1', 'cell-2']);
  const gone = bus.client();
  const goes = addCell(gone, aCellState({ cellId: 'cell-1' }));
  const stays = addCell(
    bus,
    aCellState({ cellId: 'cell-2', available: { memoryMb: 512, diskMb: 4096, containers: 9 } }),
  );
  await ask({ lrps: [{ ...instances(1), processGuid: 'first' }] });
  await eventually(() => goes.taken.length === 1);
  gone.disconnect();
  await ask({ lrps: [{ ...instances(1), processGuid: 'second' }] });
  await eventually(() =>
    stays.taken.flatMap(({ lrps }) => lrps).some(({ processGuid }) => processGuid === 'second'),
  );
  t.same(stays.asked, [], 'nobody has to be asked what became of it');
  t.same(failed, []);
});

t.test('auctioneer - what has no place is failed with its text and can be explained', async (t) => {
  const { bus, ask, failed } = await startAuctioneer(t, ['cell-1']);
  addCell(bus, aCellState());
  await ask({ lrps: [{ ...instances(1), memoryMb: 2048 }] });
  await eventually(() => failed.length > 0);
  t.same(failed, [{ id: 'app.0', reason: 'insufficient resources: memory' }]);
  const reply = await bus.request(
    'auction.explain',
    encode('ExplainQuery', { traceId: 't', id: 'app.0', brief: true }),
    {
      timeoutMs: 1000,
    },
  );
  const text = reply.ok && decode('Explanation', reply.payload);
  t.match(text && text.ok && text.value, {
    state: 'failed',
    text: 'insufficient resources: memory (cell-1 comes nearest: 1024 MB of memory short)',
  });
});

t.test('auctioneer - a batch is recorded, listed and replayed', async (t) => {
  const { bus, ask, metrics } = await startAuctioneer(t, ['cell-1']);
  const cell = addCell(bus, aCellState());
  await ask({ lrps: [instances(2)] });
  await eventually(() => cell.taken.length === 1);
  const listed = await eventually(async () => {
    const query = encode('BatchesQuery', { traceId: 't', limit: 9 });
    const reply = await bus.request('auction.batches', query, { timeoutMs: 1000 });
    const answer = reply.ok ? decode('Batches', reply.payload) : undefined;
    return answer?.ok && answer.value.batches.length === 1 && answer.value;
  });
  const [batch] = listed.batches;
  t.match(batch, { id: cell.taken[0]?.traceId, cells: 1, auctions: 2, placed: 2, failed: 0 });
  const query = encode('ReplayQuery', { traceId: 't', batch: batch?.id ?? '' });
  const reply = await bus.request('auction.replay', query, { timeoutMs: 1000 });
  const replay = reply.ok && decode('Replay', reply.payload);
  t.match(replay && replay.ok && replay.value, { state: 'same', placements: 2 });
  const samples = await samplesOf(metrics);
  t.match(samples, { AuctionBatchesRecorded: 1, AuctionBatchesDropped: 0 });
  t.ok((samples['AuctionRecordingBytes'] ?? 0) > 1000);
});

t.test('auctioneer - a what-if sends no work, and tells the BBS nothing', async (t) => {
  const cellId = 'cell-1';
  const row = { processGuid: 'app', index: 0, domain: 'd', cellId, state: 'RUNNING', presence: 'ORDINARY' };
  const running = [{ ...row, modificationTag: { epoch: 'e', index: 0 } } as ActualLrp];
  const small = {
    rootfs: 'preloaded:default',
    placementTags: [],
    volumeMounts: [],
    memoryMb: 64,
    diskMb: 64,
  };
  const desired = [{ ...desiredLrp({ processGuid: 'app', instances: 1 }), ...small }];
  const { bus, ask, failed } = await startAuctioneer(t, ['cell-1', 'cell-2'], { running, desired });
  const cells = ['cell-1', 'cell-2'].map((id) => addCell(bus, aCellState({ cellId: id })));
  await ask({});
  for (const drain of [['cell-1'], ['cell-1', 'cell-2']]) {
    const query = encode('WhatIfQuery', { traceId: 't', drain, loseZones: [], add: [] });
    const reply = await bus.request('auction.what-if', query, { timeoutMs: 2000 });
    const answer = reply.ok && decode('WhatIf', reply.payload);
    t.match(answer && answer.ok && answer.value, { moved: { instances: 1, placed: 2 - drain.length } });
  }
  await bus.flush();
  t.same(
    cells.flatMap(({ taken, asked }) => [...taken, ...asked]),
    [],
  );
  t.same(failed, [], 'nothing failed that was only asked about');
});

t.test('auctioneer - a malformed request is answered, and the next one is served', async (t) => {
  const { bus, ask } = await startAuctioneer(t, ['cell-1']);
  const cell = addCell(bus, aCellState());
  await ask({});
  const reply = await bus.request('auction.tasks', new Uint8Array([255, 255, 255]), { timeoutMs: 1000 });
  const ack = reply.ok && decode('AuctionAck', reply.payload);
  t.equal(ack && ack.ok && ack.value.accepted, 0);
  await ask({ tasks: [aTaskWork()] });
  await eventually(() => cell.taken.length === 1);
});

t.test(
  'auctioneer metrics - what found a place, what did not, and how cells told their states',
  async (t) => {
    const { bus, ask, metrics } = await startAuctioneer(t, ['cell-1', 'cell-2', 'silent']);
    for (const cellId of ['cell-1', 'cell-2']) addCell(bus, aCellState({ cellId }));
    const tooBig = { ...instances(1), processGuid: 'big', memoryMb: 2048 };
    await ask({
      lrps: [instances(2), tooBig],
      tasks: [aTaskWork(), aTaskWork({ taskGuid: 'big', memoryMb: 2048 })],
    });
    const samples = await eventually(async () => {
      const now = await samplesOf(metrics);
      return now['AuctioneerTaskAuctionsFailed'] === 1 && now;
    });
    t.match(samples, {
      AuctioneerLRPAuctionsStarted: 2,
      AuctioneerLRPAuctionsFailed: 1,
      AuctioneerTaskAuctionsStarted: 1,
      AuctioneerFetchStatesDuration_count: 1,
      AuctioneerFailedCellStateRequests: 1,
      AuctionCellsSeen: 2,
      AuctionBatchSize_count: 1,
      AuctionBatchSize_sum: 5,
      AuctionWaitDuration_count: 1,
      'AuctionsFailed{reason="resources"}': 2,
      AuctionsUnknown: 0,
      AuctionsRetried: 0,
      LockHeld: 1,
    });
    for (const phase of ['states', 'decide', 'commit'])
      t.equal(samples[`AuctionBatchDuration_count{phase="${phase}"}`], 1, phase);
    // a silent cell is waited for, for 200 ms; in ns
    t.ok((samples['AuctioneerFetchStatesDuration_sum'] ?? 0) > 100e6);
    t.ok((samples['AuctionBatchDuration_sum{phase="states"}'] ?? 0) > 100e6);
    t.ok((samples['AuctionWaitDuration_sum'] ?? 0) > 100e6);
  },
);
