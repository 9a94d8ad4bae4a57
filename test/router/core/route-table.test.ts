import t from 'tap';
import fc from 'fast-check';
import { readRegistration, toRouteChange } from '../../../router/core/registration.js';
import {
  formatRouteKey,
  hostWithoutPort,
  nextWildcard,
  parseRouteKey,
} from '../../../router/core/route-key.js';
import { createRouteTable } from '../../../router/core/route-table.js';
import type { RouteTable } from '../../../router/core/route-table.js';
import type { RouteRegistration } from '../../../common/model/routing.js';

const table = (emptyPoolMs = 0, fraction = 0): RouteTable =>
  createRouteTable({ fraction: () => fraction, emptyPoolMs });

const message = (uris: string[], port = 8080, more: Partial<RouteRegistration> = {}): RouteRegistration => ({
  host: '10.0.0.1',
  port,
  uris,
  ...more,
});

const register = (routes: RouteTable, registration: RouteRegistration, now = 0) => {
  const { endpoint, keys } = toRouteChange(registration, 120);
  return routes.register(endpoint, keys, now);
};

const unregister = (routes: RouteTable, registration: RouteRegistration, now = 0) => {
  const { endpoint, keys } = toRouteChange(registration, 120);
  return routes.unregister(endpoint.address, keys, now);
};

const found = (routes: RouteTable, host: string, path = '/'): string | undefined => {
  const pool = routes.lookup(host, path);
  return pool && formatRouteKey(pool.key);
};

void t.test('keys - lower case, without port, query, fragment and trailing slash', async (t) => {
  for (const [uri, key] of [
    ['App.Example.COM', 'app.example.com'],
    ['app.test:8080/Path/', 'app.test/path'],
    ['app.test/a/b?x=/y', 'app.test/a/b'],
    ['app.test#x/y', 'app.test'],
    ['app.test/', 'app.test'],
    ['*.app.test/x', '*.app.test/x'],
    ['[::1]:80/x', '[::1]/x'],
    ['', ''],
  ] as const) {
    t.equal(formatRouteKey(parseRouteKey(uri)), key, uri);
  }
  t.equal(hostWithoutPort('[::1]'), '[::1]');
  t.equal(nextWildcard('a.b.c'), '*.b.c');
  t.equal(nextWildcard('*.b.c'), '*.c');
  t.equal(nextWildcard('*.c'), undefined);
});

void t.test('lookup - longest path on segment borders, exact host before wildcards', async (t) => {
  const routes = table();
  register(routes, message(['a.com', 'a.com/foo', 'a.com/foo/bar', '*.com', '*.com/deep/path', '*.b.com/x']));
  t.equal(found(routes, 'a.com', '/foo/bar/baz?q'), 'a.com/foo/bar');
  t.equal(found(routes, 'a.com:80', '/foobar'), 'a.com');
  t.equal(found(routes, 'A.COM', '/FOO/'), 'a.com/foo');
  t.equal(found(routes, 'a.com', '/deep/path'), 'a.com', 'although the wildcard has the longer path');
  t.equal(found(routes, 'x.com', '/deep/path'), '*.com/deep/path');
  t.equal(found(routes, 'y.b.com', '/x'), '*.b.com/x');
  t.equal(found(routes, 'y.b.com', '/z'), '*.com', 'the next wildcard when the first has no such path');
  t.equal(found(routes, 'a.org'), undefined);
});

void t.test('lookup - empty pools are skipped, but for the deepest when nothing else matches', async (t) => {
  const routes = table(1000);
  register(routes, message(['a.com', 'a.com/foo', 'b.com/foo', '*.com']));
  unregister(routes, message(['a.com/foo', 'b.com/foo']));
  t.equal(found(routes, 'a.com', '/foo'), 'a.com');
  t.equal(found(routes, 'b.com', '/foo/x'), 'b.com/foo', 'and no wildcard is asked');
  t.equal(routes.lookup('b.com', '/foo')?.entries.length, 0);
  t.equal(found(routes, 'b.com', '/'), '*.com');
  routes.prune(999);
  t.equal(found(routes, 'b.com', '/foo'), 'b.com/foo');
  routes.prune(1000);
  t.equal(found(routes, 'b.com', '/foo'), '*.com');
});

void t.test('register - added, refreshed, replaced; retired upstreams are told', async (t) => {
  const routes = table();
  t.match(register(routes, message(['a.com', 'b.com'])), { added: 2, removed: 0, retired: [] });
  t.match(register(routes, message(['a.com'])), { added: 0, removed: 0 });
  const before = routes.lookup('a.com', '/')?.entries[0];
  t.match(register(routes, message(['a.com'], 8080, { private_instance_id: 'new' })), {
    added: 1,
    retired: [],
  });
  t.equal(before?.live, false, 'who chose it before must not write to it');
  t.equal(routes.lookup('a.com', '/')?.entries.length, 1);
  t.same(unregister(routes, message(['a.com'])).retired, [], 'b.com uses it');
  t.same(unregister(routes, message(['b.com'])).retired, ['http://10.0.0.1:8080']);
  t.equal(routes.routeCount(), 0);
  t.equal(routes.endpointCount(), 0);
});

void t.test(
  'register - a tls_port makes another upstream, and a threshold of its own only if shorter',
  async (t) => {
    const routes = table();
    const secure = message(['a.com'], 1, { tls_port: 8080, server_cert_domain_san: 'san' });
    register(routes, message(['a.com']));
    t.same(register(routes, secure).retired, ['http://10.0.0.1:8080']);
    t.match(routes.snapshot(), [{ route: 'a.com', endpoints: [{ tls: true, ttl: 120 }] }]);
    for (const [own, ttl] of [
      [0, 120],
      [-1, 120],
      [60, 60],
      [500, 120],
    ] as const) {
      const { endpoint } = toRouteChange(message([], 1, { stale_threshold_in_seconds: own }), 120);
      t.equal(endpoint.staleMs, ttl * 1000);
    }
  },
);

void t.test('evict - leaves the route, empty until the next pruning', async (t) => {
  const routes = table();
  register(routes, message(['a.com'], 0, { tls_port: 1 }));
  const pool = routes.lookup('a.com', '/')!;
  t.same(routes.evict(pool.key, pool.entries[0]!, 5).retired, ['https://10.0.0.1:1#']);
  t.equal(routes.lookup('a.com', '/')?.entries.length, 0);
  routes.prune(6);
  t.equal(routes.lookup('a.com', '/'), undefined);
});

const label = fc.constantFrom('a', 'b', 'c');
const hostName = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const wildcard = hostName.map((host) => `*.${host}`);
const path = fc.array(label, { maxLength: 3 }).map((segments) => segments.map((one) => `/${one}`).join(''));
const route = fc.record({ host: fc.oneof(hostName, wildcard), path });

/** The rules of lookup, told over a plain list. `routes`: key → whether the pool has endpoints. */
const naiveLookup = (routes: Map<string, boolean>, host: string, target: string): string | undefined => {
  const known = [...routes.keys()];
  for (let name: string | undefined = host; name !== undefined; name = nextWildcard(name)) {
    const segments = target === '' ? [] : target.slice(1).split('/');
    const prefixes = [name, ...segments.map((_, at) => `${name}/${segments.slice(0, at + 1).join('/')}`)];
    const full = prefixes.findLast((prefix) => routes.get(prefix) === true);
    if (full) return full;
    // the deepest point that any route of this host passes through
    const deepest = prefixes.findLast((prefix) =>
      known.some((key) => key === prefix || key.startsWith(`${prefix}/`)),
    );
    if (deepest !== undefined && routes.has(deepest)) return deepest;
  }
  return undefined;
};

void t.test('lookup - equals the rules told plainly, for any routes', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ route, full: fc.boolean() }), { maxLength: 14 }),
      fc.array(fc.record({ host: hostName, path }), { minLength: 1, maxLength: 8 }),
      (given, asked) => {
        const routes = table(1000);
        const model = new Map(given.map((one) => [one.route.host + one.route.path, one.full]));
        for (const [key, full] of model) {
          register(routes, message([key]));
          if (!full) unregister(routes, message([key]));
        }
        return asked.every(
          ({ host, path: target }) => found(routes, host, `${target}/`) === naiveLookup(model, host, target),
        );
      },
    ),
    { numRuns: 3000 },
  );
});

void t.test(
  'table - any sequence of changes leaves what a plain map would, and retires what nobody uses',
  async () => {
    const change = fc.record({
      kind: fc.constantFrom('register', 'unregister', 'advance', 'prune', 'suspend', 'resume'),
      port: fc.integer({ min: 1, max: 3 }),
      uri: fc.constantFrom('a', 'a/x', 'a/x/y', '*.b'),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40, size: 'max' }), (changes) => {
        const routes = table();
        const model = new Map<string, number>();
        const used = new Set<string>();
        let now = 0;
        let suspended = false;
        const retire = (keys: readonly string[]): void => keys.forEach((key) => used.delete(key));
        for (const { kind, port, uri } of changes) {
          const key = `${uri} ${port}`;
          if (kind === 'register') {
            retire(register(routes, message([uri], port), now).retired);
            model.set(key, now);
            used.add(`http://10.0.0.1:${port}`);
          } else if (kind === 'unregister') {
            retire(unregister(routes, message([uri], port), now).retired);
            model.delete(key);
          } else if (kind === 'advance') now += 50_000;
          else if (kind === 'prune') {
            retire(routes.prune(now).retired);
            for (const [one, at] of model) if (!suspended && now - at > 120_000) model.delete(one);
          } else if (kind === 'suspend') {
            routes.suspend();
            suspended = true;
          } else {
            routes.resume(now);
            suspended = false;
            for (const one of model.keys()) model.set(one, now);
          }
        }
        const actual = routes
          .snapshot()
          .flatMap((one) => one.endpoints.map(({ address }) => `${one.route} ${address.split(':')[1]}`));
        const upstreams = new Set([...model.keys()].map((key) => `http://10.0.0.1:${key.split(' ')[1]}`));
        const routeNames = new Set([...model.keys()].map((key) => key.split(' ')[0]));
        return (
          actual.sort().join() === [...model.keys()].sort().join() &&
          routes.routeCount() === routeNames.size &&
          [...used].sort().join() === [...upstreams].sort().join()
        );
      }),
      { numRuns: 1000 },
    );
  },
);

void t.test('registrations - what would become a header of its own is refused', async (t) => {
  for (const field of ['app', 'private_instance_id', 'private_instance_index']) {
    for (const value of ['a\r\nX-Evil: 1', 'a\0', 'ü']) {
      t.match(readRegistration({ host: 'a', port: 1, [field]: value }), { ok: false, error: { field } });
    }
  }
});
