import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createPrometheusMetrics } from '../../../common/adapters/prometheus-metrics.js';
import { NO_METRICS } from '../../../common/ports/metrics.js';
import type { Sample } from '../../../common/ports/metrics.js';
import { metricsContract } from '../../contract/metrics.js';
import { samplesOf } from '../../support/metrics.js';

const open = () => {
  const logger = createCaptureLogger();
  return { logger, metrics: createPrometheusMetrics({ logger }) };
};

t.test('no metrics', async (t) => metricsContract(t, () => NO_METRICS));
t.test('prometheus', async (t) => metricsContract(t, () => open().metrics));

t.test('no metrics - shows nothing', async (t) => {
  NO_METRICS.counter('Done', { help: 'Things done.' }).increment();
  t.equal(await NO_METRICS.scrape(), '');
});

t.test('prometheus - shows counters with their labels, help and unit', async (t) => {
  const { metrics } = open();
  const counter = metrics.counter('Done', { help: 'Things done.', unit: 'ms', labels: ['whom'] });
  counter.increment({ whom: 'a "b"\n' }, 2);
  counter.increment({ whom: 'a "b"\n' });
  t.equal(
    await metrics.scrape(),
    '# HELP Done Things done. (ms)\n# TYPE Done counter\nDone{whom="a \\"b\\"\\n"} 3\n',
  );
});

t.test('prometheus - a histogram has cumulated buckets, a sum and a count', async (t) => {
  const { metrics } = open();
  const histogram = metrics.histogram('Took', { help: 'Time taken.', unit: 'ns', buckets: [10, 100] });
  for (const value of [10, 11, 1_000]) histogram.observe(value);
  t.match(await samplesOf(metrics), {
    'Took_bucket{le="10"}': 1,
    'Took_bucket{le="100"}': 2,
    'Took_bucket{le="+Inf"}': 3,
    Took_sum: 1_021,
    Took_count: 3,
  });
});

t.test('prometheus - a family is read once per scrape, and shows what is there then', async (t) => {
  const { metrics } = open();
  let reads = 0;
  let cells: Sample[] = [{ labels: { cell: 'a' }, value: 1 }];
  metrics.gauges(
    {
      Depth: { help: 'How deep.' },
      Load: { help: 'Of cells.', labels: ['cell'] },
      Unknown: { help: 'No.' },
      Unheard: { help: 'Of cells.', labels: ['cell'] },
    },
    () => ({ Depth: (reads += 1), Load: cells, Unknown: undefined, Unheard: undefined }),
  );
  t.same(await samplesOf(metrics), { Depth: 1, 'Load{cell="a"}': 1 });
  cells = [{ labels: { cell: 'b' }, value: 2 }];
  t.same(await samplesOf(metrics), { Depth: 2, 'Load{cell="b"}': 2 });
});

t.test('prometheus - counters read elsewhere show what they stand at, not what was added', async (t) => {
  const { metrics } = open();
  const state = { requests: 5, answers: [{ labels: { status: '2xx' }, value: 4 }] };
  metrics.counters(
    { requests: { help: 'All.' }, answers: { help: 'Per class.', labels: ['status'] } },
    () => state,
  );
  t.same(await samplesOf(metrics), { requests: 5, 'answers{status="2xx"}': 4 });
  state.requests = 6;
  t.same(await samplesOf(metrics), { requests: 6, 'answers{status="2xx"}': 4 });
});

t.test('prometheus - a reading that throws is left out, and logged', async (t) => {
  const { metrics, logger } = open();
  let broken = false;
  metrics.gauges({ Depth: { help: 'How deep.' }, Width: { help: 'How wide.' } }, () => {
    if (broken) throw new Error('no bottom');
    return { Depth: 1, Width: 2 };
  });
  metrics.counter('Done', { help: 'Things done.' });
  t.same(await samplesOf(metrics), { Depth: 1, Width: 2, Done: 0 });
  broken = true;
  t.same(await samplesOf(metrics), { Done: 0 });
  broken = false;
  t.same(await samplesOf(metrics), { Depth: 1, Width: 2, Done: 0 });
  t.match(logger.named('metrics-not-read'), [
    { fields: { metrics: ['Depth', 'Width'], error: { message: 'no bottom' } } },
  ]);
});

t.test(
  'prometheus - a name twice, or one that is none, is a defect; another registry has its own',
  async (t) => {
    const { metrics } = open();
    metrics.counter('Done', { help: 'Things done.' });
    t.throws(() => metrics.counter('Done', { help: 'Again.' }), /already been registered/);
    t.throws(() => metrics.counter('Domain.apps', { help: 'Dots.' }), /Invalid metric name/);
    t.throws(() => metrics.counter('Other', { help: 'Labels.', labels: ['cell-id'] }), /Invalid label name/);
    t.doesNotThrow(() => open().metrics.counter('Done', { help: 'Elsewhere.' }));
  },
);

t.test('prometheus - what Node says of the process is shown where it is asked for', async (t) => {
  t.same(Object.keys(await samplesOf(open().metrics)), []);
  const metrics = createPrometheusMetrics({ logger: createCaptureLogger(), process: true });
  const samples = await samplesOf(metrics);
  t.ok((samples['process_resident_memory_bytes'] ?? 0) > 1e6);
  t.ok((samples['process_cpu_seconds_total'] ?? 0) > 0);
  t.ok('nodejs_eventloop_lag_p99_seconds' in samples);
});

t.test('prometheus - a reading that does not fit its registration costs itself alone', async (t) => {
  const { metrics, logger } = open();
  metrics.gauges({ Load: { help: 'Of cells.', labels: ['cell'] } }, () => ({
    Load: [{ labels: { zone: 'z1' }, value: 1 }],
  }));
  metrics.counter('Done', { help: 'Things done.' });
  t.same(await samplesOf(metrics), { Done: 0 });
  t.equal(logger.named('metrics-not-read').length, 1);
});
