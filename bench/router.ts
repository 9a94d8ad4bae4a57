/**
 * `npm run bench:router`: a router as a process of its own with all of its features on (access log in a file, logs of
 * applications over NATS, metrics), an application that does nearly nothing in a second process, the load in a third.
 * What the router takes is its own CPU time, so that it can be told on a busy machine as well; times on the clock are
 * those of all three sharing the machine. The table is measured by itself.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createNatsBus } from '../common/adapters/nats-bus.js';
import { createPinoLogger } from '../common/adapters/pino-logger.js';
import { cellRole, ROLES } from '../common/wire/nats-roles.js';
import { SUBJECTS } from '../common/wire/subjects.js';
import { eventually } from '../test/support/eventually.js';
import { startNatsServer } from '../test/support/nats-server.js';
import { machine, median, printTable, round } from './harness.js';
import { cpuTimeOf, residentOf } from './process-usage.js';
import type { LoadOrder, LoadResult } from './router-load.js';
import { measureTable } from './router-table.js';

const ROUTES = 10_000;
const ROUNDS = 5;
const ROUND_REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 50_000);
const CONNECTIONS = 64;
const SOCKETS = 5_000;
const GIGABYTE = 2 ** 30;

const part = (name: string): ChildProcess => fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url)));

const answerOf = async <T>(child: ChildProcess): Promise<T> => ((await once(child, 'message')) as [T])[0];

const ask = async <T>(child: ChildProcess, message: object): Promise<T> => {
  const answer = answerOf<T>(child);
  child.send(message);
  return answer;
};

const dir = mkdtempSync(join(tmpdir(), 'outcry-bench-router-'));
const logger = createPinoLogger({ level: 'error' });
const nats = await startNatsServer({ router: ROLES.router, 'cell-a': cellRole('a') });
const children = ['router-upstream', 'router-part', 'router-load'].map(part);
const [upstream, router, load] = children as [ChildProcess, ChildProcess, ChildProcess];

/** routes of many applications that all lead to one process */
const register = async (port: number): Promise<void> => {
  const credentials = nats.credentials('cell-a');
  const bus = createNatsBus({ servers: nats.url, credentials, name: 'cell-a', logger });
  await eventually(() => bus.connected());
  for (let nth = 0; nth < ROUTES; nth += 1) {
    const registration = {
      ...{ host: '127.0.0.1', port, uris: [`app-${nth}.bench.test`], app: `app-${nth}` },
      ...{ private_instance_id: `instance-${nth}`, private_instance_index: '0' },
      tags: { component: 'route-emitter' },
    };
    bus.publish(SUBJECTS.routerRegister, Buffer.from(JSON.stringify(registration)));
  }
  await bus.flush();
  await eventually(async () => (await ask<{ routes: number }>(router, {})).routes === ROUTES);
  await bus.close();
};

const work = (order: LoadOrder): Promise<LoadResult> => ask(load, order);
const pid = router.pid ?? 0;

const measureRequests = async (port: number) => {
  const order = { job: 'requests', port, connections: CONNECTIONS, hosts: 1_000 } as const;
  // before that much, half of the time is spent on compiling
  await work({ ...order, count: ROUND_REQUESTS });
  const rounds: (LoadResult & { cpuUs: number })[] = [];
  for (let nth = 0; nth < ROUNDS; nth += 1) {
    const from = cpuTimeOf(pid).all;
    const result = await work({ ...order, count: ROUND_REQUESTS });
    rounds.push({ ...result, cpuUs: ((cpuTimeOf(pid).all - from) * 1000) / result.requests });
  }
  const of = (value: (one: (typeof rounds)[number]) => number): number => round(median(rounds.map(value)), 1);
  return {
    cpuUsPerRequest: of(({ cpuUs }) => cpuUs),
    perSecond: of(({ requests, took }) => (requests * 1000) / took),
    p50Ms: of(({ p50 }) => p50),
    p99Ms: of(({ p99 }) => p99),
    failed: rounds.reduce((sum, { failed }) => sum + failed, 0),
    residentMb: residentOf(pid).now,
  };
};

const measureBytes = async (job: 'download' | 'upload', port: number) => {
  const before = residentOf(pid).now;
  const rounds: { speed: number; cpu: number }[] = [];
  for (let nth = 0; nth < 3; nth += 1) {
    const from = cpuTimeOf(pid).all;
    const { took, failed } = await work({ job, port, bytes: GIGABYTE });
    if (failed > 0) throw new Error(`${job} failed`);
    rounds.push({ speed: 1024 / (took / 1000), cpu: cpuTimeOf(pid).all - from });
  }
  return {
    mbPerSecond: round(median(rounds.map(({ speed }) => speed))),
    cpuMsPerGb: round(median(rounds.map(({ cpu }) => cpu))),
    grewMb: residentOf(pid).now - before,
  };
};

const measureSockets = async (port: number) => {
  const before = residentOf(pid).now;
  const { failed } = await work({ job: 'sockets', port, count: SOCKETS });
  return { sockets: SOCKETS, failed, grewMb: residentOf(pid).now - before, residentMb: residentOf(pid).now };
};

try {
  const { port: app } = await answerOf<{ port: number }>(upstream);
  const config = {
    ...{ port: 0, backends: { max_conns: 0 } },
    access_log: { file: join(dir, 'access.log'), app_logs: true },
  };
  const order = { servers: nats.url, credentials: nats.credentials('router'), config };
  const { port } = await ask<{ port: number }>(router, order);
  await register(app);
  const shown = async <T>(what: string, measured: Promise<T>): Promise<T> => {
    const result = await measured;
    console.error(what, JSON.stringify(result));
    return result;
  };
  const requests = await shown('requests', measureRequests(port));
  const download = await shown('download', measureBytes('download', port));
  const upload = await shown('upload', measureBytes('upload', port));
  const sockets = await shown('sockets', measureSockets(port));
  const table = await shown('table', Promise.resolve(measureTable()));
  console.log(JSON.stringify({ machine: machine(), requests, download, upload, sockets, table }));
  printTable([
    ['what', 'figure', 'aimed at'],
    ['CPU of the router per request', `${requests.cpuUsPerRequest} µs`, '100 µs'],
    ['p99 at 64 connections', `${requests.p99Ms} ms`, '15 ms'],
    ['requests per second', requests.perSecond, ''],
    ['resident, 10,000 routes', `${requests.residentMb} MB`, '120 MB'],
    ['1 GB down', `${download.mbPerSecond} MB/s, ${download.cpuMsPerGb} ms CPU`, '500 MB/s'],
    ['1 GB up', `${upload.mbPerSecond} MB/s, ${upload.cpuMsPerGb} ms CPU`, '500 MB/s'],
    ['5,000 idle WebSockets', `${sockets.grewMb} MB`, '150 MB'],
    ['250,000 routes read and taken', `${table.loadCpuS} s CPU`, '3 s'],
    ['look-up among them', `${table.lookupUs} µs`, '2 µs'],
    ['1,000 changes a second', `${table.changesPercent} % of a core`, '10 %'],
  ]);
} finally {
  for (const child of children) child.disconnect();
  await nats.close();
  rmSync(dir, { recursive: true });
}
