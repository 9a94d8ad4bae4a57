import t from 'tap';
import { firstSteps } from '../../../cli/all-in-one/tour.js';

t.test('tour - where the data are elsewhere, the command line is told', async (t) => {
  t.equal(firstSteps('/home/ann/.outcry', '/home/ann/.outcry')[0], 'npx outcry app hello');
  t.same(firstSteps('/srv/data', '/home/ann/.outcry').slice(0, 2), [
    'export OUTCRY_DATA=/srv/data',
    'npx outcry app hello',
  ]);
  t.equal(firstSteps("/srv/ann's data", '/x')[0], "export OUTCRY_DATA='/srv/ann'\\''s data'");
});
