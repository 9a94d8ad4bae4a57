import t from 'tap';
import { desiredLrp, must } from '../support/bbs.js';
import { problemsOf, rowsOf } from '../support/simulation-checks.js';
import type { CellSize } from '../support/simulation-cell.js';
import { chosenSeed, createSimulation } from '../support/simulation.js';
import type { Simulation } from '../support/simulation.js';

const seed = chosenSeed();
t.comment(`OUTCRY_SEED=${seed}`);

/** Cells of one zone differ in size by up to four times. */
const size = (index: number, over: Partial<CellSize> = {}): CellSize => ({
  zone: `z${(index % 3) + 1}`,
  memoryMb: [2048, 4096, 8192][Math.floor(index / 3) % 3] ?? 2048,
  diskMb: 65_536,
  containers: 100,
  ...over,
});

const open = async (cells: CellSize[], options: { auctioneer: boolean }): Promise<Simulation> => {
  const simulation = createSimulation({ seed });
  t.teardown(simulation.close);
  await simulation.startBbs();
  if (options.auctioneer) await simulation.addAuctioneer();
  for (const [index, cell] of cells.entries()) await simulation.addCell(`cell-${index + 1}`, cell);
  await simulation.run(2);
  return simulation;
};

const desire = async (
  { client }: Simulation,
  processGuid: string,
  over: { instances: number; memoryMb: number },
): Promise<void> => void must(await client.desireLrp(desiredLrp({ processGuid, ...over }), 'trace'));

const countBy = <T>(items: readonly T[], key: (item: T) => string): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
};

interface App {
  name: string;
  instances: number;
  memoryMb: number;
}

const appsOf = (count: number): App[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `app-${index}`,
    instances: [2, 3, 5, 10][index % 4] ?? 2,
    memoryMb: [64, 128, 256][index % 3] ?? 64,
  }));

const spread = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts);

/** Apps with a zone that has two more than another, or two instances on a cell. */
const unevenApps = (simulation: Simulation, apps: readonly App[]): string[] =>
  apps.flatMap(({ name }) => {
    const own = rowsOf(simulation).filter(({ processGuid }) => processGuid === name);
    const inZone = (zone: string): number => own.filter((row) => row.availabilityZone === zone).length;
    const zones = ['z1', 'z2', 'z3'].map(inZone);
    const crowd = Math.max(...countBy(own, ({ cellId }) => cellId).values());
    return spread(zones) <= 1 && crowd === 1 ? [] : [`${name}: zones ${zones.join()}, ${crowd} on a cell`];
  });

const TWENTY = Array.from({ length: 20 }, (_, index) => size(index));

t.test('placement - 200 instances, pushed app by app, fill unequal cells evenly', async (t) => {
  const simulation = await open(TWENTY, { auctioneer: true });
  const apps = appsOf(40);
  for (const app of apps) {
    await desire(simulation, app.name, app);
    await simulation.run(1);
  }
  await simulation.until(() => problemsOf(simulation), 60);
  t.equal(rowsOf(simulation).length, 200);
  t.same(unevenApps(simulation, apps), []);
  for (const zone of ['z1', 'z2', 'z3']) {
    const used = [...simulation.cells.values()].flatMap((cell) => {
      const state = cell.rep()?.cell.state();
      if (cell.zone !== zone || state === undefined) return [];
      const { available, total } = state;
      const shares = [available.memoryMb / total.memoryMb, available.containers / total.containers];
      return [1 - (shares[0] ?? 0) / 2 - (shares[1] ?? 0) / 2];
    });
    const mean = used.reduce((sum, one) => sum + one, 0) / used.length;
    const deviation = Math.sqrt(used.reduce((sum, one) => sum + (one - mean) ** 2, 0) / used.length);
    t.ok(deviation < 0.04, `${zone} is in use to ${mean.toFixed(3)}, deviation ${deviation.toFixed(3)}`);
  }
  t.same(simulation.wrongs, []);
});

t.test('placement - 200 instances in one burst start in equal numbers on all cells of a zone', async (t) => {
  const simulation = await open(TWENTY, { auctioneer: true });
  const apps = appsOf(40);
  await Promise.all(apps.map((app) => desire(simulation, app.name, app)));
  await simulation.until(() => problemsOf(simulation), 60);
  t.same(unevenApps(simulation, apps), []);
  const perCell = countBy(rowsOf(simulation), ({ cellId }) => cellId);
  for (const zone of ['z1', 'z2', 'z3']) {
    const cells = [...simulation.cells.values()].filter((cell) => cell.zone === zone);
    const counts = cells.map(({ cellId }) => perCell.get(cellId) ?? 0);
    t.ok(spread(counts) <= 2, `${zone}: ${counts.join()}`);
  }
});

t.test('placement - boulders are placed before pebbles when room is short', async (t) => {
  const cells = Array.from({ length: 6 }, (_, index) => size(index, { memoryMb: 1024 }));
  const simulation = await open(cells, { auctioneer: false });
  // asked for while nobody decides, so that one batch decides on all of it
  for (let index = 0; index < 12; index += 1) {
    await desire(simulation, `pebble-${index}`, { instances: 1, memoryMb: 256 });
  }
  for (let index = 0; index < 6; index += 1) {
    await desire(simulation, `boulder-${index}`, { instances: 1, memoryMb: 768 });
  }
  await simulation.addAuctioneer();
  await simulation.run(60);
  const rows = rowsOf(simulation);
  const running = rows.filter(({ state }) => state === 'RUNNING');
  t.same([...countBy(running, ({ processGuid }) => processGuid.split('-')[0] ?? '')].sort(), [
    ['boulder', 6],
    ['pebble', 6],
  ]);
  const errors = new Set(rows.filter(({ state }) => state !== 'RUNNING').map((row) => row.placementError));
  t.same([...errors], ['insufficient resources: memory']);
});

t.test('placement - every app has its first instance before any has its second', async (t) => {
  const cells = Array.from({ length: 6 }, (_, index) => size(index, { memoryMb: 512 }));
  const simulation = await open(cells, { auctioneer: false });
  const apps = Array.from({ length: 8 }, (_, index) => `app-${index}`);
  for (const app of apps) await desire(simulation, app, { instances: 3, memoryMb: 256 });
  await simulation.addAuctioneer();
  await simulation.run(60);
  const running = rowsOf(simulation).filter(({ state }) => state === 'RUNNING');
  t.same([...countBy(running, ({ index }) => String(index))].sort(), [
    ['0', 8],
    ['1', 4],
  ]);
});

t.test('placement - what found no room is placed as soon as room appears', async (t) => {
  const simulation = await open([size(0, { memoryMb: 512 })], { auctioneer: true });
  await desire(simulation, 'app', { instances: 4, memoryMb: 256 });
  await simulation.run(5);
  t.equal(rowsOf(simulation).filter(({ state }) => state === 'RUNNING').length, 2);
  await simulation.addCell('cell-2', size(1, { memoryMb: 512 }));
  const seconds = await simulation.until(() => problemsOf(simulation), 30);
  t.ok(seconds <= 3, `placed after ${seconds} s`);
  must(await simulation.client.updateDesiredLrp('app', { instances: 2 }, 'trace'));
  await simulation.until(() => problemsOf(simulation), 30);
});
