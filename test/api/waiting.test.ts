import t from 'tap';
import { startApi } from '../support/api.js';
import { claimedRow } from '../support/fake-bbs.js';
import { taskDefinition } from '../support/bbs.js';

const waits = { state: 'UNCLAIMED', cellId: '' } as const;
const memory = 'insufficient resources: memory';

t.test('waiting - instances by process and reason, the longest wait first', async (t) => {
  const api = await startApi(t);
  api.bbs.actuals = [
    claimedRow({ ...waits, processGuid: 'one', index: 0, since: 3e9, placementError: memory }),
    claimedRow({ ...waits, processGuid: 'one', index: 1, since: 2e9, placementError: memory }),
    claimedRow({ ...waits, processGuid: 'one', index: 2, since: 5e9 }),
    claimedRow({ ...waits, processGuid: 'two', index: 0, since: 1e9 }),
    claimedRow({ processGuid: 'placed' }),
  ];
  const { body } = await api.call('GET', '/outcry/v1/waiting');
  t.same(body, {
    instances: 4,
    tasks: 0,
    groups: [
      { kind: 'instances', name: 'two', id: 'two.0', count: 1, since: 1_000, reason: '' },
      { kind: 'instances', name: 'one', id: 'one.1', count: 2, since: 2_000, reason: memory },
      { kind: 'instances', name: 'one', id: 'one.2', count: 1, since: 5_000, reason: '' },
    ],
    more_groups: 0,
  });
  const first = await api.call('GET', '/outcry/v1/waiting?limit=1');
  t.match(first.body, { instances: 4, groups: { length: 1 }, more_groups: 2 });
  t.equal((await api.call('GET', '/outcry/v1/waiting?limit=0')).status, 422);
});

t.test('waiting - applications and their tasks by name, others by what the BBS calls them', async (t) => {
  const api = await startApi(t);
  await api.job(await api.apply('applications: [{name: web, memory: 64M}]'));
  const { appGuid } = await api.stage('web', { 'server.js': '' });
  await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
  const [guid = ''] = [...api.bbs.lrps.keys()];
  api.bbs.actuals = [claimedRow({ ...waits, processGuid: guid, placementError: memory })];
  for (const command of ['one', 'two'])
    t.equal((await api.call('POST', `/v3/apps/${appGuid}/tasks`, { json: { command } })).status, 202);
  await api.bbs.client.desireTask({ taskGuid: 'job', domain: 'batch', definition: taskDefinition() }, '');
  const { body } = await api.call('GET', '/outcry/v1/waiting');
  t.match(body, { instances: 1, tasks: 3 });
  const named = (body.groups as { kind: string; name: string; count: number }[]).map(
    ({ kind, name, count }) => `${count} ${kind} of ${name}`,
  );
  t.same(named.sort(), ['1 instances of web', '1 tasks of batch', '2 tasks of web']);
});

t.test('waiting - a BBS that is away is told as such', async (t) => {
  const api = await startApi(t);
  api.bbs.away = true;
  const answer = await api.call('GET', '/outcry/v1/waiting');
  t.equal(answer.status, 503);
  t.match(answer.text, /BBS_UNAVAILABLE/);
});
