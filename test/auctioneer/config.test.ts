import t from 'tap';
import { auctioneerConfig } from '../../auctioneer/config.js';

const parsed = (raw: object) => auctioneerConfig.parse(raw, 'test');

t.test('auctioneer config - how much is recorded', async (t) => {
  t.match(parsed({}), { ok: true, value: { recordingMaxBytes: 64 * 1024 ** 2 } });
  t.match(parsed({ recording: { size: '2M' } }), { ok: true, value: { recordingMaxBytes: 2 * 1024 ** 2 } });
  for (const size of [0, '0'])
    t.match(parsed({ recording: { size } }), { ok: true, value: { recordingMaxBytes: 0 } });
  for (const size of ['1K', 'much', 5, -1, null]) {
    const problem = [{ field: 'recording.size', problem: /^must be .*, or 0$/ }];
    t.match(parsed({ recording: { size } }), { ok: false, error: problem }, String(size));
  }
});
