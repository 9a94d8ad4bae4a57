import t from 'tap';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import type { ContainerMetric, ContainerMetrics } from '../../common/model/container-metrics.js';
import type { Bus } from '../../common/ports/bus.js';
import { decode, encode } from '../../common/wire/codec.js';
import { cellSubject } from '../../common/wire/subjects.js';
import { advance, entitlement } from '../../cell-rep/core/container-metering.js';
import { tellContainerMetrics } from '../../cell-rep/handlers/container-metrics.js';
import { desiredLrp, pendingTask } from '../support/lrps.js';
import { createWorld, startRep } from '../support/rep.js';

const read = (payload: Uint8Array): ContainerMetrics => {
  const decoded = decode('ContainerMetrics', payload);
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.value;
};

const ask = async (bus: Bus, guids: string[] = []): Promise<ContainerMetrics> => {
  const query = encode('MeasureQuery', { traceId: 't', guids });
  const reply = await bus.request(cellSubject('cell-1', 'measure'), query, { timeoutMs: 5_000 });
  if (!reply.ok) throw new Error(reply.error);
  return read(reply.payload);
};

const MIB = 1024 * 1024;

t.test('metering - rates since the last look, a total that never falls, and spikes', async (t) => {
  const look = (at: number, cpuNs: number | undefined, logBytes: number) => ({
    at,
    seconds: at / 1000,
    usage: cpuNs === undefined ? {} : { cpuNs },
    logBytes,
  });
  const first = advance(undefined, look(1_000, 5e9, 10), 100);
  t.same([first.cpuMilli, first.logRate, first.usedNs], [undefined, undefined, 5e9]);
  const second = advance(first, look(3_000, 6e9, 2_010), 100);
  t.match(second, { cpuMilli: 500, logRate: 1000, usedNs: 6e9, spikeStart: 1, spikeEnd: 0 });
  const third = advance(second, look(5_000, 6.1e9, 2_010), 100);
  t.match(third, { cpuMilli: 50, logRate: 0, spikeStart: 1, spikeEnd: 5 });
  const fewer = advance(third, look(6_000, 1e9, 2_010), 100);
  t.match(fewer, { cpuMilli: 0, usedNs: 6.1e9 }, 'processes that ended took theirs with them');
  t.equal(advance(fewer, look(7_000, undefined, 0), 100).cpuMilli, undefined);
  t.equal(advance(fewer, look(6_000, 2e9, 0), 100), fewer, 'no time, no rate');
});

t.test('metering - entitlement is what was asked for, else the share that its memory is', async (t) => {
  const cell = { cpuMilli: 4_000, memoryMb: 1_000 };
  t.equal(entitlement({ cpuMilli: 700, memoryMb: 1 }, cell), 700);
  t.equal(entitlement({ cpuMilli: 0, memoryMb: 250 }, cell), 1_000);
  t.equal(entitlement({ cpuMilli: 0, memoryMb: 250 }, { ...cell, memoryMb: 0 }), 0);
});

t.test('metrics - every 15 s, and on request', async (t) => {
  const world = createWorld();
  const limits = { memoryMb: 64, diskMb: 32, logRateLimit: { bytesPerSecond: 5_000 } };
  world.bbs.desired.set(
    'app',
    desiredLrp({ ...limits, metricTags: { zone: { static: 'z', dynamic: 'DynamicValueInvalid' } } }),
  );
  const rep = await startRep(world, { cpu_milli: 1_600 });
  const told: ContainerMetrics[] = [];
  world.bus
    .client()
    .subscribe(cellSubject('cell-1', 'metrics'), ({ payload }) => void told.push(read(payload)));
  rep.workLrp({ index: 0 });
  await rep.until(() => world.bbs.starts.length === 1, 'started');
  const container = rep.only();
  container.used = { cpuNs: 1e9, memoryBytes: 10 * MIB, diskBytes: 3, rxBytes: 7, txBytes: 8 };
  await rep.until(() => told.length === 1, 'told', 100);
  container.used = { cpuNs: 4e9, memoryBytes: 11 * MIB };
  container.main().emit(`${'x'.repeat(3_000)}\n`);
  await rep.until(() => told.length === 2, 'told again', 100);
  const [first, second] = told.map(({ containers }) => containers[0]);
  t.match(first, {
    guid: container.guid,
    processGuid: 'app',
    index: 0,
    sourceId: 'log-guid',
    tags: { zone: 'z' },
    memoryBytes: 10 * MIB,
    diskBytes: 3,
    memoryQuotaBytes: 64 * MIB,
    diskQuotaBytes: 32 * MIB,
    logRateLimit: 5_000,
    absoluteUsageNs: 1e9,
    rxBytes: 7,
    txBytes: 8,
  });
  t.equal(first?.cpuMilli, undefined, 'one look is no rate');
  // 64 MB of 1 GB: a sixteenth of 1,600 milli-CPU
  t.match(second, { cpuMilli: 200, cpuEntitlementPermille: 2_000, logRate: 200, memoryBytes: 11 * MIB });
  t.ok((second?.spikeStart ?? 0) > 0);
  t.equal(second?.diskBytes, undefined, 'what is not known is not told');
  t.equal((second?.containerAgeNs ?? 0) - (first?.containerAgeNs ?? 0), 15e9);

  const bus = world.bus.client();
  await world.clock.advance(2_000);
  t.match(await ask(bus), { cellId: 'cell-1', containers: [{ guid: container.guid }], moreContainers: 0 });
  t.match(await ask(bus, [container.guid]), { containers: [{ processGuid: 'app' }] });
  t.same((await ask(bus, ['somebody'])).containers, []);
  await rep.stop();
});

t.test('metrics - of tasks too, and not of what has ended', async (t) => {
  const world = createWorld();
  world.bbs.allTasks.set('task', pendingTask());
  const rep = await startRep(world);
  const bus = world.bus.client();
  t.same((await ask(bus)).containers, []);
  rep.workTask();
  await rep.until(() => world.runtime.containers.get('task')?.processes.has('main') ?? false, 'run');
  t.match((await ask(bus)).containers, [{ guid: 'task', processGuid: '', index: 0 }]);
  rep.only().main().exit();
  await rep.until(() => world.bbs.completions.length === 1, 'completed');
  t.same((await ask(bus)).containers, []);
  await rep.stop();
});

t.test('metrics - many are told in pieces; an answer says how many it has not', async (t) => {
  const clock = createFakeClock();
  const bus = createMemoryBus({ clock });
  const all = Array.from({ length: 3_000 }, (_, at): ContainerMetric => ({
    guid: `guid-${at}`,
    processGuid: 'app',
    index: at,
    sourceId: 'app',
    tags: { name: 'x'.repeat(500) },
    memoryQuotaBytes: 1,
    diskQuotaBytes: 1,
    absoluteEntitlementNs: 1,
    containerAgeNs: 1,
    logRateLimit: -1,
    spikeStart: 0,
    spikeEnd: 0,
  }));
  const told: ContainerMetrics[] = [];
  bus.client().subscribe(cellSubject('cell-1', 'metrics'), ({ payload }) => void told.push(read(payload)));
  const measuring = { measure: () => Promise.resolve(all) };
  const teller = tellContainerMetrics({
    cellId: 'cell-1',
    bus: bus.client(),
    clock,
    logger: silentLogger,
    measuring,
  });
  await teller.start();
  await clock.advance(15_000);
  t.same(
    told.flatMap(({ containers }) => containers.map(({ index }) => index)),
    [...all.keys()],
  );
  t.ok(told.length > 1 && told.length < 10);
  const answer = await ask(bus.client());
  t.equal(answer.containers.length + answer.moreContainers, 3_000);
  t.ok(answer.containers.length > 300);
  await teller.stop();
});
