import t, { type Test } from 'tap';
import { createAnswers } from '../../../auctioneer/recording/answers.js';
import { lrpAuctions } from '../../../auctioneer/core/auction.js';
import { noAnswer } from '../../../auctioneer/core/what-if.js';
import { subscribeQuestions } from '../../../auctioneer/handlers/questions.js';
import { silentLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { ok } from '../../../common/model/result.js';
import { startApi } from '../../support/api.js';
import { decidedBatch, startRecording } from '../../support/auction-records.js';
import { addCell, presenceOf } from '../../support/bus-cells.js';
import { aCellState, anLrpWork } from '../../support/cell-states.js';
import { CLI_START, type CliOptions, createFakeCli } from '../../support/cli-context.js';
import { claimedRow } from '../../support/fake-bbs.js';

const { placementId: _placementId, index: _index, ...start } = anLrpWork();

/** The API itself, an auctioneer that has run one batch, one cell that answers and one that does not. */
const setUp = async (t: Test, options: CliOptions = {}, { auctioneer = true } = {}) => {
  const api = await startApi(t, { cell_state_timeout: '50ms' });
  const { recorder } = startRecording();
  if (auctioneer)
    subscribeQuestions({
      bus: api.bus,
      answers: createAnswers({ recorder, clock: createSystemClock(), waits: () => false }),
      whatIf: async () => noAnswer(''),
      logger: silentLogger,
      queue: 'auctioneer',
    });
  const instances = [{ index: 0, placementId: 'web.0@e.0' }];
  const auctions = lrpAuctions({ ...start, processGuid: 'web', memoryMb: 2000, instances });
  recorder.record(decidedBatch('aaaaaaaa-1', { cells: [aCellState()], auctions }));
  const cells = async () => ok(['cell-1', 'cell-2'].map(presenceOf));
  Object.assign(api.bbs.client, { cells });
  addCell(api.bus, aCellState({ lrpCounts: new Map([['other', 3]]) }));
  const waits = { state: 'UNCLAIMED', cellId: '', since: (CLI_START - 5_000) * 1e6 } as const;
  api.bbs.actuals = [
    claimedRow({ ...waits, processGuid: 'web', placementError: 'insufficient resources: memory' }),
    claimedRow({ processGuid: 'other' }),
  ];
  const cli = createFakeCli({ api: { url: api.url(), token: api.api().token() }, ...options });
  t.teardown(() => cli.close());
  return { api, cli };
};

const WHOLE =
  /^outcry top {3}03:04:05Z {3}3 instances, 0 tasks {3}1024 of 1024 MB free\n\n2 cells\n.*\ncell-2 +z1 +not yet +does not answer\ncell-1 +z1 +1024\/1024 .*\n\nlatest batches\n.*\naaaaaaaa +22:13:20 +1 +1 +0 +1 .*\n\n1 instance and 0 tasks wait for a place\n.*\nweb +1 instance +5 s +insufficient resources: memory\n$/s;

t.test('top - one look, as text, where there is no terminal', async (t) => {
  const { cli } = await setUp(t);
  t.equal(await cli.run('top'), 0);
  t.match(cli.out(), WHOLE);
  t.equal(cli.err(), '');
});

t.test('top - one look on a terminal when it is asked for, and as JSON', async (t) => {
  const { cli } = await setUp(t, { screen: { columns: 120, rows: 24 } });
  t.equal(await cli.run('top', '--once'), 0);
  t.match(cli.out(), WHOLE);
  const before = cli.out().length;
  t.equal(await cli.run('top', '--json'), 0);
  t.match(JSON.parse(cli.out().slice(before)), {
    at: CLI_START,
    cells: [
      { cell_id: 'cell-1', state: { lrp_counts: { other: 3 } } },
      { cell_id: 'cell-2', state: null },
    ],
    batches: { recording: true, batches: [{ id: 'aaaaaaaa-1', auctions: 1, failed: 1 }] },
    waiting: { instances: 1, tasks: 0, groups: [{ kind: 'instances', id: 'web.0', count: 1 }] },
    problems: [],
  });
  t.same(cli.drawn(), []);
});

t.test('top - on a terminal it is drawn again and again, until q is pressed', async (t) => {
  let looks = 0;
  const { api, cli } = await setUp(t, {
    screen: { columns: 100, rows: 24 },
    onSleep(ms, { press }) {
      looks += 1;
      t.ok(ms >= 5_000);
      press('x');
      if (looks === 1) api.bbs.actuals = [];
      if (looks === 3) press('q');
    },
  });
  t.equal(await cli.run('top', '--every', '5'), 0);
  const frames = cli.drawn();
  t.equal(frames.at(-1), undefined, 'the terminal is given back');
  t.equal(looks, 3);
  t.equal(frames.length, 4);
  t.match(frames[0]?.join('\n'), /q ends\n.*\nweb +1 instance/s);
  t.match(frames[1]?.join('\n'), /nothing waits for a place/);
  t.same([cli.out(), cli.err()], ['', '']);
});

t.test('top - Ctrl-C ends it, whether as a key or as a signal', async (t) => {
  for (const end of ['\u0003', 'signal']) {
    const { cli } = await setUp(t, {
      screen: { columns: 100, rows: 24 },
      onSleep: (_ms, { press, interrupt }) => (end === 'signal' ? interrupt() : press(end)),
    });
    t.equal(await cli.run('top'), 0);
    t.equal(cli.drawn().at(-1), undefined);
  }
});

t.test('top - what cannot be read for a while is told, beside what was read before', async (t) => {
  let looks = 0;
  const { api, cli } = await setUp(t, {
    screen: { columns: 200, rows: 40 },
    onSleep(_ms, { press }) {
      looks += 1;
      api.bbs.away = looks === 1;
      if (looks === 3) press('q');
    },
  });
  t.equal(await cli.run('top'), 0);
  const [, away = [], back = []] = cli.drawn();
  t.match(away.join('\n'), /wait for a place\noutcry: BBS_UNAVAILABLE: .*\nwaiting .*\nweb +1 instance/);
  t.notMatch(back.join('\n'), /outcry: /);
});

t.test('top - without an auctioneer the rest is shown; with nothing to show it fails', async (t) => {
  const { cli } = await setUp(t, {}, { auctioneer: false });
  t.equal(await cli.run('top'), 0);
  t.match(cli.out(), /\nbatches\noutcry: AUCTIONEER_UNAVAILABLE: .*\n\n1 instance/);
  const nobody = createFakeCli({
    api: { url: 'http://127.0.0.1:1', token: 'none' },
    screen: { columns: 80, rows: 24 },
  });
  t.teardown(() => nobody.close());
  t.equal(await nobody.run('top'), 1);
  t.match(nobody.err(), /^outcry: API_UNREACHABLE: /);
  t.same(nobody.drawn(), [undefined], 'the terminal is given back first');
});

t.test('top - what is asked wrongly', async (t) => {
  const { cli } = await setUp(t);
  t.equal(await cli.run('top', '--every', '0'), 1);
  t.equal(await cli.run('top', 'cells'), 1);
  t.match(cli.errors(), [/USAGE: --every takes a whole number from 1 to 3600/, /USAGE: unexpected 'cells'/]);
});
