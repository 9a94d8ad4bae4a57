import t from 'tap';
import { STATUS_CLASSES } from '../../../router/core/status-class.js';
import { createFigures, mergeFigures } from '../../../router/status/figures.js';
import type { AccessRecord } from '../../../router/core/access-line.js';

const ended = (component: string, status: number, beganAt: number): AccessRecord =>
  ({ beganAt, status, endpoint: { app: '', tags: { component } } }) as unknown as AccessRecord;

t.test('figures - components by class of status; of several processes added up', async (t) => {
  const [one, two] = [createFigures(), createFigures()];
  one.ended(ended('a', 200, 90), 100);
  one.ended(ended('a', 404, 80), 100);
  one.ended(ended('', 200, 80), 100);
  two.ended(ended('a', 101, 70), 100);
  two.ended(ended('b', 599, 60), 100);
  t.same(STATUS_CLASSES, ['2xx', '3xx', '4xx', '5xx', 'xxx']);
  t.same(mergeFigures([one.snapshot(100), two.snapshot(100)]).components, {
    a: { requests: 3, responses: [1, 0, 1, 0, 1], latencies: [10, 20, 30] },
    b: { requests: 1, responses: [0, 0, 0, 1, 0], latencies: [40] },
  });
});

t.test('figures - a registrar that names a new component each time fills no memory', async (t) => {
  const figures = createFigures();
  for (let at = 0; at < 1_000; at += 1) figures.ended(ended(`c${at}`, 200, 0), 1);
  t.equal(Object.keys(figures.snapshot(1).components).length, 100);
  figures.ended(ended('c0', 200, 0), 1);
  t.equal(figures.snapshot(1).components['c0']?.requests, 2, 'those that are known are counted on');
});
