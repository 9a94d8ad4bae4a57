import fc from 'fast-check';
import t from 'tap';
import { find, isOrdinary } from '../../../mesos-bridge/core/find.js';
import { numbersIn, toMilli } from '../../../mesos-bridge/core/amounts.js';
import type { ResourceShape } from '../../../mesos-bridge/core/resource-shape.js';
import type { Resources } from '../../../mesos-bridge/core/resources.js';
import {
  add,
  allocatedTo,
  contains,
  filter,
  invalidText,
  isSame,
  rangesOf,
  readResources,
  resourcesText,
  scalarOf,
  subtract,
  sum,
  writeResources,
} from '../../../mesos-bridge/core/resources.js';

const scalar = (name: string, value: number, over: Partial<ResourceShape> = {}): ResourceShape => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  ...over,
});
const ports = (...range: [number, number][]): ResourceShape => ({
  name: 'ports',
  type: 'RANGES',
  ranges: { range: range.map(([begin, end]) => ({ begin, end })) },
});
const read = (...shapes: ResourceShape[]): Resources => {
  const { resources, invalid } = readResources(shapes);
  t.same(invalid, []);
  return resources;
};
const reserved = (...roles: string[]): Partial<ResourceShape> => ({
  reservations: roles.map((role, at) => ({ type: at === 0 ? 'STATIC' : 'DYNAMIC', role })),
});

t.test('resources - scalars are reckoned in thousandths, half away from zero', async (t) => {
  const tenth = read(scalar('cpus', 0.1));
  t.ok(isSame(add(add(tenth, tenth), tenth), read(scalar('cpus', 0.3))));
  t.same([0.1, 1.0006, 0.0005, 0.0004, -0.0005].map(toMilli), [100, 1001, 1, 0, -1]);
});

t.test('resources - what makes no sense is left out, in the words of a Mesos master', async (t) => {
  const { resources, invalid } = readResources([
    scalar('cpus', -1),
    scalar('cpus', 0.0004),
    scalar('mem', 0),
    ports([31005, 31001]),
    ports([1, 5], [5, 9]),
    { name: 'set', type: 'SET', set: { item: ['a', 'a'] } },
    { name: 'text', type: 'TEXT' },
    scalar('cpus', NaN),
    scalar('cpus', Infinity),
    scalar('gpus', 1.5),
    scalar('mem', 1, { disk: {} }),
    scalar('cpus', 1, { role: 'web', reservations: [{ type: 'STATIC', role: 'web' }] }),
    scalar('cpus', 1, { role: '*', reservation: {} }),
    scalar('cpus', 1, { reservations: [{ role: 'web' }] }),
    scalar('cpus', 1, reserved('web', 'other/web')),
    { name: '', type: 'SCALAR', scalar: { value: 1 } },
    scalar('disk', 7),
  ]);
  t.equal(resourcesText(resources), 'disk:7');
  t.same(invalid.slice(0, 3).map(invalidText), [
    "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0",
    "Resource 'cpus:0' is invalid: Invalid scalar resource: value <= 0",
    "Resource 'ports:[31005-31001]' is invalid: Invalid ranges resource: begin > end",
  ]);
  t.equal(invalid.length, 15, 'exactly 0 is nothing, and legal');
});

t.test('resources - both forms of a reservation are one class, and are told in either', async (t) => {
  const old = read(
    scalar('cpus', 1, { role: 'web' }),
    scalar('mem', 8, { role: 'web', reservation: { principal: 'me' } }),
  );
  const refined = read(
    scalar('cpus', 1, reserved('web')),
    scalar('mem', 8, { reservations: [{ type: 'DYNAMIC', role: 'web', principal: 'me' }] }),
  );
  t.ok(isSame(old, refined));
  t.same(readResources(writeResources(refined, 'coarse')).resources, old);
  t.same(writeResources(refined, 'coarse')[1], {
    name: 'mem',
    type: 'SCALAR',
    scalar: { value: 8 },
    role: 'web',
    reservations: [],
    reservation: { principal: 'me' },
  });
  const stacked = read(scalar('cpus', 1, reserved('web', 'web/shop')));
  t.same(writeResources(stacked, 'coarse'), []);
});

t.test('resources - classes do not mix', async (t) => {
  const all = [
    scalar('disk', 10),
    scalar('disk', 10, { allocationInfo: { role: 'web' } }),
    scalar('disk', 10, { revocable: {} }),
    scalar('disk', 10, { shared: {} }),
    scalar('disk', 10, { providerId: { value: 'rp' } }),
    scalar('disk', 10, { disk: { source: { type: 'PATH', path: { root: '/a' } } } }),
    scalar('disk', 10, { disk: { source: { type: 'MOUNT', mount: { root: '/a' } } } }),
    scalar('disk', 10, { disk: { persistence: { id: 'v1' }, volume: { containerPath: 'x', mode: 'RW' } } }),
    scalar('disk', 10, reserved('web')),
  ];
  const together = read(...all);
  t.equal(together.size, all.length);
  for (const one of all) {
    const rest = subtract(together, read(one));
    t.equal(rest?.size, all.length - 1);
    t.notOk(contains(rest ?? together, read(one)), resourcesText(read(one)));
  }
});

t.test('resources - volumes and whole disks are indivisible; a part of a path disk is not', async (t) => {
  const disk = (type: 'PATH' | 'MOUNT', size: number): ResourceShape =>
    scalar('disk', size, { disk: { source: { type, [type.toLowerCase()]: { root: '/d' } } } });
  t.equal(subtract(read(disk('MOUNT', 10)), read(disk('MOUNT', 4))), undefined);
  t.ok(isSame(subtract(read(disk('PATH', 10)), read(disk('PATH', 4))) ?? read(), read(disk('PATH', 6))));
  const twice = read(disk('MOUNT', 10), disk('MOUNT', 10));
  t.ok(isSame(subtract(twice, read(disk('MOUNT', 10))) ?? read(), read(disk('MOUNT', 10))));
  t.equal(writeResources(twice).length, 2);
});

t.test('resources - ranges coalesce, and come apart', async (t) => {
  const all = read(ports([1, 3], [4, 6], [9, 9]));
  t.same(rangesOf(all, 'ports'), [
    { begin: 1, end: 6 },
    { begin: 9, end: 9 },
  ]);
  t.same(rangesOf(subtract(all, read(ports([2, 3], [6, 6]))) ?? all, 'ports'), [
    { begin: 1, end: 1 },
    { begin: 4, end: 5 },
    { begin: 9, end: 9 },
  ]);
  t.equal(subtract(all, read(ports([6, 9]))), undefined);
});

t.test(
  '#31 reserved and unreserved are told apart: taken from the reservation first, split, and echoed',
  async (t) => {
    const offered = allocatedTo(
      read(
        scalar('cpus', 1),
        scalar('cpus', 2, reserved('web')),
        scalar('mem', 64),
        scalar('mem', 512, { revocable: {} }),
      ),
      'web',
    );
    const found = find(offered, { scalars: { cpus: 2_500, mem: 64_000 } });
    t.ok(found.found);
    if (!found.found) return;
    t.same(writeResources(found.taken), [
      {
        name: 'cpus',
        type: 'SCALAR',
        scalar: { value: 2 },
        reservations: [{ type: 'STATIC', role: 'web' }],
        allocationInfo: { role: 'web' },
      },
      {
        name: 'cpus',
        type: 'SCALAR',
        scalar: { value: 0.5 },
        reservations: [],
        allocationInfo: { role: 'web' },
      },
      {
        name: 'mem',
        type: 'SCALAR',
        scalar: { value: 64 },
        reservations: [],
        allocationInfo: { role: 'web' },
      },
    ]);
    t.equal(resourcesText(found.left), 'cpus(allocated: web):0.5; mem(allocated: web){REV}:512');
  },
);

t.test('#29 an exact fit is a fit; a thousandth more is not', async (t) => {
  const offered = read(scalar('cpus', 1), scalar('mem', 64), ports([7, 8]));
  const exact = find(offered, { scalars: { cpus: 1_000, mem: 64_000 }, ports: 2 });
  t.ok(exact.found && exact.left.size === 0);
  t.same(find(offered, { scalars: { cpus: 1_001, mem: 64_000 }, ports: 3 }), {
    found: false,
    lacking: ['cpus', 'ports'],
  });
});

const role = fc.constantFrom('*', 'web', 'web/shop');
const someClass = fc
  .record({ role, revocable: fc.boolean(), allocation: fc.constantFrom('', 'web') })
  .map(({ role: to, revocable, allocation }): Partial<ResourceShape> => ({
    ...(to !== '*' && reserved(...(to === 'web' ? ['web'] : ['web', 'web/shop']))),
    ...(revocable && { revocable: {} }),
    ...(allocation !== '' && { allocationInfo: { role: allocation } }),
  }));
const someScalar = fc
  .tuple(fc.constantFrom('cpus', 'mem', 'disk'), fc.integer({ min: 1, max: 9_000 }), someClass)
  .map(([name, milli, over]) => scalar(name, milli / 1000, over));
const somePorts = fc
  .tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 9 }), someClass)
  .map(([begin, more, over]): ResourceShape => ({ ...ports([begin, begin + more]), ...over }));
const scalars = fc.array(someScalar, { maxLength: 8 }).map((shapes) => readResources(shapes).resources);
const anything = fc
  .array(fc.oneof(someScalar, somePorts), { maxLength: 8 })
  .map((shapes) => readResources(shapes).resources);

t.test('resources - adding and subtracting undo each other; the sum contains its parts', async () => {
  fc.assert(
    fc.property(scalars, scalars, (left, right) => {
      const both = add(left, right);
      return (
        contains(both, left) &&
        contains(both, right) &&
        isSame(subtract(both, right) ?? both, left) &&
        isSame(both, add(right, left)) &&
        isSame(both, sum([left, right]))
      );
    }),
  );
});

t.test('resources - what was written is read again as the same', async () => {
  fc.assert(fc.property(anything, (all) => isSame(readResources(writeResources(all)).resources, all)));
});

t.test('resources - ranges are sets of numbers', async () => {
  const list = fc.array(somePorts, { maxLength: 5 });
  const numbers = (shapes: ResourceShape[]): Set<number> =>
    new Set(
      shapes.flatMap((one) =>
        numbersIn(
          (one.ranges?.range ?? []).map(({ begin, end }) => ({ begin: Number(begin), end: Number(end) })),
        ),
      ),
    );
  const bare = (shapes: ResourceShape[]): Resources =>
    sum(shapes.map(({ name, type, ranges }) => read({ name, type, ...(ranges && { ranges }) })));
  fc.assert(
    fc.property(list, list, (left, right) => {
      const [a, b] = [numbers(left), numbers(right)];
      const isPart = [...b].every((one) => a.has(one));
      const rest = subtract(bare(left), bare(right));
      if (!isPart) return rest === undefined;
      const expected = [...a].filter((one) => !b.has(one)).toSorted((x, y) => x - y);
      return rest !== undefined && numbersIn(rangesOf(rest, 'ports')).join() === expected.join();
    }),
  );
});

t.test(
  'resources - found is exactly what was asked for, out of what is ordinary; nothing is lost',
  async () => {
    const amount = fc.integer({ min: 0, max: 12_000 });
    fc.assert(
      fc.property(anything, amount, amount, fc.integer({ min: 0, max: 12 }), (all, cpus, mem, count) => {
        const offered = allocatedTo(all, 'web');
        const ordinary = filter(offered, isOrdinary);
        const there = {
          cpus: scalarOf(ordinary, 'cpus') >= cpus,
          mem: scalarOf(ordinary, 'mem') >= mem,
        };
        const found = find(offered, { scalars: { cpus, mem }, ports: count });
        if (!found.found) return !there.cpus || !there.mem || found.lacking.includes('ports');
        return (
          scalarOf(found.taken, 'cpus') === cpus &&
          scalarOf(found.taken, 'mem') === mem &&
          numbersIn(rangesOf(found.taken, 'ports')).length <= count &&
          contains(ordinary, found.taken) &&
          isSame(add(found.taken, found.left), offered)
        );
      }),
    );
  },
);
