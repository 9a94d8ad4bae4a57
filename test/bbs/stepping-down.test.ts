import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Client } from 'undici';
import { assembleBbs } from '../../bbs/assemble.js';
import { bbsConfig } from '../../bbs/config.js';
import { createBbsClient } from '../../bbs/index.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { createGroup } from '../../common/runtime/group.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import { BBS_ROUTES } from '../../common/wire/routes.js';
import { encode } from '../../common/wire/codec.js';
import { desiredLrp, must, presenceLease } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';

t.test('bbs - one that has lost its store lets go of the bus and of its listeners', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'bbs-'));
  const clock = createSystemClock();
  const bus = createMemoryBus({ clock });
  const engine = createMemoryEngine();
  const socketPath = join(dir, 'bbs.sock');
  const { members } = assembleBbs({
    config: must(bbsConfig.parse({ listen: { socket: socketPath } }, 'test')),
    clock,
    random: createSystemRandom(),
    logger: silentLogger,
    bus: bus.client(),
    engine,
  });
  const group = createGroup(members, silentLogger);
  await group.start();
  const client = createBbsClient({ endpoint: { socketPath }, clock, logger: silentLogger, attempts: 1 });
  t.teardown(async () => {
    await client.close();
    await group.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const renew = () =>
    bus.request('cell.cell-1.presence', encode('LeaseRequest', presenceLease('cell-1')), {
      timeoutMs: 1_000,
    });
  t.match(await renew(), { ok: true });
  const listener = new Client('http://bbs', { socketPath });
  t.teardown(() => listener.destroy());
  const stream = await listener.request({ path: BBS_ROUTES.OutcryEventStream, method: 'GET' });
  let ended = false;
  const read = async (): Promise<void> => {
    for await (const chunk of stream.body) t.ok(chunk);
    ended = true;
  };
  void read();

  engine.faults.fence('bbs');
  t.match(await client.desireLrp(desiredLrp(), ''), { ok: false });
  await eventually(() => ended, { what: 'its listeners are sent to whoever serves now' });
  t.match(await renew(), { ok: false, error: 'no-responders' }, 'another BBS may be there to answer');
});
