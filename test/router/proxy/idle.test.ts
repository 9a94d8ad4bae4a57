import t from 'tap';
import type { Test } from 'tap';
import { createIdleLimit } from '../../../router/proxy/idle-limit.js';
import type { IdleGroup } from '../../../router/proxy/idle-limit.js';
import { eventually } from '../../support/eventually.js';
import { ask, startApp, startRouter } from '../../support/router.js';

/** An application whose answers wait until `release`, and the connections that it has. */
const startCounted = async (t: Test) => {
  const waiting: (() => void)[] = [];
  let [open, opened] = [0, 0];
  const app = await startApp(t, (req, res) => {
    if (req.url === '/now') res.end('now');
    else waiting.push(() => res.end('later'));
  });
  app.server.on('connection', (socket) => {
    open += 1;
    opened += 1;
    socket.on('close', () => (open -= 1));
  });
  return {
    endpoint: app.endpoint,
    open: () => open,
    opened: () => opened,
    waiting: () => waiting.length,
    release: () => waiting.splice(0).forEach((answer) => answer()),
  };
};

void t.test('§10 idle connections - to one endpoint, no more than allowed; no answer suffers', async (t) => {
  for (const [most, left] of [
    [1, 1],
    [3, 3],
    [0, 5],
  ] as const) {
    const router = await startRouter(t, { max_idle_conns_per_host: most });
    const app = await startCounted(t);
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const answers = Array.from({ length: 5 }, () => ask(router.port));
    await eventually(() => app.waiting() === 5);
    t.equal(app.open(), 5, 'in use there are as many as it takes');
    app.release();
    t.ok((await Promise.all(answers)).every(({ body }) => body === 'later'));
    await eventually(() => app.open() === left);
    t.equal((await ask(router.port, { path: '/now' })).body, 'now');
    t.equal(app.opened(), 5, 'the one that was kept serves');
    t.equal(app.open(), left);
  }
});

void t.test('§10 idle connections - to all endpoints: the one that rested longest goes', async (t) => {
  const router = await startRouter(t, { max_idle_conns: 2 });
  const apps = [await startCounted(t), await startCounted(t), await startCounted(t)];
  for (const [at, app] of apps.entries()) await router.register({ ...app.endpoint, uris: [`${at}.test`] });
  const visit = async (at: number): Promise<void> => {
    t.equal((await ask(router.port, { host: `${at}.test`, path: '/now' })).status, 200);
  };
  await visit(0);
  await visit(1);
  await visit(0);
  await visit(2);
  await eventually(() => apps[1]?.open() === 0);
  t.same(
    apps.map(({ open }) => open()),
    [1, 0, 1],
  );
});

void t.test('§10 idle connections - one that is to be closed is not taken meanwhile', async (t) => {
  const router = await startRouter(t, { max_idle_conns_per_host: 1, backends: { max_attempts: 1 } });
  const app = await startCounted(t);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const clients = Array.from({ length: 8 }, async () => {
    for (let turn = 0; turn < 50; turn += 1) {
      // a request with a body is never sent again
      const { status } = await ask(router.port, { method: 'POST', body: 'x', path: '/now' });
      if (status !== 200) return status;
    }
    return 200;
  });
  t.same(new Set(await Promise.all(clients)), new Set([200]));
  await eventually(() => app.open() === 1);
});

void t.test('§10 idle limit - counts what is idle, and nothing twice', async (t) => {
  const closed: string[] = [];
  const group = (): IdleGroup => ({ count: 0 });
  const one = (name: string, of: IdleGroup) => ({ group: of, closeIdle: () => void closed.push(name) });
  const limit = createIdleLimit({ total: 3, perUpstream: 2 });
  const [a, b] = [group(), group()];
  const [a1, a2, a3, b1, b2] = [one('a1', a), one('a2', a), one('a3', a), one('b1', b), one('b2', b)];
  limit.taken(a1);
  t.equal(a.count, 0, 'what was not idle does not count');
  for (const each of [a1, a2, a3]) limit.freed(each);
  t.same(closed, ['a3']);
  limit.freed(b1);
  t.same([a.count, b.count], [2, 1]);
  limit.taken(a1);
  limit.freed(a1);
  limit.freed(b2);
  t.same(closed, ['a3', 'a2'], 'a1 has been used since');
  limit.taken(a2);
  t.same([a.count, b.count], [1, 2]);
});
