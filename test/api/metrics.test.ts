import t from 'tap';
import { startApi } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { samplesOf } from '../support/metrics.js';

t.test('api metrics - requests by route template and class of status', async (t) => {
  const api = await startApi(t);
  for (const guid of ['one', 'two']) t.equal((await api.call('GET', `/v3/apps/${guid}`)).status, 404);
  t.equal((await api.call('GET', '/v3/apps')).status, 200);
  t.equal((await api.call('GET', '/v3/apps', { token: 'wrong' })).status, 401);
  t.equal((await api.call('GET', '/v3/nothing/of/the/kind')).status, 404);
  // an answer is counted when it is through, which its reader may know first
  const samples = await eventually(async () => {
    const now = await samplesOf(api.metrics());
    return now['RequestCount{route="",status_class="4xx"}'] === 1 && now;
  });
  t.match(samples, {
    'RequestCount{route="GET /v3/apps/:guid",status_class="4xx"}': 2,
    'RequestCount{route="GET /v3/apps",status_class="2xx"}': 1,
    'RequestCount{route="GET /v3/apps",status_class="4xx"}': 1,
    'RequestLatency_count{route="GET /v3/apps"}': 2,
  });
  // ns: no request over TCP takes less than ten thousand of them
  t.ok((samples['RequestLatency_sum{route="GET /v3/apps"}'] ?? 0) > 10_000);
});

t.test('api health - started, with a store, and with a BBS that answers', async (t) => {
  const api = await startApi(t);
  const health = () => api.api().health();
  t.match(health(), { healthy: true, reason: '', details: { bbs: true, store: true, bus: true } });
  api.bbs.away = true;
  await api.clock.advance(60_000);
  t.match(health(), { healthy: false, reason: 'the BBS does not answer', details: { bbs: false } });
  api.bbs.away = false;
  await api.clock.advance(5_000);
  t.match(health(), { healthy: true });
  api.engine.faults.fence('api');
  t.not((await api.apply('applications: [{name: hello}]')).status, 202);
  t.match(health(), { healthy: false, reason: 'the store is lost', details: { store: false } });
  t.equal(api.losses.length, 1, 'whoever runs it is told');
});
