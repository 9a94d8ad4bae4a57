import t from 'tap';
import { desiredLrp } from '../support/lrps.js';
import { samplesOf } from '../support/metrics.js';
import { createWorld, startRep } from '../support/rep.js';
import type { RunningRep } from '../support/rep.js';

const startWithApp = async (): Promise<RunningRep> => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  return startRep(world);
};

t.test('rep metrics - capacity and containers follow the books', async (t) => {
  const rep = await startWithApp();
  const { metrics } = rep;
  t.match(await samplesOf(metrics), {
    CapacityTotalMemory: 1024,
    CapacityTotalDisk: 1024,
    CapacityRemainingMemory: 1024,
    CapacityAllocatedMemory: 0,
    ContainerCount: 0,
  });
  rep.workLrp({ memoryMb: 100, diskMb: 200 });
  const total = (await samplesOf(metrics))['CapacityTotalContainers'] ?? 0;
  t.match(await samplesOf(metrics), {
    CapacityAllocatedMemory: 100,
    CapacityAllocatedDisk: 200,
    CapacityRemainingMemory: 924,
    CapacityRemainingDisk: 824,
    CapacityRemainingContainers: total - 1,
    ContainerCount: 1,
    StartingContainerCount: 1,
  });
  await rep.until(() => rep.bbs.starts.length === 1, 'started');
  t.match(await samplesOf(metrics), { ContainerCount: 1, StartingContainerCount: 0 });
  await rep.stop();
});

t.test('rep metrics - containers made, ended and destroyed are counted with their times', async (t) => {
  const rep = await startWithApp();
  const { bbs, metrics, runtime } = rep;
  rep.workLrp();
  await rep.until(() => bbs.starts.length === 1, 'started');
  const container = rep.only();
  const destroy = container.destroy.bind(container);
  let refusals = 1;
  container.destroy = async () => {
    if (refusals-- > 0) throw new Error('busy');
    await destroy();
  };
  container.main().exit({ code: 1 });
  await rep.until(() => runtime.containers.size === 0, 'destroyed');
  const create = runtime.create.bind(runtime);
  runtime.create = async (spec) => {
    await rep.clock.sleep(40);
    return create(spec);
  };
  runtime.refusal = 'no image';
  rep.workLrp({ placementId: 'app.0@e.1' });
  await rep.until(() => bbs.calls.filter((call) => call.startsWith('crash')).length === 2, 'crashed');
  t.match(await samplesOf(metrics), {
    GardenContainerCreationSucceededDuration_count: 1,
    GardenContainerCreationFailedDuration_count: 1,
    GardenContainerCreationFailedDuration_sum: 40e6,
    GardenContainerDestructionFailedDuration_count: 1,
    GardenContainerDestructionSucceededDuration_count: 1,
    ContainerCompletedCount: 2,
  });
  await rep.stop();
});

t.test('rep metrics - comparisons with the BBS are timed, failed ones not', async (t) => {
  const rep = await startWithApp();
  const synced = async () => (await samplesOf(rep.metrics))['RepBulkSyncDuration_count'] ?? 0;
  await rep.clock.advance(0);
  t.equal(await synced(), 1, 'at its start');
  await rep.clock.advance(30_000);
  t.equal(await synced(), 2);
  rep.bbs.away = true;
  await rep.clock.advance(30_000);
  t.equal(await synced(), 2);
  await rep.stop();
});

/** Messages on routes that others heard from the rep until now. */
const routeMessages = ({ bus }: Pick<Awaited<ReturnType<typeof startWithApp>>, 'bus'>): (() => number) => {
  let heard = 0;
  bus.client().subscribe('router.>', ({ subject }) => {
    if (subject !== 'router.greet') heard += 1;
  });
  return () => heard;
};

t.test('rep metrics - routes that are registered, repeated and unregistered', async (t) => {
  const rep = await startWithApp();
  const { bbs, clock, metrics } = rep;
  const heard = routeMessages(rep);
  rep.workLrp();
  await rep.until(() => bbs.starts.length === 1, 'started');
  t.match(await samplesOf(metrics), {
    RoutesTotal: 1,
    HTTPRouteCount: 1,
    RoutesRegistered: 1,
    RoutesSynced: 0,
  });
  await clock.advance(20_000);
  t.match(await samplesOf(metrics), { RoutesRegistered: 1, RoutesSynced: 1 });
  rep.only().main().exit({ code: 1 });
  await rep.until(() => rep.runtime.containers.size === 0, 'gone');
  await clock.advance(100);
  const samples = await samplesOf(metrics);
  t.match(samples, { RoutesTotal: 0, RoutesUnregistered: 1 });
  t.equal(samples['HTTPRouteNATSMessagesEmitted'], heard());
  await rep.stop();
});

t.test('rep metrics - messages on routes that no bus took are not counted', async (t) => {
  const rep = await startWithApp();
  const { bbs, clock, metrics } = rep;
  const heard = routeMessages(rep);
  rep.workLrp();
  await rep.until(() => bbs.starts.length === 1, 'started');
  rep.connection.disconnect();
  rep.only().main().exit({ code: 1 });
  await rep.until(() => rep.runtime.containers.size === 0, 'gone');
  await clock.advance(100);
  t.match(await samplesOf(metrics), { RoutesUnregistered: 1, HTTPRouteNATSMessagesEmitted: heard() });
  rep.connection.reconnect();
  await clock.advance(60_000);
  const samples = await samplesOf(metrics);
  t.equal(samples['HTTPRouteNATSMessagesEmitted'], heard(), 'what is repeated later is');
  t.ok(heard() >= 2);
  await rep.stop();
});

t.test('rep health - the runtime, the presence and the bus', async (t) => {
  const world = createWorld();
  world.bbs.away = true;
  const rep = await startRep(world);
  const health = () => rep.rep.health();
  t.match(health(), { healthy: false, reason: 'cell is starting', details: { presence: 'unknown' } });
  t.match(await samplesOf(rep.metrics), { CellUnhealthy: 1, GardenHealthCheckFailed: 0 });
  world.bbs.away = false;
  await rep.until(() => rep.rep.cell.state().placeable, 'presence');
  t.match(health(), {
    healthy: true,
    reason: '',
    details: { runtime: true, presence: 'held', bus: true, evacuating: false },
  });
  world.runtime.isHealthy = false;
  t.match(health(), {
    healthy: false,
    reason: 'container runtime is unhealthy',
    details: { runtime: false },
  });
  t.match(await samplesOf(rep.metrics), { CellUnhealthy: 1, GardenHealthCheckFailed: 1 });
  world.runtime.isHealthy = true;
  rep.connection.disconnect();
  t.match(health(), { healthy: false, reason: 'the bus is not connected', details: { bus: false } });
  t.match(await samplesOf(rep.metrics), { CellUnhealthy: 0, GardenHealthCheckFailed: 0 });
  await rep.stop();
  t.match(health(), { healthy: false, reason: /cell is stopping/ });
});
