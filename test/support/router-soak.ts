/**
 * Mixed traffic through a router on a real nats-server, while its endpoints appear, leave in good order, die without a
 * word, hang and come back, and NATS is killed twice. What has to hold: nothing reaches an endpoint after its
 * acknowledged unregistration, every request that failed has a reason in the access log, no connection and no memory is
 * left over.
 */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createNatsBus } from '../../common/adapters/nats-bus.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import type { Bus } from '../../common/ports/bus.js';
import { createGroup } from '../../common/runtime/group.js';
import { cellRole, ROLES } from '../../common/wire/nats-roles.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { assembleRouter } from '../../router/assemble.js';
import { routerConfig } from '../../router/config.js';
import { eventually } from './eventually.js';
import { startNatsServer } from './nats-server.js';
import type { NatsServer } from './nats-server.js';

export interface SoakOptions {
  seed: number;
  seconds: number;
  /** told every 30 s */
  onProgress?: (counts: SoakCounts) => void;
}

export interface SoakCounts {
  requests: number;
  answered: number;
  refused: number;
  cut: number;
  abandoned: number;
  tunnels: number;
  appeared: number;
  left: number;
  acknowledged: number;
  died: number;
  hung: number;
}

const SLOTS = 8;
const CLIENTS = 12;
const HOSTS = ['one.soak.test', 'two.soak.test'];
/** MB that may be left of all but the first third, in which everything is compiled and every list finds its length */
const GROWTH_MB = 24;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heapMb = (): number => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
};

const connections = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

const turns = async (): Promise<void> => {
  for (let nth = 0; nth < 5; nth += 1) await new Promise((resolve) => setImmediate(resolve));
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Endpoint {
  readonly server: Server;
  readonly registration: { host: string; port: number; uris: string[]; app: string };
  hanging: boolean;
  gone: boolean;
}

type Problems = Set<string>;

const startEndpoint = async (slot: number, problems: Problems): Promise<Endpoint> => {
  const server = createServer((req, res) => {
    if (endpoint.gone) problems.add('a request reached an endpoint after its acknowledged unregistration');
    if (endpoint.hanging) return;
    req.resume().on('end', () => res.end(`slot ${slot} ${'x'.repeat(slot * 700)}`));
  });
  server.on('upgrade', (_req, socket) => {
    if (endpoint.gone) problems.add('a tunnel reached an endpoint after its acknowledged unregistration');
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.on('data', (chunk) => socket.write(chunk)).on('end', () => socket.end());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const registration = {
    host: '127.0.0.1',
    port,
    uris: [HOSTS[slot % HOSTS.length] ?? ''],
    app: `app-${slot}`,
  };
  const endpoint: Endpoint = { server, registration, hanging: false, gone: false };
  return endpoint;
};

const kill = ({ server }: Endpoint): void => {
  server.closeAllConnections();
  server.close();
};

const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** The life of one endpoint after the other. */
const createLives = (bus: Bus, counts: SoakCounts, problems: Problems, fraction: () => number) => {
  const living = new Set<Endpoint>();
  const register = (): void => {
    for (const { registration } of living) bus.publish(SUBJECTS.routerRegister, bytesOf(registration));
  };

  const leave = async (endpoint: Endpoint): Promise<void> => {
    living.delete(endpoint);
    counts.left += 1;
    const payload = bytesOf(endpoint.registration);
    const answer = await bus.request(SUBJECTS.routerUnregister, payload, { timeoutMs: 5_000 });
    if (answer.ok) {
      counts.acknowledged += 1;
      // what was written before is read by now
      await turns();
      endpoint.gone = true;
      await pause(500);
    }
    kill(endpoint);
  };

  const live = async (slot: number, isOver: () => boolean): Promise<void> => {
    while (!isOver()) {
      const endpoint = await startEndpoint(slot, problems);
      counts.appeared += 1;
      living.add(endpoint);
      register();
      for (let left = 5 + fraction() * 40; left > 0 && !isOver(); left -= 1) await pause(100);
      const fate = fraction();
      if (fate < 0.5 || isOver()) {
        await leave(endpoint);
        continue;
      }
      if (fate < 0.7) {
        counts.hung += 1;
        endpoint.hanging = true;
        await pause(1_500);
        endpoint.hanging = false;
      }
      counts.died += 1;
      living.delete(endpoint);
      kill(endpoint);
      await pause(fraction() * 1_000);
    }
  };
  return { register, live };
};

/** How one request ended: with an answer of an application, one of the router, cut off, or given up by its client. */
const ask = (port: number, fraction: () => number): Promise<'answered' | 'refused' | 'cut' | 'abandoned'> =>
  new Promise((resolve) => {
    const abandons = fraction() < 0.05;
    const method = fraction() < 0.3 ? 'POST' : 'GET';
    const host = HOSTS[Math.floor(fraction() * HOSTS.length)] ?? '';
    const outgoing = request({ port, host: '127.0.0.1', method, headers: { Host: host }, agent: false });
    outgoing.on('response', (answer) => {
      answer.on('error', () => resolve('cut')).resume();
      answer.on('end', () =>
        resolve(answer.headers['x-cf-routererror'] === undefined ? 'answered' : 'refused'),
      );
    });
    outgoing.on('error', () => resolve(abandons ? 'abandoned' : 'cut'));
    outgoing.end(method === 'POST' ? 'b'.repeat(Math.floor(fraction() * 20_000)) : undefined);
    if (abandons) setTimeout(() => outgoing.destroy(), fraction() * 30);
  });

const tunnel = (port: number, fraction: () => number): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nHost: ${HOSTS[0]}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    setTimeout(() => socket.destroy(), 20 + fraction() * 300);
    socket.on('error', () => undefined).on('data', () => undefined);
    socket.on('close', () => resolve());
  });

const runClient = async (port: number, counts: SoakCounts, fraction: () => number, isOver: () => boolean) => {
  while (!isOver()) {
    if (fraction() < 0.05) {
      counts.tunnels += 1;
      await tunnel(port, fraction);
      continue;
    }
    counts.requests += 1;
    counts[await ask(port, fraction)] += 1;
    await pause(fraction() * 5);
  }
};

/** Whatever did not get an application's answer must say why. */
const unexplained = (file: string): { lines: number; without: string[] } => {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const failed = lines.filter((line) => !/ HTTP\/1\.1" (?:200|101) /.test(line));
  return { lines: lines.length, without: failed.filter((line) => line.includes('x_cf_routererror:"-"')) };
};

const startSoakRouter = async (server: NatsServer, file: string) => {
  const config = routerConfig.parse(
    {
      ...{ port: 0, endpoint_timeout: '1s', prune_stale_droplets_interval: '1s' },
      ...{ droplet_stale_threshold: '4s', access_log: { file } },
      backends: { idle_timeout: '2s' },
    },
    'soak',
  );
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  const common = { logger: silentLogger };
  const access = { servers: server.url, credentials: server.credentials('router'), name: 'router' };
  const bus = createNatsBus({ ...common, ...access });
  const clock = createSystemClock();
  const router = assembleRouter({
    ...common,
    config: config.value,
    clock,
    random: createSystemRandom(),
    bus,
  });
  const group = createGroup(router.members, silentLogger);
  await group.start();
  await eventually(() => bus.connected());
  const stop = async (): Promise<void> => {
    await group.stop();
    await bus.close();
  };
  return { port: router.address()?.port ?? 0, stop };
};

export const soakRouter = async ({ seed, seconds, onProgress }: SoakOptions) => {
  const { fraction } = createSeededRandom(seed);
  const problems: Problems = new Set();
  const counts: SoakCounts = {
    ...{ requests: 0, answered: 0, refused: 0, cut: 0, abandoned: 0, tunnels: 0 },
    ...{ appeared: 0, left: 0, acknowledged: 0, died: 0, hung: 0 },
  };
  const dir = mkdtempSync(join(tmpdir(), 'outcry-soak-router-'));
  const server = await startNatsServer({ router: ROLES.router, 'cell-a': cellRole('a') });
  const before = connections();
  const file = join(dir, 'access.log');
  const router = await startSoakRouter(server, file);
  const credentials = server.credentials('cell-a');
  const bus = createNatsBus({ servers: server.url, credentials, name: 'cell-a', logger: silentLogger });
  await eventually(() => bus.connected());

  let over = false;
  const isOver = (): boolean => over;
  const { register, live } = createLives(bus, counts, problems, fraction);
  const beat = setInterval(register, 1_000);
  const progress = setInterval(() => onProgress?.(counts), 30_000);
  const work = [
    ...Array.from({ length: SLOTS }, (_, slot) => live(slot, isOver)),
    ...Array.from({ length: CLIENTS }, () => runClient(router.port, counts, fraction, isOver)),
  ];
  const third = (seconds * 1_000) / 3;
  await pause(third);
  const early = heapMb();
  for (const _ of [1, 2]) {
    await server.kill();
    await pause(Math.min(3_000, third / 4));
    await server.start();
    await pause(Math.max(0, third - 3_000));
  }
  over = true;
  await Promise.all(work);
  clearInterval(beat);
  clearInterval(progress);
  const grewMb = Math.round(heapMb() - early);
  if (grewMb > GROWTH_MB) problems.add(`${grewMb} MB of memory were left over`);
  await bus.close();
  await router.stop();
  await eventually(() => connections() <= before, { what: 'no connection is left', timeoutMs: 20_000 }).catch(
    () => problems.add(`${connections() - before} connections were left over`),
  );
  const { lines, without } = unexplained(file);
  if (without.length > 0)
    problems.add(`${without.length} failed requests without a reason, such as ${without[0]}`);
  const asked = counts.requests + counts.tunnels - counts.abandoned;
  if (lines < asked) problems.add(`${asked} requests, and ${lines} lines in the access log`);
  await server.close();
  rmSync(dir, { recursive: true });
  return { counts: { ...counts, lines, grewMb }, problems: [...problems] };
};
