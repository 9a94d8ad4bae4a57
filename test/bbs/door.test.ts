import t from 'tap';
import { createCaptureLogger, silentLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { createGroup } from '../../common/runtime/group.js';
import type { TlsFiles } from '../../common/runtime/tls-files.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import { assembleBbs } from '../../bbs/assemble.js';
import { bbsConfig } from '../../bbs/config.js';
import { createBbsClient } from '../../bbs/index.js';
import { must } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import { requireSuite } from '../support/requires.js';
import { openTlsDoors } from '../support/tls-door.js';

const clock = createSystemClock();

type Test = { teardown(task: () => unknown): unknown };

/** A BBS that lets in auctioneers alone. */
const startBbs = async (t: Test, { certFile, keyFile, caFile }: TlsFiles): Promise<string> => {
  const tls = { cert: certFile, key: keyFile, ca: caFile, clients: ['auctioneer'] };
  const logger = createCaptureLogger();
  const { members } = assembleBbs({
    config: must(bbsConfig.parse({ listen: { host: '127.0.0.1', port: 0, tls } }, 'test')),
    clock,
    random: createSystemRandom(),
    logger,
    bus: createMemoryBus(),
    engine: createMemoryEngine(),
  });
  const group = createGroup(members, silentLogger);
  await group.start();
  t.teardown(() => group.stop());
  return String(logger.named('bbs.listening')[0]?.fields['url']);
};

const suite = (): void => {
  t.test('BBS - a client of a role that is not let in says so itself, once', async (t) => {
    const { authority } = await openTlsDoors(t);
    const url = await startBbs(t, await authority.issue('server'));
    const connect = async (name: string, role: string) => {
      const logger = createCaptureLogger();
      const endpoint = { url, tls: await authority.issue(name, { role }) };
      const client = createBbsClient({ endpoint, clock, logger, attempts: 1 });
      t.teardown(() => client.close());
      return { client, logger };
    };
    const { client: auctioneer } = await connect('auctioneer', 'auctioneer');
    t.same(await auctioneer.domains(), { ok: true, value: [] });

    const { client: router, logger } = await connect('router', 'router');
    t.match(await router.domains(), {
      ok: false,
      error: { unavailable: true, message: /does not let in router/ },
    });
    t.match(await router.upsertDomain('d', 0, ''), { ok: false });
    t.match(
      logger.named('bbs-does-not-answer').map(({ fields }) => fields),
      [{ code: 'CLIENT_ROLE_REFUSED', message: /is router, .* are auctioneer/, remedy: /certificate/ }],
    );

    const listening = await connect('router-2', 'router');
    const onGap = (): void => void t.fail('no events for one who is refused');
    listening.client.subscribe({ onEvent: () => undefined, onGap });
    const cut = await eventually(() => listening.logger.named('bbs-does-not-answer')[0]);
    t.match(cut.fields, { code: 'CLIENT_ROLE_REFUSED' });
    t.same(await auctioneer.domains(), { ok: true, value: [] }, 'nothing has been changed');
  });
};

requireSuite(t, 'nats', suite);
