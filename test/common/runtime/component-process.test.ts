import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Pool } from 'undici';
import { runComponent } from '../../../common/runtime/component-process.js';
import type { ComponentMain } from '../../../common/runtime/component-process.js';
import { main as router } from '../../../router/main.js';
import { eventually } from '../../support/eventually.js';
import { samplesIn } from '../../support/metrics.js';
import { closedPort } from '../../support/router.js';

/** A router on a bus that is not there, until `end`. */
const startRouterProcess = async (t: { teardown(task: () => unknown): unknown }, admin: object) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-process-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const nats = { servers: [`nats://127.0.0.1:${await closedPort()}`], user: 'router', password: 'secret' };
  writeFileSync(join(dir, 'nats.json'), JSON.stringify(nats));
  const log = { file: join(dir, 'log') };
  const config = { component: 'router', nats: join(dir, 'nats.json'), port: 0, log, ...admin };
  const file = join(dir, 'router.json');
  writeFileSync(file, JSON.stringify(config));
  let end = (): void => undefined;
  const lost = new Promise<never>((_, reject) => (end = () => reject(new Error('over'))));
  const main = {
    ...router,
    assemble: async (...given: Parameters<typeof router.assemble>) => ({
      ...(await router.assemble(...given)),
      lost,
    }),
  } as unknown as ComponentMain;
  return { dir, end, ended: runComponent(main, file) };
};

t.test('component process - tells health and metrics where its configuration says', async (t) => {
  const socket = join(mkdtempSync(join(tmpdir(), 'outcry-admin-')), 'admin.sock');
  t.teardown(() => rmSync(join(socket, '..'), { recursive: true }));
  const { end, ended } = await startRouterProcess(t, { admin: { socket } });
  const pool = new Pool('http://admin', { connect: { socketPath: socket } });
  t.teardown(() => pool.destroy());
  const get = async (path: string) => {
    const { statusCode, body } = await pool.request({ path, method: 'GET' });
    return { status: statusCode, text: await body.text() };
  };
  const health = await eventually(async () => {
    const answer = await get('/health');
    return answer.status === 200 && answer;
  });
  t.match(JSON.parse(health.text), {
    healthy: true,
    component: 'router',
    listening: true,
    bus: false,
    routes: 0,
  });
  const samples = samplesIn((await get('/metrics')).text);
  t.equal(samples['total_routes'], 0);
  t.ok((samples['process_resident_memory_bytes'] ?? 0) > 0);
  end();
  await t.rejects(ended, { message: 'over' });
  await t.rejects(get('/health'), 'it is gone with the component');
});
