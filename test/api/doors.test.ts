import { request } from 'node:http';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { startApi } from '../support/api.js';

/** As `fetch` may not: with any Host. */
const raw = (url: string, headers: Record<string, string>): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    request(url, { headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });

t.test('doors - only the token opens, in constant shape of refusal', async (t) => {
  const api = await startApi(t);
  for (const token of ['', 'wrong', `${api.api().token()}x`, api.api().token().slice(1)]) {
    t.match(await api.call('GET', '/v3/apps', { token }), {
      status: 401,
      body: { errors: [{ code: 1000, title: 'CF-InvalidAuthToken', detail: 'Invalid Auth Token' }] },
    });
  }
  t.equal(
    (await api.call('GET', '/v3/no-such-thing', { token: '' })).status,
    401,
    'unknown paths tell nothing',
  );
  t.equal((await api.call('GET', '/api/v1/info', { token: '' })).status, 401);
  t.equal((await api.call('GET', '/outcry/v1/cells', { token: '' })).status, 401);
  t.equal((await api.call('GET', '/', { token: '' })).status, 200);
  t.equal((await api.call('GET', '/v3/info', { token: '' })).status, 200);
  const authorization = `Bearer ${api.api().token()}`;
  t.equal((await api.call('GET', '/v3/apps', { token: '', headers: { authorization } })).status, 200);
});

t.test('doors - the token is made once, for its owner alone, and survives a restart', async (t) => {
  const api = await startApi(t);
  const file = join(api.dir, 'api-token');
  const token = api.api().token();
  t.equal((await readFile(file, 'utf8')).trim(), token);
  t.equal((await stat(file)).mode & 0o777, 0o600);
  t.ok(token.length >= 32);
  await api.restart();
  t.equal(api.api().token(), token);
});

t.test('doors - a foreign Host or Origin is refused even with the token', async (t) => {
  const api = await startApi(t, {
    allowed_hosts: ['api.example', 'fd00::1'],
    allowed_origins: ['https://ui.example'],
  });
  const { port } = api.api().address();
  const authorization = `bearer ${api.api().token()}`;
  const ask = (headers: Record<string, string>) => raw(`${api.url()}/v3/apps`, { authorization, ...headers });
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    'web.localhost',
    '10.0.0.1',
    '[fd00::2]:8081',
  ]) {
    const answer = await ask({ host });
    t.equal(answer.status, 421, host);
    t.match(JSON.parse(answer.body).errors[0].outcry.code, 'API_HOST_REFUSED', host);
  }
  t.equal((await raw(`${api.url()}/`, { host: 'evil.example' })).status, 421, 'open paths too');
  for (const host of ['localhost', `127.0.0.1:${port}`, 'API.example', `[::1]:${port}`, '[FD00::1]:8081']) {
    t.equal((await ask({ host })).status, 200, host);
  }
  for (const origin of [
    'http://evil.example',
    'http://web.localhost',
    'null',
    `http://127.0.0.1:${port + 1}`,
  ]) {
    const answer = await ask({ origin });
    t.equal(answer.status, 403, origin);
    t.match(JSON.parse(answer.body).errors[0].outcry.code, 'API_ORIGIN_REFUSED', origin);
  }
  t.equal((await ask({ origin: 'https://ui.example' })).status, 200);
  t.equal((await ask({ origin: `http://127.0.0.1:${port}` })).status, 200, 'its own pages');
});

t.test('doors - errors have the shape of Cloud Controller', async (t) => {
  const api = await startApi(t);
  t.match(await api.call('GET', '/v3/nothing'), {
    status: 404,
    body: { errors: [{ code: 10000, title: 'CF-NotFound', detail: 'Unknown request' }] },
  });
  t.match(await api.call('POST', '/v3/packages', { body: '{' }), {
    status: 400,
    body: { errors: [{ code: 1001, title: 'CF-MessageParseError' }] },
  });
  t.match(await api.call('POST', '/v3/apps', { json: { name: 5, nmae: 'x' } }), {
    status: 422,
    body: { errors: [{ outcry: { code: 'API_BODY_INVALID' } }, { detail: "Unknown field(s): 'nmae'" }] },
  });
  t.match(await api.call('POST', '/v3/apps', { body: 'x'.repeat(2 * 1024 * 1024) }), { status: 413 });
  t.match(await api.call('GET', '/v3/apps?nmaes=x'), {
    status: 400,
    body: { errors: [{ code: 10005, title: 'CF-BadQueryParameter', detail: /'nmaes'/ }] },
  });
  for (const query of ['page=0', 'per_page=5001', 'per_page=x', 'order_by=size', 'order_by=constructor']) {
    t.equal((await api.call('GET', `/v3/apps?${query}`)).status, 400, query);
  }
  for (const [path, what] of [
    ['apps', 'App'],
    ['processes', 'Process'],
    ['droplets', 'Droplet'],
    ['packages', 'Package'],
    ['builds', 'Build'],
    ['routes', 'Route'],
    ['tasks', 'Task'],
    ['jobs', 'Job'],
  ]) {
    t.match(await api.call('GET', `/v3/${path}/unknown`), {
      status: 404,
      body: { errors: [{ code: 10010, detail: `${what} not found` }] },
    });
  }
  t.match(await api.call('GET', '/v3/apps/%zz'), { status: 400, body: { errors: [{ title: /^CF-/ }] } });
  t.equal((await api.call('GET', '/v3/apps')).headers.get('x-vcap-request-id')?.length, 36);
  const given = await api.call('GET', '/v3/apps', { headers: { 'x-vcap-request-id': 'mine-1' } });
  t.equal(given.headers.get('x-vcap-request-id'), 'mine-1');
});

t.test('doors - lists have pages with absolute links, filters and order', async (t) => {
  const api = await startApi(t);
  await api.job(await api.apply('applications: [{name: c}, {name: a}, {name: b}]'));
  const names = (body: { resources: { name: string }[] }) => body.resources.map(({ name }) => name);
  const first = (await api.call('GET', '/v3/apps?order_by=name&per_page=2')).body;
  t.same(names(first), ['a', 'b']);
  t.match(first.pagination, { total_results: 3, total_pages: 2, previous: null });
  const { href } = first.pagination.next;
  t.match(href, /^http:\/\/127\.0\.0\.1:\d+\/v3\/apps\?/);
  const next = (await api.call('GET', href)).body;
  t.same(names(next), ['c']);
  t.equal(next.pagination.next, null);
  t.same(names((await api.call('GET', '/v3/apps?order_by=-name')).body), ['c', 'b', 'a']);
  t.same(names((await api.call('GET', '/v3/apps?names=a%2Cc&order_by=name')).body), ['a', 'c']);
  t.same(names((await api.call('GET', '/v3/apps?names=a%252Cc')).body), [], 'a comma within a name');
  t.same(names((await api.call('GET', '/v3/apps?names=nobody')).body), [], 'unknown names are no error');
});

t.test('doors - routes are made, mapped and removed; empty hosts are a filter', async (t) => {
  const api = await startApi(t);
  await api.job(await api.apply('applications: [{name: web}]'));
  const app = (await api.call('GET', '/v3/apps')).body.resources[0].guid;
  const domain = (await api.call('GET', '/v3/domains')).body.resources[0].guid;
  const relationships = {
    space: { data: { guid: await api.spaceGuid() } },
    domain: { data: { guid: domain } },
  };
  const create = (json: object) => api.call('POST', '/v3/routes', { json: { ...json, relationships } });
  const route = await create({ host: 'www', path: '/docs' });
  t.match(route, {
    status: 201,
    body: { url: 'www.localhost/docs', port: null, options: {}, destinations: [] },
  });
  t.match(await create({ host: 'www', path: '/docs' }), {
    status: 422,
    body: { errors: [{ detail: /^Route already exists/ }] },
  });
  for (const bad of [{ host: 'a_b' }, { host: 'a', path: 'x' }, { host: '-a' }, { host: '' }]) {
    t.equal((await create(bad)).body.errors[0].outcry.code, 'ROUTE_INVALID', JSON.stringify(bad));
  }
  t.same((await api.call('GET', '/v3/routes?hosts=')).body.resources, []);
  t.equal((await api.call('GET', '/v3/routes?hosts=www&paths=%2Fdocs')).body.resources.length, 1);
  t.same((await api.call('GET', '/v3/routes?hosts=www&paths=')).body.resources, []);

  const path = `/v3/routes/${route.body.guid}/destinations`;
  const mapped = await api.call('POST', path, {
    json: { destinations: [{ app: { guid: app }, port: null }] },
  });
  t.match(mapped, {
    status: 200,
    body: { destinations: [{ app: { guid: app, process: { type: 'web' } }, port: 8080 }] },
  });
  const twice = await api.call('POST', path, { json: { destinations: [{ app: { guid: app } }] } });
  t.equal(twice.body.destinations.length, 1);
  t.equal((await api.call('POST', path, { json: { destinations: [{ app: { guid: 'x' } }] } })).status, 422);
  const destination = mapped.body.destinations[0].guid;
  t.equal((await api.call('DELETE', `${path}/${destination}`)).status, 204);
  t.equal((await api.call('DELETE', `${path}/${destination}`)).status, 422);
  const removed = await api.call('DELETE', `/v3/routes/${route.body.guid}`);
  t.equal((await api.job(removed)).state, 'COMPLETE');
  t.equal((await api.call('GET', `/v3/routes/${route.body.guid}`)).status, 404);
});
