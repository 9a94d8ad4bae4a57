import { join } from 'node:path';
import t from 'tap';
import { createDownloader } from '../../../cell-rep/actions/download.js';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { requireSuite } from '../../support/requires.js';
import { openTlsDoors } from '../../support/tls-door.js';

const clock = createSystemClock();

const suite = (): void => {
  t.test('download - says why the droplet store does not let this client in', async (t) => {
    const { authority, dir, openDoor } = await openTlsDoors(t);
    const url = (await openDoor(await authority.issue('server'), ['cell'])).url();
    const logger = createCaptureLogger();
    const downloader = createDownloader({
      cacheDir: join(dir, 'cache'),
      clock,
      logger,
      hosts: { 'blobs.internal': { url, tls: await authority.issue('api', { role: 'api' }) } },
    });
    t.teardown(() => downloader.close());
    const action = {
      artifact: 'droplet',
      from: 'http://blobs.internal/droplets/1',
      to: '.',
      cacheKey: '',
      logSource: '',
      user: '',
      checksumAlgorithm: '' as const,
      checksumValue: '',
    };
    const result = await downloader.fetch(action, new AbortController().signal);
    t.match(result, { ok: false, reason: /does not let in api/ });
    await downloader.fetch(action, new AbortController().signal);
    t.match(
      logger.named('downloader.droplet-store-refused').map(({ fields }) => fields),
      [{ code: 'CLIENT_ROLE_REFUSED' }],
      'told once',
    );
  });
};

requireSuite(t, 'nats', suite);
