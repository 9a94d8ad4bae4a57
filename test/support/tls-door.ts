import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { ClientRole } from '../../common/model/well-known.js';
import { createDoor } from '../../common/runtime/door.js';
import { doorFailure } from '../../common/runtime/door-failure.js';
import { connectionTo } from '../../common/runtime/endpoint.js';
import type { TlsFiles } from '../../common/runtime/tls-files.js';
import { createTestAuthority } from './certificates.js';

type Test = { teardown(task: () => unknown): unknown };

const clock = createSystemClock();

/** An authority in a directory of its own, doors with its certificates, and clients that ask at them. */
export const openTlsDoors = async (t: Test) => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-door-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const authority = await createTestAuthority(dir);
  const logger = createCaptureLogger();
  const client = { what: 'client', clock, logger };

  const openDoor = async (tls: TlsFiles, clients?: readonly ClientRole[]) => {
    const address = { host: '127.0.0.1', port: 0, tls, ...(clients && { clients }) };
    const door = createDoor({ address, what: 'BBS', clock, logger });
    door.server((_request, response) => response.end('open'));
    await door.open();
    t.teardown(() => door.close());
    return door;
  };
  /** one that stays: `ask` answers status and text */
  const connect = (url: string, tls: TlsFiles) => {
    const { origin, options } = connectionTo({ url, tls }, client);
    const pool = new Pool(origin, options);
    t.teardown(() => pool.destroy());
    return {
      pool,
      async ask() {
        const { statusCode, body } = await pool.request({ path: '/', method: 'GET' });
        return { status: statusCode, text: await body.text() };
      },
    };
  };
  const get = async (url: string, tls?: TlsFiles): Promise<string> => {
    const { origin, options } = connectionTo(tls ? { url, tls } : { url }, client);
    const pool = new Pool(origin, options);
    try {
      return await (await pool.request({ path: '/', method: 'GET' })).body.text();
    } catch (error) {
      return `refused: ${doorFailure(error, true).reason}`;
    } finally {
      await pool.destroy();
    }
  };
  return {
    dir,
    authority,
    logger,
    openDoor,
    listen: async (tls: TlsFiles) => (await openDoor(tls)).url(),
    connect,
    get,
  };
};
