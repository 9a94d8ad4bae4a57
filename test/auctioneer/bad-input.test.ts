import t from 'tap';
import type { Dispatcher } from 'undici';
import { createBbsClientOver } from '../../bbs/http-client.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { AuctionRequest } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import { ok } from '../../common/model/result.js';
import type { Bus } from '../../common/ports/bus.js';
import { decode, encode } from '../../common/wire/codec.js';
import { startAuctioneer } from '../support/auctioneer.js';
import { accept, addCell, presenceOf } from '../support/bus-cells.js';
import { aCellState, aTaskWork, anLrpWork } from '../support/cell-states.js';
import { eventually } from '../support/eventually.js';

const { placementId: _placementId, index: _index, ...start } = anLrpWork();
type LrpStart = AuctionRequest['lrps'][number];

const lrpStart = (over: Partial<LrpStart> = {}): LrpStart => ({
  ...start,
  instances: [{ index: 0, placementId: `${over.processGuid ?? 'app'}.0@e.0` }],
  ...over,
});

const guidsOf = (cell: ReturnType<typeof addCell>): string[] =>
  cell.taken.flatMap(({ lrps, tasks }) => [
    ...lrps.map(({ processGuid }) => processGuid),
    ...tasks.map(({ taskGuid }) => taskGuid),
  ]);

/** States, apart from whatever cell there is, in answer to the broadcast. */
const answerStates = (bus: Bus, states: readonly CellState[]): void =>
  void bus.subscribe('cell.state', (message) => {
    for (const state of states) message.respond(encode('CellState', state));
  });

t.test('bad requests - each is refused by itself, with its field, and the rest is placed', async (t) => {
  const { bus, ask, logger } = await startAuctioneer(t, ['cell-1']);
  const cell = addCell(bus, aCellState());
  const bad: [Partial<LrpStart>, RegExp][] = [
    [{ processGuid: '' }, /process guid/],
    [{ domain: '' }, /domain/],
    [{ rootfs: '' }, /rootfs/],
    [{ memoryMb: -1 }, /memoryMb: -1/],
    [{ diskMb: -7 }, /diskMb: -7/],
    [{ maxPids: -1 }, /maxPids: -1/],
    [{ cpuMilli: -1 }, /cpuMilli: -1/],
    [{ instances: [] }, /indices/],
    [{ instances: [{ index: -3, placementId: 'p' }] }, /index: -3/],
    [{ instances: [{ index: 0, placementId: '' }] }, /placement id/],
  ];
  const tasks = [aTaskWork({ taskGuid: 'fine' }), aTaskWork({ memoryMb: -5 }), aTaskWork({ domain: '' })];
  const nameless = { ...aTaskWork(), placementId: '' };
  const ack = await ask({
    lrps: [...bad.map(([over]) => lrpStart(over)), lrpStart({ processGuid: 'good' })],
    tasks: [...tasks, nameless],
  });
  t.equal(ack.accepted, 2);
  t.match(
    ack.dropped.map(({ reason }) => reason),
    [...bad.map(([, reason]) => reason), /memoryMb: -5/, /domain/, /placement id/],
  );
  await eventually(() => cell.taken.length > 0);
  t.same(guidsOf(cell).sort(), ['fine', 'good']);
  t.match(logger.named('auctioneer.start-validate-failed'), [{ fields: { count: 13 } }], 'said once');
});

t.test('bad requests - an answer fits into a message, however many are refused', async (t) => {
  const { bus, ask, logger } = await startAuctioneer(t, ['cell-1']);
  const cell = addCell(bus, aCellState());
  const nothing = { ...lrpStart({ instances: [], domain: '', rootfs: '' }), processGuid: '' };
  const empty = { ...nothing, memoryMb: 0, diskMb: 0 };
  const endless = lrpStart({ processGuid: 'x'.repeat(200_000), memoryMb: -1 });
  const ack = await ask({ lrps: [endless, ...Array.from({ length: 200_000 }, () => empty), lrpStart()] });
  t.equal(ack.accepted, 1);
  t.equal(ack.dropped.length, 1_000);
  t.equal(ack.dropped[0]?.id.length, 256);
  const [told] = logger.named('auctioneer.start-validate-failed');
  t.equal(told?.fields['count'], 200_001);
  t.ok(JSON.stringify(told).length < 5_000, 'nor is the log filled');
  await eventually(() => cell.taken.length > 0);
});

t.test('bad states - impossible numbers, and no id: not used, and told with their number', async (t) => {
  const cellIds = ['good', 'bad'];
  const { bus, ask, logger } = await startAuctioneer(t, cellIds, { config: { cell_state_refresh: '100ms' } });
  const good = addCell(bus, aCellState({ cellId: 'good' }));
  const room = { memoryMb: 1024, diskMb: 4096, containers: 10 };
  const impossible: Partial<CellState>[] = [
    { total: { ...room, memoryMb: 0 } },
    { total: { ...room, diskMb: -4096 } },
    { available: { ...room, memoryMb: 1025 } },
    { available: { ...room, containers: 11 } },
    { cpuMilliTotal: 1, cpuMilliAvailable: 2 },
    { cpuMilliTotal: -1, cpuMilliAvailable: -1 },
    { proxyMemoryMb: -1024 },
    { cellIndex: -1 },
    { cellId: '' },
  ];
  const states = impossible.map((over) => aCellState({ cellId: 'bad', ...over }));
  answerStates(bus, states);
  const bad = addCell(bus, states[0] as CellState);
  for (let round = 0; round < 3; round += 1)
    await ask({ tasks: [aTaskWork({ taskGuid: `task-${round}` })], lrps: [lrpStart()] });
  await eventually(() => guidsOf(good).filter((guid) => guid.startsWith('task')).length === 3);
  t.same(bad.taken, []);
  const [told] = await eventually(() => {
    const found = logger.named('auctioneer.ignored-cell-state');
    return found.length > 0 && found;
  });
  t.match(told?.fields, { reason: 'impossible-resources', count: Number });
  t.ok((told?.fields['count'] as number) >= states.length);
});

t.test('bad states - one that answers twice does not stand for another, who is slow', async (t) => {
  const { bus, ask } = await startAuctioneer(t, ['twice', 'slow'], {
    config: { cell_state_timeout: '5s' },
  });
  const state = aCellState({ cellId: 'twice', available: { memoryMb: 0, diskMb: 0, containers: 0 } });
  const twice = addCell(bus, state);
  answerStates(bus, [state, state, state]);
  const slow = addCell(bus, aCellState({ cellId: 'slow' }));
  await ask({ tasks: [aTaskWork()] });
  await eventually(() => slow.taken.length > 0);
  t.same(twice.taken, []);
});

t.test(
  'bad states - of a life that is over: its work is refused, and goes to the one that lives',
  async (t) => {
    const { bus, ask, failed } = await startAuctioneer(t, ['cell-1']);
    const living = aCellState({ incarnation: 'second', version: 1 });
    answerStates(bus, [living]);
    const taken: string[] = [];
    const seen: string[] = [];
    bus.subscribe('cell.cell-1.work', (message) => {
      const work = decode('Work', message.payload);
      if (!work.ok) throw new Error(work.error.message);
      const { incarnation, tasks } = work.value;
      seen.push(incarnation);
      const isOurs = incarnation === 'second';
      if (isOurs) taken.push(...tasks.map(({ taskGuid }) => taskGuid));
      const status = isOurs ? 'accepted' : 'refused';
      const outcomes = tasks.map(({ placementId }) => ({ placementId, status, reason: '' }) as const);
      const reply = { cellId: 'cell-1', incarnation: 'second', outcomes, state: { ...living, version: 2 } };
      message.respond(encode('WorkReply', reply));
    });
    await ask({ tasks: [aTaskWork({ taskGuid: 'one' })] });
    await eventually(() => taken.length === 1);
    // it was on its way for long: what it says is of another incarnation than what is known
    bus.publish('cell.changed', encode('CellState', aCellState({ incarnation: 'first', version: 99 })));
    await ask({ tasks: [aTaskWork({ taskGuid: 'two' })] });
    await eventually(() => taken.length === 2);
    t.same(seen, ['second', 'first', 'second']);
    t.same(failed, []);
  },
);

t.test('bad states - a storm of cells that nobody knows: none is used, and the number is told', async (t) => {
  const { bus, ask, logger } = await startAuctioneer(t, ['cell-1'], {
    config: { cell_state_refresh: '200ms' },
  });
  const cell = addCell(bus, aCellState());
  // who is present is known once there was a batch
  await ask({ tasks: [aTaskWork({ taskGuid: 'first' })] });
  await eventually(() => cell.taken.length === 1);
  const stranger = aCellState();
  for (let at = 0; at < 20_000; at += 1)
    bus.publish('cell.changed', encode('CellState', { ...stranger, cellId: `stranger-${at}` }));
  for (let at = 0; at < 2_000; at += 1) bus.publish('cell.changed', Uint8Array.from([255, at % 256]));
  await ask({ tasks: [aTaskWork()] });
  await eventually(() => cell.taken.length === 2);
  await eventually(() => logger.named('auctioneer.ignored-cell-state').length >= 2);
  const told = logger.named('auctioneer.ignored-cell-state').map(({ fields }) => fields['reason']);
  t.ok(told.includes('unknown-cell') && told.includes('unreadable-state'), told.join());
  t.ok(told.length < 20, 'not once each');
});

t.test('bad replies - a reply to work in another cell’s name is none: the cell is asked', async (t) => {
  const { bus, ask, failed } = await startAuctioneer(t, ['cell-1']);
  bus.subscribe('cell.cell-1.work', (message) => {
    message.respond(encode('WorkReply', { cellId: 'cell-9', incarnation: 'first', outcomes: [] }));
  });
  answerStates(bus, [aCellState()]);
  const queries: string[] = [];
  bus.subscribe('cell.cell-1.outcome', (message) => {
    const query = decode('OutcomeQuery', message.payload);
    if (!query.ok) throw new Error(query.error.message);
    queries.push(...query.value.placementIds);
    const outcomes = query.value.placementIds.map(
      (id) => ({ placementId: id, status: 'accepted', reason: '' }) as const,
    );
    message.respond(encode('WorkReply', { cellId: 'cell-1', incarnation: 'first', outcomes }));
  });
  await ask({ tasks: [aTaskWork()] });
  await eventually(() => queries.length > 0);
  await ask({});
  t.same([queries, failed], [['task@0'], []]);
});

/** A client of a BBS whose answers are rubbish, another kind each time. */
const garbledBbs = (seed: number) => {
  const random = createSeededRandom(seed);
  const clock = createSystemClock();
  const bytes = (): Uint8Array =>
    Uint8Array.from({ length: Math.floor(random.fraction() * 300) }, () =>
      Math.floor(random.fraction() * 256),
    );
  const request = () => {
    const body = random.fraction() < 0.2 ? Buffer.from('<html>502 Bad Gateway</html>') : bytes();
    const statusCode = [200, 200, 200, 204, 302, 404, 500][Math.floor(random.fraction() * 7)];
    const type = ['application/x-protobuf', 'application/json', 'text/html'][
      Math.floor(random.fraction() * 3)
    ];
    return Promise.resolve({
      statusCode,
      headers: { 'content-type': type },
      body: { bytes: () => Promise.resolve(body) },
    });
  };
  const dispatcher = { request, destroy: () => Promise.resolve() } as unknown as Dispatcher;
  return createBbsClientOver(dispatcher, {
    clock: { ...clock, sleep: () => Promise.resolve() },
    logger: silentLogger,
  });
};

t.test('bad BBS - rubbish for an answer is an error, whatever was asked', async (t) => {
  for (let seed = 0; seed < 300; seed += 1) {
    const client = garbledBbs(seed);
    const lease = { name: 'auctioneer', owner: 'o', ttlMs: 1000, value: '' };
    const transitions = await client.transitions(
      [{ kind: 'rejectTask', args: { taskGuid: 'task', reason: 'r' } }],
      't',
    );
    const held = await client.acquireLease(lease);
    const cells = await client.cells();
    for (const answer of [transitions, held, cells]) if (!answer.ok) t.ok(answer.error.message !== undefined);
    // what can be read by chance is whole
    if (held.ok) t.match(held.value, { held: Boolean, epoch: Number, holder: String }, `seed ${seed}`);
    if (cells.ok) t.ok(cells.value.every(({ cellId }) => typeof cellId === 'string'));
  }
});

t.test('bad BBS - rubbish about cells and for reports: work goes on, and is said once', async (t) => {
  const bbs = garbledBbs(7);
  const refused = async () => {
    for (;;) {
      const answer = await bbs.cells();
      if (!answer.ok) return answer;
    }
  };
  const { bus, ask, logger } = await startAuctioneer(t, ['cell-1'], {
    bbs: { cells: refused, transitions: bbs.transitions },
  });
  const cell = addCell(bus, aCellState(), accept);
  for (let round = 0; round < 20; round += 1) {
    const tooLarge = aTaskWork({ taskGuid: `large-${round}`, memoryMb: 4096 });
    await ask({ tasks: [aTaskWork({ taskGuid: `task-${round}`, memoryMb: 1 }), tooLarge] });
    await eventually(() => guidsOf(cell).includes(`task-${round}`));
  }
  t.equal(new Set(guidsOf(cell)).size, 20, 'each is placed, once');
  t.equal(guidsOf(cell).length, 20);
  await eventually(() => logger.named('auctioneer.task-auction-failed').length === 20);
  const causes = logger.named('auctioneer.failed-to-list-cells').map(({ fields }) => fields['reason']);
  t.equal(new Set(causes).size, causes.length, 'each cause once');
  t.same(logger.named('auctioneer.batch-failed'), []);
});

t.test(
  'bad BBS - one whose client breaks stops nobody: what waits is placed once it is mended',
  async (t) => {
    let broken = true;
    const { bus, ask, logger } = await startAuctioneer(t, ['cell-1'], {
      bbs: {
        cells: () =>
          broken ? Promise.reject(new Error('broken')) : Promise.resolve(ok([presenceOf('cell-1')])),
      },
    });
    const cell = addCell(bus, aCellState());
    await ask({ tasks: [aTaskWork()] });
    await eventually(() => logger.named('auctioneer.batch-failed').length > 0);
    await ask({ lrps: [lrpStart()] });
    broken = false;
    await eventually(() => guidsOf(cell).length === 2);
    t.equal(logger.named('auctioneer.batch-failed').length, 1, 'said once');
  },
);
