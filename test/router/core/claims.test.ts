import t from 'tap';
import type { RouteRegistration } from '../../../common/model/routing.js';
import { toRouteChange } from '../../../router/core/registration.js';
import { createRouteTable } from '../../../router/core/route-table.js';

const tableThat = (refuseClaims: boolean) => {
  const table = createRouteTable({ fraction: () => 0, emptyPoolMs: 0, refuseClaims });
  const register = (port: number, more: Partial<RouteRegistration>, uris = ['app.test']) => {
    const { endpoint, keys } = toRouteChange({ host: '10.0.0.1', port, uris, ...more }, 120);
    return table.register(endpoint, keys, 0);
  };
  const ports = (host = 'app.test') => table.lookup(host, '/')?.entries.map(({ endpoint }) => endpoint.port);
  return { table, register, ports };
};

t.test('claims - who joins the endpoints of another application is told of, and joins', async (t) => {
  const { register, ports } = tableThat(false);
  t.same(register(1, { app: 'first' }).claims, []);
  t.same(register(2, { app: 'first' }).claims, [], 'another instance');
  t.same(register(3, { app: 'second' }).claims, [
    { key: { host: 'app.test', path: '' }, owner: 'first', claimant: 'second' },
  ]);
  t.same(register(3, { app: 'second' }).claims, [], 'it is there already');
  t.same(ports(), [1, 2, 3]);
});

t.test('claims - refused, only the routes that are taken are', async (t) => {
  const { register, ports } = tableThat(true);
  register(1, { app: 'first' });
  const change = register(3, { app: 'second' }, ['app.test', 'other.test', 'app.test/below']);
  t.same(ports(), [1]);
  t.same(ports('other.test'), [3]);
  t.equal(change.added, 2);
  t.equal(change.claims.length, 1);
  t.equal(register(1, { app: 'second' }).added, 0, 'not by the address of the first either');
  t.equal(
    register(1, { app: 'first', tags: { new: 'data' } }).added,
    1,
    'whose it is may change what it says',
  );
});

t.test('claims - without an application the component that registers counts', async (t) => {
  const { register } = tableThat(true);
  register(1, { tags: { component: 'api' } }, ['api.test']);
  t.same(
    register(2, { app: 'evil' }, ['api.test']).claims.map(({ owner, claimant }) => [owner, claimant]),
    [['api', 'evil']],
  );
  t.equal(register(3, { tags: { component: 'api' } }, ['api.test']).added, 1);
});

t.test('claims - a route that the first one left is free', async (t) => {
  const { table, register, ports } = tableThat(true);
  register(1, { app: 'first' });
  table.unregister('10.0.0.1:1', [{ host: 'app.test', path: '' }], 0);
  register(2, { app: 'second' });
  t.same(ports(), [2]);
});

t.test('table - a path of any depth is registered, found, pruned and gone', async (t) => {
  const { table, register } = tableThat(false);
  const deep = `app.test${'/x'.repeat(200_000)}`;
  register(1, {}, [deep, 'app.test/x']);
  t.equal(table.lookup('app.test', deep.slice('app.test'.length))?.key.path.length, 400_000);
  t.equal(table.snapshot().length, 2);
  t.equal(table.prune(1e9).removed, 2);
  t.equal(table.routeCount(), 0);
  t.equal(table.lookup('app.test', '/x'), undefined);
});

t.test('table - a host may have very many paths', async (t) => {
  const { table, register } = tableThat(false);
  register(
    1,
    {},
    Array.from({ length: 200_000 }, (_, nth) => `app.test/${nth}`),
  );
  t.equal(table.endpointCount(), 200_000);
  table.prune(1e9);
  t.equal(table.routeCount(), 0);
});
