import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Pool } from 'undici';
import { runComponent } from '../../../common/runtime/component-process.js';
import type { ComponentMain } from '../../../common/runtime/component-process.js';
import { packageRoot } from '../../../common/runtime/package-root.js';
import { ROLES } from '../../../common/wire/nats-roles.js';
import { main as router } from '../../../router/main.js';
import { createTestAuthority } from '../../support/certificates.js';
import { eventually } from '../../support/eventually.js';
import { samplesIn } from '../../support/metrics.js';
import { startNatsServer } from '../../support/nats-server.js';
import { requireSuite } from '../../support/requires.js';
import { closedPort } from '../../support/router.js';
import { fingerprintOf, openTlsPeer } from '../../support/tls-peer.js';

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

/** How `outcry` with these words ends; one that does not end by itself is killed. */
const endOf = (...args: string[]) =>
  new Promise<{ status: unknown; killed: boolean; said: string }>((resolve) => {
    const command = [join(packageRoot(), 'cli/bin/outcry.mjs'), ...args];
    execFile(process.execPath, command, { timeout: 20_000 }, (error, _stdout, said) =>
      resolve({ status: error?.code ?? 0, killed: error?.killed ?? false, said }),
    );
  });

/** With a connection open, which alone would keep a process. */
const suite = (): void =>
  void t.test('component process - one that cannot be put together, or opened, ends', async (t) => {
    const server = await startNatsServer({ auctioneer: ROLES.auctioneer });
    t.teardown(() => server.close());
    const dir = mkdtempSync(join(tmpdir(), 'outcry-process-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const nats = { servers: [server.url], ...server.credentials('auctioneer') };
    writeFileSync(join(dir, 'nats.json'), JSON.stringify(nats));
    writeFileSync(join(dir, 'taken'), 'no socket');
    const common = { component: 'auctioneer', nats: 'nats.json', log: { file: 'log' } };
    const file = join(dir, 'auctioneer.json');

    const tls = { cert: 'none.pem', key: 'none.key', ca: 'none.pem' };
    writeFileSync(file, JSON.stringify({ ...common, bbs: { url: 'https://127.0.0.1:1', tls } }));
    t.match(await endOf('auctioneer', '-c', file), { status: 1, killed: false, said: 'TLS_FILES_INVALID' });

    const admin = { socket: 'taken' };
    writeFileSync(file, JSON.stringify({ ...common, bbs: { socket: 'bbs.sock' }, admin }));
    t.match(await endOf('auctioneer', '-c', file), { status: 1, killed: false, said: 'SOCKET_IN_USE' });
  });

const RENEWALS = 'certificate-renewed';

const renewalSuite = (): void =>
  void t.test('component process - takes renewed certificates at SIGHUP, and goes on', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'outcry-process-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const authority = await createTestAuthority(dir);
    const { certFile: cert, keyFile: key, caFile: ca } = await authority.issue('router');
    const operator = await authority.issue('operator', { role: 'operator' });
    const port = await closedPort();
    const admin = { host: '127.0.0.1', port, tls: { cert, key, ca, clients: ['operator'] } };
    const nats = { servers: [`nats://127.0.0.1:${await closedPort()}`], user: 'router', password: 'secret' };
    writeFileSync(join(dir, 'nats.json'), JSON.stringify(nats));
    const log = { file: 'log' };
    const file = join(dir, 'router.json');
    writeFileSync(file, JSON.stringify({ component: 'router', nats: 'nats.json', port: 0, log, admin }));
    const command = [join(packageRoot(), 'cli/bin/outcry.mjs'), 'router', '--config', file];
    const router = spawn(process.execPath, command, { stdio: 'ignore' });
    const exit = once(router, 'exit');
    t.teardown(() => router.kill('SIGKILL'));

    const peer = async () => {
      const opened = await openTlsPeer(`https://127.0.0.1:${port}`, operator);
      t.teardown(opened.close);
      return opened;
    };
    const early = await eventually(peer, { timeoutMs: 20_000 });
    t.equal(early.fingerprint, fingerprintOf(cert));
    await authority.issue('router');
    router.kill('SIGHUP');
    await eventually(() => readFileSync(join(dir, 'log'), 'utf8').includes(RENEWALS));
    t.equal((await peer()).fingerprint, fingerprintOf(cert));
    t.match(await early.ask(), /^HTTP\/1\.1 \d+ /, 'the connection of before stays');
    router.kill('SIGTERM');
    t.same(await exit, [0, null]);
  });

requireSuite(t, 'nats', suite);
requireSuite(t, 'nats', renewalSuite);
