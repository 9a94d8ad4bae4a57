import t, { type Test } from 'tap';
import { createAnswers } from '../../auctioneer/recording/answers.js';
import { lrpAuctions } from '../../auctioneer/core/auction.js';
import { noAnswer } from '../../auctioneer/core/what-if.js';
import { subscribeQuestions } from '../../auctioneer/handlers/questions.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { WhatIf, WhatIfQuery } from '../../common/model/auction-questions.js';
import { type ApiHarness, startApi } from '../support/api.js';
import { type Recording, decidedBatch, startRecording } from '../support/auction-records.js';
import { aCellState, anLrpWork } from '../support/cell-states.js';
import { type FakeCli, createFakeCli } from '../support/cli-context.js';

/** The command line, the API, and what answers at the auctioneer; only the BBS is a fake. */
const setUp = async (
  t: Test,
  { maxBytes, whatIf = {} }: { maxBytes?: number; whatIf?: Partial<WhatIf> } = {},
): Promise<{ api: ApiHarness; cli: FakeCli; recorder: Recording['recorder']; asked: WhatIfQuery[] }> => {
  const api = await startApi(t);
  const { recorder } = startRecording(maxBytes === undefined ? {} : { maxBytes });
  const asked: WhatIfQuery[] = [];
  subscribeQuestions({
    bus: api.bus,
    answers: createAnswers({ recorder, clock: createSystemClock(), waits: (id) => id === 'waiting' }),
    async whatIf(query) {
      asked.push(query);
      return { ...noAnswer(''), ...whatIf };
    },
    logger: silentLogger,
    queue: 'auctioneer',
  });
  const cli = createFakeCli({ api: { url: api.url(), token: api.api().token() } });
  t.teardown(() => cli.close());
  return { api, cli, recorder, asked };
};

const { placementId: _placementId, index: _index, ...start } = anLrpWork();
const auctions = (processGuid: string, memoryMb: number) =>
  lrpAuctions({
    ...start,
    processGuid,
    memoryMb,
    instances: [{ index: 0, placementId: `${processGuid}.0@e.0` }],
  });

t.test('auction - batches are listed, explained and replayed', async (t) => {
  const { cli, recorder } = await setUp(t);
  t.equal(await cli.run('auction', 'list'), 0);
  t.match(cli.out(), /^no batch is recorded yet\n/);
  for (const id of ['aaaaaaaa-1', 'bbbbbbbb-2'])
    recorder.record(decidedBatch(id, { cells: [aCellState()], auctions: auctions('web', 2000) }));
  t.equal(await cli.run('auction', 'list', '-n', '1'), 0);
  t.match(
    cli.out(),
    /\nbbbbbbbb +2023-11-14 22:13:20Z +1 +1 +0 +1 +1 ms +2 ms +3 ms\n1 older one is recorded/,
  );
  t.equal(await cli.run('auction', 'explain', 'web'), 0);
  t.match(cli.out(), /\nweb\.0: no place, in batch bbbbbbbb of 2023-11-14 22:13:20Z\ninsufficient/);
  t.equal(await cli.run('auction', 'explain', 'waiting'), 0);
  t.match(cli.out(), /\nwaiting: waits for the next batch, which follows at once\n/);
  t.equal(await cli.run('auction', 'replay', 'aaaa'), 0);
  t.match(cli.out(), /\nsame: 0 placements, 1 failure, sha256 [0-9a-f]{64}\n$/);
  t.same(cli.errors(), []);
});

t.test('auction - an application is meant by its name, and an instance of it', async (t) => {
  const { api, cli, recorder } = await setUp(t);
  await api.job(await api.apply('applications: [{name: web, memory: 64M}]'));
  await api.stage('web', { 'server.js': '' });
  const [process] = (await api.call('GET', '/v3/processes')).body.resources as { guid: string }[];
  const started = await api.call('GET', '/v3/apps');
  await api.call('POST', `/v3/apps/${started.body.resources[0].guid}/actions/start`);
  const [guid = ''] = [...api.bbs.lrps.keys()];
  t.ok(guid.startsWith(process?.guid ?? '?'));
  recorder.record(decidedBatch('one', { cells: [aCellState()], auctions: auctions(guid, 64) }));
  for (const name of ['web', 'web.0', guid, `${guid}.0`]) {
    t.equal(await cli.run('auction', 'explain', name), 0, name);
    const called = name.startsWith('web') ? `${name.replace('.', '\\.')}, ` : '';
    t.match(cli.out(), new RegExp(`(^|\n)${called}${guid}\\.0: placed on cell-1, in batch one`), name);
  }
  t.equal(await cli.run('auction', 'explain', 'web.7'), 1);
});

t.test('auction - what is asked of a what-if, and what the answer looks like', async (t) => {
  const { cli, asked } = await setUp(t, {
    whatIf: {
      cells: 4,
      removed: ['a', 'b'],
      moreRemoved: 3,
      added: 1,
      moved: { instances: 5, placed: 4 },
      waiting: { instances: 2, placed: 0 },
      zones: [{ zone: 'z1', cells: 3, placed: 4 }],
      places: [{ cellId: 'c', zone: 'z1', placed: 4, memoryMb: 10, diskMb: 20 }],
      withoutPlace: [{ id: 'web', instances: 1, reason: 'insufficient resources: memory', waits: true }],
      lostTasks: ['job'],
      silent: ['d'],
    },
  });
  const words = ['what-if', '--drain', 'a,b', 'c', '--lose-zone', 'z2', '--add-cells', '1:2G:4G'];
  t.equal(await cli.run('auction', ...words), 0);
  t.match(asked, [
    {
      drain: ['a', 'b', 'c'],
      loseZones: ['z2'],
      add: [{ count: 1, memoryMb: 2048, diskMb: 4096, zone: '' }],
    },
  ]);
  t.equal(
    cli.out(),
    `4 cells now, without a, b and 3 more, with 1 new one:
  4 of 5 instances there would have another place
  0 of 2 auctions waiting now would have a place

zone   cells   placed
z1     3       4

cell   zone   placed   memory left   disk left
c      z1     4        10 MB         20 MB

without a place   instances                   why
web               1           waits now too   insufficient resources: memory

tasks that would fail, since a task is run at most once:
  job

cells that do not answer take no work: d
`,
  );
});

t.test('auction - mistakes, one line each', async (t) => {
  const { cli, recorder, asked } = await setUp(t);
  for (const id of ['aa-1', 'aa-2'])
    recorder.record(decidedBatch(id, { cells: [aCellState()], auctions: auctions('web', 64) }));
  const mistakes: [string[], RegExp][] = [
    [['replay', 'zz'], /^outcry: BATCH_UNKNOWN: no recorded batch 'zz'; 'outcry auction list'/],
    [['replay', 'aa'], /^outcry: BATCH_AMBIGUOUS: several batches begin with 'aa': aa-2, aa-1; /],
    [['replay'], /^outcry: USAGE: BATCH is missing; /],
    [['explain', 'nobody'], /^outcry: AUCTION_UNKNOWN: no recorded batch has nobody: no application, /],
    [['list', '-n', '0'], /^outcry: USAGE: -n takes a whole number from 1 to 500, not '0'; /],
    [['what-if'], /^outcry: USAGE: --drain, --lose-zone or --add-cells is missing; /],
    [['what-if', 'cell-1'], /^outcry: USAGE: unexpected 'cell-1'; /],
    [
      ['what-if', '--add-cells', '3:4G'],
      /^outcry: USAGE: --add-cells takes N:MEMORY:DISK or .*, not '3:4G'; /,
    ],
    [['what-if', '--add-cells', '0:1G:1G'], /^outcry: USAGE: the number in --add-cells takes a whole number/],
    [['what-if', '--add-cells', '1:lots:1G'], /^outcry: USAGE: the memory in --add-cells must be a size/],
    [['what-if', '--add-cells', '1:1G:1G:z:1'], /^outcry: USAGE: --add-cells takes /],
    [['lst'], /^outcry: USAGE: no 'auction lst' \(did you mean 'list'\?\); /],
    [[], /^outcry: USAGE: one of list, explain, replay, what-if, run is missing; /],
  ];
  for (const [words, line] of mistakes) {
    t.equal(await cli.run('auction', ...words), 1, words.join(' '));
    t.match(cli.errors().at(-1), line);
  }
  t.equal(cli.errors().length, mistakes.length);
  t.same(asked, []);
});

t.test('auction - nothing is recorded, or no auctioneer is active', async (t) => {
  const off = await setUp(t, { maxBytes: 0 });
  for (const words of [['list'], ['explain', 'web'], ['replay', 'a']]) {
    t.equal(await off.cli.run('auction', ...words), 1);
    t.match(off.cli.errors().at(-1), /^outcry: RECORDING_OFF: the auctioneer records no batches; /);
  }
  const api = await startApi(t);
  const alone = createFakeCli({ api: { url: api.url(), token: api.api().token() } });
  t.teardown(() => alone.close());
  for (const words of [['list'], ['explain', 'web'], ['replay', 'a'], ['what-if', '--drain', 'a']]) {
    t.equal(await alone.run('auction', ...words), 1);
    t.match(
      alone.errors().at(-1),
      /^outcry: AUCTIONEER_UNAVAILABLE: no auctioneer answers: none is active on the bus; /,
    );
  }
});

t.test('auction - what the auctioneer cannot tell, in its words', async (t) => {
  const cases: [Partial<WhatIf>, RegExp][] = [
    [
      { unknownCells: ['cel-1'], known: ['cell-1', 'cell-2'] },
      /CELL_UNKNOWN: no cell 'cel-1'; did you mean 'cell-1'\?; /,
    ],
    [{ unknownCells: ['x'], known: [] }, /CELL_UNKNOWN: no cell 'x'; 'outcry cells' lists them$/],
    [{ unknownZones: ['x'], known: ['z1', 'z2'] }, /ZONE_UNKNOWN: no zone 'x'; there are z1, z2; /],
    [
      { problem: 'no cell answers' },
      /WHAT_IF_UNANSWERED: what would happen cannot be told: no cell answers; /,
    ],
  ];
  for (const [whatIf, line] of cases) {
    const { cli } = await setUp(t, { whatIf });
    t.equal(await cli.run('auction', 'what-if', '--drain', 'x'), 1);
    t.match(cli.errors(), [line]);
  }
});
