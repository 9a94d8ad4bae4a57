import t from 'tap';
import { unheardOf } from '../../auctioneer/core/recording/told.js';
import { instanceStats } from '../../api/core/stats.js';
import type { ProcessRow } from '../../api/core/rows.js';
import type { ActualLrp } from '../../common/model/lrp.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { startApi } from '../support/api.js';
import type { Loose } from '../support/api.js';

const NOW_MS = 1_700_000_000_000;

const actual = (index: number, overrides: Partial<ActualLrp> = {}): ActualLrp => ({
  processGuid: 'p',
  index,
  domain: 'cf-apps',
  instanceGuid: `i${index}`,
  cellId: 'cell-1',
  address: '10.0.0.1',
  ports: [{ containerPort: 8080, hostPort: 61_000, containerTlsProxyPort: 0, hostTlsProxyPort: 0 }],
  instanceAddress: '',
  preferredAddress: 'UNKNOWN',
  instanceIpv6Address: '',
  crashCount: 0,
  crashReason: '',
  state: 'RUNNING',
  placementError: '',
  since: (NOW_MS - 90_500) * 1e6,
  modificationTag: { epoch: 'e', index: 1 },
  presence: 'ORDINARY',
  internalRoutes: [],
  metricTags: {},
  availabilityZone: '',
  ...overrides,
});

const stats = (instances: number, actuals: ActualLrp[], appState: 'STARTED' | 'STOPPED' = 'STARTED') =>
  instanceStats({ process: { instances } as ProcessRow, appState, actuals, nowMs: NOW_MS });

t.test('stats - Diego states in the words of Cloud Controller', async (t) => {
  const unplaced = { state: 'UNCLAIMED', cellId: '' } as const;
  const CASES: [ActualLrp[], string, string | null][] = [
    [[actual(0)], 'RUNNING', null],
    [[actual(0, { routable: false })], 'STARTING', null],
    [[actual(0, { state: 'CLAIMED' })], 'STARTING', null],
    [[actual(0, unplaced)], 'STARTING', null],
    [
      [actual(0, { ...unplaced, placementError: 'insufficient resources: memory' })],
      'DOWN',
      'insufficient resources: memory',
    ],
    [
      [actual(0, { state: 'CRASHED', crashReason: 'Exited with status 1' })],
      'CRASHED',
      'Exited with status 1',
    ],
    [[], 'DOWN', null],
    [[actual(0, { ...unplaced }), actual(0, { presence: 'SUSPECT' })], 'RUNNING', null],
    [[actual(0, { presence: 'EVACUATING' }), actual(0, { state: 'CLAIMED' })], 'RUNNING', null],
    [[actual(0, { presence: 'SUSPECT' }), actual(0, { since: 0 })], 'RUNNING', null],
    [[actual(7)], 'DOWN', null],
  ];
  for (const [actuals, state, details] of CASES) {
    t.match(stats(1, actuals), [{ index: 0, state, details }], state);
  }
  t.equal(stats(1, [actual(0)])[0]?.uptime, 90);
  t.same(stats(0, [actual(0)]), []);
  t.same(
    stats(3, [actual(0), actual(1)], 'STOPPED').map(({ state }) => state),
    ['DOWN', 'DOWN', 'DOWN'],
  );
});

t.test('stats - over HTTP an unplaced instance shows why, a placed one its cell', async (t) => {
  const api = await startApi(t);
  await api.job(await api.apply('applications: [{name: web, instances: 2, memory: 64M}]'));
  const { appGuid } = await api.stage('web', { 'server.js': '' });
  await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
  const [lrp] = api.bbs.lrps.values();
  const placementError = 'insufficient resources: memory';
  const nearest = `${placementError} (cell-2 comes nearest: 64 MB of memory short)`;
  const processGuid = lrp?.processGuid ?? '';
  api.bbs.actuals = [
    actual(0, { processGuid, since: (api.clock.now() - 5000) * 1e6 }),
    actual(1, { processGuid, state: 'UNCLAIMED', cellId: '', placementError }),
  ];
  const unexplained = await api.call('GET', `/v3/processes/${appGuid}/stats`);
  t.match(unexplained.body.resources[1], { state: 'DOWN', details: placementError });
  api.bus.subscribe(SUBJECTS.auctionExplain, (message) => {
    const query = decode('ExplainQuery', message.payload);
    const known = query.ok && query.value.id === `${processGuid}.1`;
    message.respond(encode('Explanation', { ...unheardOf('', true), text: known ? nearest : '' }));
  });
  const { body } = await api.call('GET', `/v3/processes/${appGuid}/stats`);
  t.match(body.resources, [
    {
      type: 'web',
      index: 0,
      state: 'RUNNING',
      uptime: 5,
      usage: {},
      mem_quota: 64 * 1024 ** 2,
      details: null,
      cell_id: 'cell-1',
      instance_ports: [{ external: 61_000, internal: 8080 }],
    },
    { index: 1, state: 'DOWN', details: nearest, cell_id: null, mem_quota: null },
  ]);
  for (const entry of body.resources as Loose[]) t.ok(Number.isInteger(entry.uptime));
  t.equal((await api.call('DELETE', `/v3/processes/${appGuid}/instances/1`)).status, 204);
  t.ok(api.bbs.calls.includes(`retire ${processGuid}.1`));
  t.match(await api.call('DELETE', `/v3/apps/${appGuid}/processes/web/instances/2`), {
    status: 404,
    body: { errors: [{ detail: 'Instance not found' }] },
  });
  api.bbs.away = true;
  t.match(await api.call('GET', `/v3/processes/${appGuid}/stats`), {
    status: 503,
    body: { errors: [{ outcry: { code: 'BBS_UNAVAILABLE' } }] },
  });
});
