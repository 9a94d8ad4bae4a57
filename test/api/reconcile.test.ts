import t from 'tap';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { startApi, zip } from '../support/api.js';
import type { ApiHarness } from '../support/api.js';

const started = async (t: Parameters<typeof startApi>[0]): Promise<{ api: ApiHarness; appGuid: string }> => {
  const api = await startApi(t);
  await api.job(
    await api.apply('applications: [{name: web, instances: 2, memory: 64M, default-route: true}]'),
  );
  const { appGuid } = await api.stage('web', { 'server.js': '' });
  await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
  return { api, appGuid };
};

const only = (api: ApiHarness) => [...api.bbs.lrps.values()][0]!;

t.test('reconciliation - what the rows say survives a restart, guid for guid', async (t) => {
  const { api, appGuid } = await started(t);
  const before = only(api);
  await api.restart();
  t.same(only(api), before, 'nothing is restarted');
  t.match(await api.call('GET', `/v3/apps/${appGuid}`), { body: { name: 'web', state: 'STARTED' } });
  t.equal((await api.call('GET', `/v3/apps/${appGuid}/routes`)).body.resources[0].url, 'web.localhost');
});

t.test('reconciliation - a board that lost or gained LRPs is mended at start', async (t) => {
  const { api, appGuid } = await started(t);
  const wanted = only(api);
  api.bbs.lrps.clear();
  api.bbs.lrps.set('stray-1', { ...wanted, processGuid: 'stray-1', logGuid: 'gone' });
  api.bbs.lrps.set('old', { ...wanted, processGuid: `${appGuid}-old` });
  api.bbs.lrps.set('foreign', { ...wanted, processGuid: 'foreign', domain: 'own' });
  api.bbs.lrps.delete('old');
  api.bbs.lrps.set(`${appGuid}-old`, { ...wanted, processGuid: `${appGuid}-old` });
  await api.restart();
  t.same([...api.bbs.lrps.keys()].sort(), ['foreign', wanted.processGuid].sort());
});

t.test('reconciliation - a change that the board did not get is carried out when it answers', async (t) => {
  const { api, appGuid } = await started(t);
  api.bbs.away = true;
  const refused = await api.call('POST', `/v3/apps/${appGuid}/processes/web/actions/scale`, {
    json: { instances: 7 },
  });
  t.match(refused, { status: 503, body: { errors: [{ outcry: { code: 'BBS_UNAVAILABLE' } }] } });
  t.equal((await api.call('POST', `/v3/apps/${appGuid}/actions/stop`)).status, 503);
  t.equal(api.bbs.lrps.size, 1);
  api.bbs.away = false;
  await api.clock.advance(2_000);
  await eventually(() => api.bbs.lrps.size === 0);
  t.equal((await api.call('POST', `/v3/apps/${appGuid}/actions/start`)).status, 200);
  t.equal(only(api).instances, 7);
});

t.test('reconciliation - a kill between the rows and the board is repaired by the next start', async (t) => {
  const { api, appGuid } = await started(t);
  const before = only(api).processGuid;
  // the rows change, then nothing reaches the board any more
  api.bbs.away = true;
  await api.call('POST', `/v3/apps/${appGuid}/actions/restart`);
  const removal = await api.call('DELETE', '/v3/apps/none');
  t.equal(removal.status, 404);
  api.bbs.away = false;
  await api.restart();
  t.equal(api.bbs.lrps.size, 1);
  t.not(only(api).processGuid, before, 'the new version runs, the old one has gone');

  api.bbs.away = true;
  const deleted = await api.call('DELETE', `/v3/apps/${appGuid}`);
  t.equal(deleted.status, 202);
  t.equal((await api.job(deleted)).state, 'FAILED', 'the job says that it is not done yet');
  api.bbs.away = false;
  await api.restart();
  t.equal(api.bbs.lrps.size, 0);
});

t.test('reconciliation - the domain is fresh only after a comparison that succeeded', async (t) => {
  const { api } = await started(t);
  t.equal(api.bbs.domains.get('cf-apps'), 120);
  api.bbs.domains.clear();
  api.bbs.away = true;
  await api.clock.advance(60_000);
  t.equal(api.bbs.domains.size, 0);
  api.bbs.away = false;
  api.bbs.refuse.set('list', 'UnknownError');
  await api.clock.advance(2_000);
  t.equal(api.bbs.domains.size, 0, 'not while its own comparison fails');
  await api.clock.advance(2_000);
  await eventually(() => api.bbs.domains.get('cf-apps') === 120);
});

t.test('reconciliation - a start that the board refuses for good leaves the app stopped', async (t) => {
  const { api, appGuid } = await started(t);
  await api.call('POST', `/v3/apps/${appGuid}/actions/stop`);
  api.bbs.refuse.set('desire', 'InvalidRequest');
  t.match(await api.call('POST', `/v3/apps/${appGuid}/actions/start`), {
    status: 422,
    body: { errors: [{ outcry: { code: 'BBS_REFUSED' } }] },
  });
  t.equal((await api.call('GET', `/v3/apps/${appGuid}`)).body.state, 'STOPPED');
  t.equal(api.bbs.lrps.size, 0);
});

t.test('reconciliation - a start without droplet or command is refused and changes nothing', async (t) => {
  const api = await startApi(t);
  await api.job(await api.apply('applications: [{name: web}]'));
  const appGuid = (await api.call('GET', '/v3/apps')).body.resources[0].guid;
  t.match(await api.call('POST', `/v3/apps/${appGuid}/actions/start`), {
    status: 422,
    body: { errors: [{ detail: 'Assign a droplet before starting this app.' }] },
  });
  t.equal((await api.call('GET', `/v3/apps/${appGuid}`)).body.state, 'STOPPED');
});

t.test('reconciliation - files that nothing names go at start', async (t) => {
  const { api } = await started(t);
  const dir = join(api.dir, 'blobs');
  await writeFile(join(dir, 'f'.repeat(64)), 'left over');
  await writeFile(join(dir, 'tmp', 'half'), 'half an upload');
  await api.restart();
  t.equal((await readdir(dir)).length, 2, 'the droplet and the folder for what arrives');
  t.same(await readdir(join(dir, 'tmp')), []);
});

t.test('reconciliation - a store that fails answers a clear error and changes nothing', async (t) => {
  const { api, appGuid } = await started(t);
  api.engine.faults.failCommits(1, 'disk full');
  const path = `/v3/apps/${appGuid}/actions/stop`;
  t.match(await api.call('POST', path), { status: 503, body: { errors: [{ detail: /disk full/ }] } });
  t.equal((await api.call('GET', `/v3/apps/${appGuid}`)).body.state, 'STARTED');
  t.equal(api.bbs.lrps.size, 1);
  t.equal((await api.call('POST', path)).status, 200);
  t.ok(await zip({}));
});
