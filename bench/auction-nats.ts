/**
 * The auction over a real nats-server: 10,000 reps, each with its own subscriptions, the production handler, ledger and
 * codec and 50 LRPs in its books (in two processes, without containers), an auctioneer as it is in production, recording
 * on, and a BBS in a process of its own that knows the cells by their presences.
 *
 * `batch`: from the moment at which the BBS's process asks for 10,000 instances of some 1,000 applications until the
 * ledgers of the cells hold them all. The first is the auctioneer's first batch, 3 s after it has begun to listen, when
 * it asks the BBS who is present and all cells for their states; OUTCRY_BENCH_AT_ONCE=1: at once. The others are warm; between them what was placed goes.
 * `stream`: 1,000 single instances a second for 30 s; each from its request until a ledger holds it.
 *
 * `warmCpuMs`: what each of the processes used of the processors in a warm batch: on a machine that does other things
 * as well it tells more than the time.
 *
 * OUTCRY_BENCH_CELLS (10000), OUTCRY_BENCH_ROUNDS (9 warm ones), OUTCRY_BENCH_SECONDS (30).
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually } from '../test/support/eventually.js';
import { startNatsServer } from '../test/support/nats-server.js';
import type { PartOrder, PartReport, PartRequest } from './auction-nats-part.js';
import { cpuTimeOf } from './process-usage.js';
import { machine, median, printTable, round } from './harness.js';

const CELLS = Number(process.env['OUTCRY_BENCH_CELLS'] ?? 10_000);
const ROUNDS = Number(process.env['OUTCRY_BENCH_ROUNDS'] ?? 9);
const SECONDS = Number(process.env['OUTCRY_BENCH_SECONDS'] ?? 30);
const AT_ONCE = process.env['OUTCRY_BENCH_AT_ONCE'] === '1';
const PER_SECOND = 1_000;
const CELL_PROCESSES = 2;
/** ms in which cells tell of what has changed, before the next round begins */
const QUIET_MS = 3_000;
const TIMEOUT_MS = 60_000;

/** What may say everything needs no right to answer: nats-server keeps a list of who may, and looks through it. */
const all = { publish: ['>'], subscribe: ['>'], answers: false };

interface Part {
  readonly role: PartOrder['role'];
  readonly pid: number;
  send(request: PartRequest): void;
  close(): void;
}

const startPart = (order: PartOrder, onReport: (report: PartReport) => void): Promise<Part> => {
  const child: ChildProcess = fork(fileURLToPath(new URL('./auction-nats-part.js', import.meta.url)));
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${order.role} has ended (${code})`)));
    child.on('message', (message: PartReport) => {
      if (message.say !== 'ready') return onReport(message);
      resolve({
        role: order.role,
        pid: child.pid ?? 0,
        send: (request) => void child.send(request),
        close: () => child.disconnect(),
      });
    });
    child.send(order);
  });
};

const quantile = (sorted: readonly number[], part: number): number =>
  round(sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN, 1);

/** All processes of the bench, and what they have reported. */
const startSystem = async () => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-bench-'));
  const server = await startNatsServer({ cells: all, bbs: all, auctioneer: all });
  const parts: Part[] = [];
  const held = new Map<number, number>();
  /** of the stream's instances, when each was booked */
  const booked = new Map<number, number>();
  let [askedAt, latest] = [0, 0];
  let asked: number[] | undefined;

  const start = async (role: PartOrder['role'], number = 0, count = 0): Promise<Part> => {
    const credentials = server.credentials(role);
    const order = { role, servers: server.url, credentials, dir, first: number * count, count };
    const part = await startPart(order, (report) => {
      if (report.say === 'asked') askedAt = report.at;
      if (report.say === 'streamed') ({ asked } = report);
      if (report.say !== 'held') return;
      held.set(number, report.count);
      latest = Math.max(latest, report.at);
      for (const [single, at] of report.single) booked.set(single, at);
    });
    parts.push(part);
    return part;
  };

  const bbs = await start('bbs');
  const cells: Part[] = [];
  for (let at = 0; at < CELL_PROCESSES; at += 1)
    cells.push(await start('cells', at, Math.ceil(CELLS / CELL_PROCESSES)));
  await start('auctioneer');

  return {
    /** ms of the processor used so far, by role */
    used(): Used {
      const times: Used = { nats: cpuTimeOf(server.pid() ?? 0).all };
      for (const { role, pid } of parts) times[role] = (times[role] ?? 0) + cpuTimeOf(pid).all;
      return times;
    },
    /** ms */
    async batch(number: number): Promise<number> {
      bbs.send({ do: 'batch', round: number, instances: CELLS });
      const isHeld = (): boolean => [...held.values()].reduce((sum, count) => sum + count, 0) === CELLS;
      await eventually(isHeld, { timeoutMs: TIMEOUT_MS, what: `all of batch ${number}` });
      return latest - askedAt;
    },
    async release(): Promise<void> {
      await sleep(QUIET_MS);
      held.clear();
      for (const part of cells) part.send({ do: 'release' });
      await sleep(QUIET_MS);
    },
    /** ms of each, ascending */
    async stream(): Promise<number[]> {
      bbs.send({ do: 'stream', perSecond: PER_SECOND, seconds: SECONDS });
      await eventually(() => asked !== undefined && booked.size === PER_SECOND * SECONDS, {
        timeoutMs: SECONDS * 1_000 + TIMEOUT_MS,
        what: 'all of the stream',
      });
      return [...booked].map(([single, at]) => at - (asked?.[single] ?? 0)).sort((a, b) => a - b);
    },
    async close(): Promise<void> {
      for (const part of parts) part.close();
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
};

type System = Awaited<ReturnType<typeof startSystem>>;
type Used = Record<string, number>;

const medians = (all: readonly Used[]): Used =>
  Object.fromEntries(
    Object.keys(all[0] ?? {}).map((role) => [role, round(median(all.map((one) => one[role] ?? 0)))]),
  );

const measure = async ({ batch, release, used, stream }: System) => {
  if (!AT_ONCE) await sleep(QUIET_MS);
  const first = await batch(0);
  const warm: number[] = [];
  const cpu: Used[] = [];
  for (let at = 1; at <= ROUNDS; at += 1) {
    await release();
    const before = used();
    warm.push(round(await batch(at)));
    const after = used();
    cpu.push(Object.fromEntries(Object.entries(after).map(([role, ms]) => [role, ms - (before[role] ?? 0)])));
  }
  await release();
  const waits = await stream();
  return {
    cells: CELLS,
    firstMs: round(first),
    warmMs: median(warm),
    warmLeastMs: Math.min(...warm),
    warm,
    warmCpuMs: medians(cpu),
    stream: { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), most: quantile(waits, 1) },
  };
};

const system = await startSystem();
try {
  const results = await measure(system);
  console.log(JSON.stringify({ bench: 'auction-nats', ...machine(), ...results }));
  printTable([
    ['what', 'ms', 'aim'],
    ['first batch', results.firstMs, '1,000'],
    ['warm batch, median', results.warmMs, '400'],
    ['warm batch, least', results.warmLeastMs, ''],
    ['single auction in a stream, p50', results.stream.p50, ''],
    ['single auction in a stream, p99', results.stream.p99, '100'],
  ]);
} finally {
  await system.close();
}
