import t from 'tap';
import { chooseEndpoint } from '../../../router/core/balancing.js';
import type { BalancingRules, Wish } from '../../../router/core/balancing.js';
import { createMaglevTable, placeOf } from '../../../router/core/maglev.js';
import { isServed } from '../../../router/core/sharding.js';
import type { RoutePool } from '../../../router/core/pool.js';
import { toRouteChange } from '../../../router/core/registration.js';
import { createRouteTable } from '../../../router/core/route-table.js';
import type { RouteRegistration } from '../../../common/model/routing.js';

const registration = (port: number, more: Partial<RouteRegistration> = {}): RouteRegistration => ({
  host: '10.0.0.1',
  port,
  uris: ['a.com'],
  private_instance_id: `i${port}`,
  ...more,
});

const routesOf = (...registrations: RouteRegistration[]) => {
  const routes = createRouteTable({ fraction: () => 0.5, emptyPoolMs: 0 });
  for (const one of registrations) {
    const { endpoint, keys } = toRouteChange(one, 120);
    routes.register(endpoint, keys, 0);
  }
  return { routes, pool: routes.lookup('a.com', '/')! };
};

const wish = (more: Partial<Wish> = {}): Wish => ({
  now: 0,
  attempts: 0,
  instanceId: '',
  mustBeThatInstance: false,
  header: () => '',
  place: undefined,
  ...more,
});

const chooser =
  (pool: RoutePool, rules: Partial<BalancingRules> = {}) =>
  (more: Partial<Wish> | Wish = {}): number | string => {
    const choice = chooseEndpoint(
      pool,
      {
        maxConnections: 0,
        failureMarkMs: 30_000,
        algorithm: 'round-robin',
        preferredZone: undefined,
        fraction: Math.random,
        ...rules,
      },
      'header' in more && more.header !== undefined ? (more as Wish) : wish(more),
    );
    return choice.ok ? choice.entry.endpoint.port : choice.reason;
  };

void t.test('round robin - starts anywhere, passes over failed and full endpoints', async (t) => {
  const { routes, pool } = routesOf(registration(1), registration(2), registration(3));
  const choose = (now: number, maxConnections = 0) => chooser(pool, { maxConnections })({ now });
  t.equal(choose(0), 3, 'the 512th turn');
  t.same([choose(0), choose(0), choose(0)], [1, 2, 3]);
  pool.entries[0]!.failedAt = 0;
  t.same([choose(30_000), choose(30_000), choose(30_000)], [2, 3, 2]);
  t.same([choose(30_001), choose(30_001)], [3, 1], 'the mark has run out');
  for (const entry of pool.entries) entry.failedAt = 30_001;
  t.same([choose(30_002), choose(30_002)], [2, 3], 'all failed: marks are cleared');
  t.ok(pool.entries.every((entry) => entry.failedAt === undefined));
  for (const entry of pool.entries) entry.load.inFlight = 1;
  t.equal(choose(30_003, 1), 'overloaded');
  t.equal(choose(30_003, 2), 1);
  pool.entries[1]!.load.inFlight = 0;
  pool.entries[1]!.failedAt = 30_003;
  t.equal(choose(30_004, 1), 2, 'the only one that is free, though it failed');
  routes.unregister('10.0.0.1:1', [pool.key], 0);
  t.same([choose(40_000), choose(40_000), choose(40_000)], [3, 2, 3], 'leaving takes nobody’s turn');
});

void t.test(
  'zones - the first attempt stays near, retries do not, nor when nobody near can serve',
  async (t) => {
    const zones = ['z1', 'z2', 'z1'];
    const { pool } = routesOf(...zones.map((zone, at) => registration(at + 1, { availability_zone: zone })));
    for (const algorithm of ['round-robin', 'least-connection'] as const) {
      const choose = chooser(pool, { algorithm, preferredZone: 'z2', maxConnections: 5 });
      t.same([choose(), choose(), choose()], [2, 2, 2], algorithm);
      t.equal(new Set(Array.from({ length: 60 }, () => choose({ attempts: 1 }))).size, 3, algorithm);
      pool.entries[1]!.load.inFlight = 5;
      t.not(choose(), 2, `${algorithm}: full`);
      pool.entries[1]!.load.inFlight = 0;
      t.not(chooser(pool, { algorithm, preferredZone: 'z9' })(), 'empty', 'nobody is near');
    }
    pool.entries[1]!.failedAt = 0;
    t.not(chooser(pool, { preferredZone: 'z2' })({ now: 1 }), 2, 'round robin: failed');
  },
);

void t.test('least connection - fewest in flight, equals by chance, marks do not matter', async (t) => {
  const more = { options: { loadbalancing: 'least-connection' } };
  const { pool } = routesOf(registration(1, more), registration(2, more), registration(3, more));
  const [first, second, third] = pool.entries;
  const choose = chooser(pool, { maxConnections: 4 });
  first!.load.inFlight = 3;
  second!.load.inFlight = 1;
  third!.load.inFlight = 2;
  t.equal(choose(), 2);
  second!.failedAt = 0;
  t.equal(choose({ now: 1 }), 2);
  second!.load.inFlight = 2;
  const counts = new Map<unknown, number>();
  for (let turn = 0; turn < 1000; turn += 1) counts.set(choose(), (counts.get(choose()) ?? 0) + 1);
  t.same([...counts.keys()].sort(), [2, 3]);
  for (const entry of pool.entries) entry.load.inFlight = 4;
  t.equal(choose(), 'overloaded');
});

void t.test('options - the last change decides, what is not valid changes nothing', async (t) => {
  const options = (loadbalancing: string, more = {}) => ({ options: { loadbalancing, ...more } });
  const algorithm = (...wanted: Partial<RouteRegistration>[]) =>
    routesOf(...wanted.map((one, at) => registration(at + 1, one))).pool.balancing.algorithm;
  t.equal(algorithm({}), undefined);
  t.equal(algorithm(options('least-connection')), 'least-connection');
  t.equal(algorithm(options('least-connection'), options('sideways')), 'least-connection');
  t.equal(algorithm(options('least-connection'), options('hash')), 'least-connection', 'no header');
  t.equal(algorithm(options('least-connection'), options('hash', { hash_header: 'X-T' })), 'hash');
  t.equal(algorithm(options('least-connection'), options('round-robin')), 'round-robin');
  t.equal(algorithm(options('least-connection'), {}), undefined);
});

const HASH = { options: { loadbalancing: 'hash', hash_header: 'X-Tenant' } };
const hashPool = (ports: number[], options = HASH) =>
  routesOf(...ports.map((port) => registration(port, options))).pool;
const tenants = Array.from({ length: 300 }, (_, at) => `tenant-${at}`);
const byTenant = (value: string): Wish => wish({ header: (name) => (name === 'x-tenant' ? value : '') });

void t.test('hash - a value stays with its endpoint, and with most when one leaves', async (t) => {
  const before = chooser(hashPool([1, 2, 3, 4]));
  const after = chooser(hashPool([1, 2, 4]));
  const counts = new Map<unknown, number>();
  let moved = 0;
  for (const tenant of tenants) {
    const chosen = before(byTenant(tenant));
    t.equal(before(byTenant(tenant)), chosen);
    counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    if (chosen !== 3 && after(byTenant(tenant)) !== chosen) moved += 1;
  }
  t.equal(counts.size, 4);
  for (const count of counts.values()) t.ok(count > 40, `evenly: ${count} of 300`);
  t.ok(moved < 30, `few of the others move: ${moved}`);
});

void t.test('hash - retries go on to others, full and imbalanced ones are passed over', async (t) => {
  const pool = hashPool([1, 2, 3], { options: { ...HASH.options, hash_balance: 1.25 } as never });
  const choose = chooser(pool, { maxConnections: 10 });
  const request = byTenant('one');
  const seen = [choose(request), choose(request), choose(request)];
  t.not(seen[0], seen[1]);
  t.not(seen[1], seen[2]);
  const first = pool.entries.find(({ endpoint }) => endpoint.port === seen[0])!;
  first.load.inFlight = 10;
  t.equal(choose(byTenant('one')), seen[1], 'full');
  first.load.inFlight = 3;
  t.equal(choose(byTenant('one')), seen[1], '3 of 3 is above the average');
  for (const entry of pool.entries) entry.load.inFlight = 3;
  t.equal(choose(byTenant('one')), seen[0], 'as busy as all');
  for (const entry of pool.entries) entry.load.inFlight = 10;
  t.equal(choose(byTenant('one')), 'overloaded');
});

void t.test('hash - without the header the router’s own algorithm, with one endpoint that one', async (t) => {
  const pool = hashPool([1, 2, 3]);
  t.same(new Set([1, 2, 3].map(() => chooser(pool)())), new Set([1, 2, 3]), 'round robin');
  const alone = chooser(hashPool([7]));
  const request = byTenant('x');
  t.same([alone(request), alone(request)], [7, 7]);
});

void t.test('hash - the table is full, and fair to within one place', async (t) => {
  const { places } = createMaglevTable(['a', 'b', 'c', 'd', 'e', 'f', 'g'], (id) => id);
  const counts = new Map<string, number>();
  for (const id of places) counts.set(id, (counts.get(id) ?? 0) + 1);
  t.equal(places.length, 3001);
  t.ok(
    [...counts.values()].every((count) => count === 428 || count === 429),
    JSON.stringify([...counts]),
  );
  t.same(createMaglevTable([], String).places.filter(Boolean), []);
  t.same(
    createMaglevTable(['c', 'a', 'b'], String).places,
    createMaglevTable(['a', 'b', 'c'], String).places,
    'the order of registration does not matter',
  );
});

/** By the definition of FNV-1a in 64 bits. */
const fnv1a = (text: string): bigint =>
  Buffer.from(text).reduce(
    (hash, byte) => BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n),
    0xcbf29ce484222325n,
  );

void t.test('hash - places are FNV-1a 64 modulo 3001', async (t) => {
  for (const text of ['', 'a', 'foobar', 'tenant-1', 'ünïcode', 'x'.repeat(500)]) {
    t.equal(placeOf(text), Number(fnv1a(text) % 3001n), text);
  }
});

void t.test('sessions - the same instance, once; must it be that one, nobody else', async (t) => {
  const { pool } = routesOf(registration(1), registration(2), registration(3));
  const choose = chooser(pool, { maxConnections: 2 });
  t.same([choose({ instanceId: 'i2' }), choose({ instanceId: 'i2' })], [2, 2]);
  pool.entries[1]!.failedAt = 0;
  t.equal(choose({ instanceId: 'i2' }), 2, 'marks do not matter');
  t.not(choose({ instanceId: 'i2', attempts: 1 }), 2);
  t.equal(choose({ instanceId: 'i2', attempts: 1, mustBeThatInstance: true }), 2);
  pool.entries[1]!.load.inFlight = 2;
  t.not(choose({ instanceId: 'i2' }), 2, 'full');
  t.equal(choose({ instanceId: 'i2', mustBeThatInstance: true }), 'instance-gone');
  t.equal(choose({ instanceId: 'i9', mustBeThatInstance: true }), 'instance-gone');
  t.type(choose({ instanceId: 'i9' }), 'number');
});

void t.test('sharding - which isolation segments are served', async (t) => {
  const served = (mode: Parameters<typeof isServed>[0]['mode']) =>
    ['', 'is1', 'is2'].filter((segment) => isServed({ mode, segments: ['is1'] }, segment));
  t.same(served('all'), ['', 'is1', 'is2']);
  t.same(served('segments'), ['is1']);
  t.same(served('shared-and-segments'), ['', 'is1']);
});
