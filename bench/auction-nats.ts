/**
 * The auction over a real nats-server: 10,000 reps, each with its own subscriptions, the production handler, ledger and
 * codec and 50 LRPs in its books (in two processes, without containers), an auctioneer as it is in production, recording
 * on, and a BBS in a process of its own that knows the cells by their presences.
 *
 * `batch`: from the moment at which the BBS's process asks for 10,000 instances of some 1,000 applications until the
 * ledgers of the cells hold them all. The first is the auctioneer's first batch: it knows no cell yet, asks the BBS
 * who is present and all cells for their states. The others are warm; between them what was placed goes.
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
const PER_SECOND = 1_000;
const CELL_PROCESSES = 2;
/** ms in which cells tell of what has changed, before the next round begins */
const QUIET_MS = 3_000;
const TIMEOUT_MS = 60_000;

const all = { publish: ['>'], subscribe: ['>'], answers: true };

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

const main = async (): Promise<void> => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-bench-'));
  const server = await startNatsServer({ cells: all, bbs: all, auctioneer: all });
  const parts: Part[] = [];
  const held = new Map<number, number>();
  const booked = new Map<number, number>();
  let [askedAt, latest] = [0, 0];
  let streamed: number[] | undefined;

  const start = async (role: PartOrder['role'], number = 0, count = 0): Promise<Part> => {
    const credentials = server.credentials(role);
    const order = { role, servers: server.url, credentials, dir, first: number * count, count };
    const part = await startPart(order, (report) => {
      if (report.say === 'asked') askedAt = report.at;
      if (report.say === 'streamed') streamed = report.asked;
      if (report.say !== 'held') return;
      held.set(number, report.count);
      latest = Math.max(latest, report.at);
      for (const [single, at] of report.single) booked.set(single, at);
    });
    parts.push(part);
    return part;
  };
  const total = (): number => [...held.values()].reduce((sum, count) => sum + count, 0);

  /** ms of the processor used so far, by role */
  const used = (): Record<string, number> => {
    const times: Record<string, number> = { nats: cpuTimeOf(server.pid() ?? 0).all };
    for (const { role, pid } of parts) times[role] = (times[role] ?? 0) + cpuTimeOf(pid).all;
    return times;
  };

  const batch = async (bbs: Part, number: number): Promise<number> => {
    bbs.send({ do: 'batch', round: number, instances: CELLS });
    await eventually(() => total() === CELLS, { timeoutMs: TIMEOUT_MS, what: `all of batch ${number}` });
    return latest - askedAt;
  };
  const release = async (cells: readonly Part[]): Promise<void> => {
    await sleep(QUIET_MS);
    held.clear();
    for (const part of cells) part.send({ do: 'release' });
    await sleep(QUIET_MS);
  };

  try {
    const bbs = await start('bbs');
    const cells: Part[] = [];
    for (let at = 0; at < CELL_PROCESSES; at += 1)
      cells.push(await start('cells', at, Math.ceil(CELLS / CELL_PROCESSES)));
    await start('auctioneer');
    const first = await batch(bbs, 0);
    const warm: number[] = [];
    const cpu: Record<string, number>[] = [];
    for (let at = 1; at <= ROUNDS; at += 1) {
      await release(cells);
      const before = used();
      warm.push(await batch(bbs, at));
      const after = used();
      for (const role in before) before[role] = (after[role] ?? 0) - (before[role] ?? 0);
      cpu.push(before);
    }
    await release(cells);
    bbs.send({ do: 'stream', perSecond: PER_SECOND, seconds: SECONDS });
    await eventually(() => streamed !== undefined && booked.size === PER_SECOND * SECONDS, {
      timeoutMs: SECONDS * 1_000 + TIMEOUT_MS,
      what: 'all of the stream',
    });
    const waits = [...booked].map(([single, at]) => at - (streamed?.[single] ?? 0)).sort((a, b) => a - b);
    const results = {
      cells: CELLS,
      firstMs: round(first),
      warmMs: round(median(warm)),
      warmLeastMs: round(Math.min(...warm)),
      warmCpuMs: Object.fromEntries(
        Object.keys(cpu[0] ?? {}).map((role) => [role, round(median(cpu.map((one) => one[role] ?? 0)))]),
      ),
      stream: { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), most: quantile(waits, 1) },
    };
    console.log(
      JSON.stringify({ bench: 'auction-nats', ...machine(), ...results, warm: warm.map((ms) => round(ms)) }),
    );
    printTable([
      ['what', 'ms', 'aim'],
      ['first batch', results.firstMs, '1,000'],
      ['warm batch, median', results.warmMs, '400'],
      ['warm batch, least', results.warmLeastMs, ''],
      ['single auction in a stream, p50', results.stream.p50, ''],
      ['single auction in a stream, p99', results.stream.p99, '100'],
    ]);
  } finally {
    for (const part of parts) part.close();
    await server.close();
    rmSync(dir, { recursive: true, force: true });
  }
};

await main();
