/** What holds for whatever metrics a component is given, whether somebody shows them or not. */
import type { Test } from 'tap';
import { DURATION_BUCKETS_NS } from '../../common/ports/metrics.js';
import type { Metrics } from '../../common/ports/metrics.js';

export const metricsContract = (t: Test, create: () => Metrics): void => {
  t.test('contract - takes whatever is measured as registered', async (t) => {
    const metrics = create();
    const counter = metrics.counter('Done', { help: 'Things done.' });
    const labelled = metrics.counter('DoneBy', { help: 'Things done.', labels: ['whom'] });
    const histogram = metrics.histogram('Took', {
      help: 'Time taken.',
      unit: 'ns',
      buckets: DURATION_BUCKETS_NS,
    });
    t.doesNotThrow(() => {
      counter.increment();
      counter.increment({}, 2);
      labelled.increment({ whom: 'me' });
      labelled.increment({ whom: 'you' }, 0);
      histogram.observe(1e6);
      histogram.observe(0);
    });
  });

  t.test('contract - a scrape is text of the type that is told', async (t) => {
    const metrics = create();
    metrics.counter('Done', { help: 'Things done.' }).increment();
    t.type(await metrics.scrape(), 'string');
    t.match(metrics.contentType, /^text\/plain/);
  });

  t.test('contract - nothing is read before somebody asks', async (t) => {
    const metrics = create();
    let reads = 0;
    metrics.gauges({ Depth: { help: 'How deep.' } }, () => ({ Depth: (reads += 1) }));
    metrics.counters({ Sunk: { help: 'What sank.' } }, () => ({ Sunk: (reads += 1) }));
    t.equal(reads, 0);
  });

  t.test('contract - one reading that throws costs no other metric, and no scrape', async (t) => {
    const metrics = create();
    metrics.gauges({ Broken: { help: 'Cannot be read.' } }, () => {
      throw new Error('no');
    });
    metrics.counter('Done', { help: 'Things done.' }).increment();
    await t.resolves(metrics.scrape());
  });
};
