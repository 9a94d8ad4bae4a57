import t from 'tap';
import type { Test } from 'tap';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import type { FakeClock } from '../../../common/adapters/fake-clock.js';
import { ask, closedPort, startApp, startRouter } from '../../support/router.js';
import type { RouterOptions } from '../../support/router.js';

type Headers = readonly (readonly [string, string])[];

interface Setup extends RouterOptions {
  uri?: string;
  /** headers of every answer */
  answer?: Headers | (() => Headers);
  clock?: FakeClock;
}

/** Two instances whose answers say who they are and carry the given headers. */
const startSession = async (t: Test, { uri = 'app.test', answer = [], ...options }: Setup = {}) => {
  const router = await startRouter(t, options);
  for (const name of ['one', 'two']) {
    const app = await startApp(t, (_req, res) => {
      res.writeHead(200, (typeof answer === 'function' ? answer() : answer).flat());
      res.end(name);
    });
    await router.register({ ...app.endpoint, uris: [uri], private_instance_id: `id-${name}` });
  }
  const get = async (headers: Record<string, string> = {}, path = '/') => {
    const reply = await ask(router.port, { headers, path });
    return { ...reply, cookies: reply.headers['set-cookie'] ?? [] };
  };
  return { router, get };
};

const routerCookies = (cookies: readonly string[]): string[] =>
  cookies.filter((cookie) => cookie.startsWith('__VCAP_ID__='));

void t.test(
  '§6 trigger - a session cookie brings the router’s own, and both bring the client back',
  async (t) => {
    const { get } = await startSession(t, { answer: [['Set-Cookie', 'JSESSIONID=abc; Path=/x']] });
    const first = await get();
    t.same(first.cookies, [
      'JSESSIONID=abc; Path=/x',
      `__VCAP_ID__=id-${first.body}; Path=/; HttpOnly`,
      '__VCAP_ID_META__=; Path=/; HttpOnly',
    ]);
    const both = { Cookie: `a=b; JSESSIONID=abc; __VCAP_ID__="id-${first.body}"` };
    for (let turn = 0; turn < 4; turn += 1) t.equal((await get(both)).body, first.body);
    const bodies = new Set<string>();
    for (let turn = 0; turn < 4; turn += 1) bodies.add((await get({ Cookie: `__VCAP_ID__=id-one` })).body);
    t.equal(bodies.size, 2, 'the router’s cookie alone binds nobody');
  },
);

void t.test('§6 trigger - no session cookie, no cookie; none without instance id', async (t) => {
  const plain = await startSession(t, { answer: [['Set-Cookie', 'other=1']] });
  t.same((await plain.get()).cookies, ['other=1']);
  const router = await startRouter(t);
  const app = await startApp(t, (_req, res) => res.setHeader('Set-Cookie', 'JSESSIONID=1').end());
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  t.same((await ask(router.port)).headers['set-cookie'], ['JSESSIONID=1']);
});

void t.test('§6 cookie - attributes of the session cookie are copied', async (t) => {
  for (const [attributes, expected] of [
    ['; Secure', '; HttpOnly; Secure'],
    ['; SameSite=lax; Secure; Partitioned', '; HttpOnly; Secure; SameSite=Lax; Partitioned'],
    ['; samesite=None', '; HttpOnly; SameSite=None'],
    ['; SameSite=odd', '; HttpOnly'],
    ['; Max-Age=3600', '; Max-Age=3600; HttpOnly'],
    ['; Max-Age=-5', '; Max-Age=0; HttpOnly'],
    ['; Max-Age=x', '; HttpOnly'],
    ['; Expires=Wed, 01-Jan-2070 10:00:00 GMT', '; Expires=Wed, 01 Jan 2070 10:00:00 GMT; HttpOnly'],
    ['; Expires=never', '; HttpOnly'],
    ['; SameSite=constructor; __proto__; constructor=1', '; HttpOnly'],
  ] as const) {
    const { get } = await startSession(t, { answer: [['Set-Cookie', `JSESSIONID=1${attributes}`]] });
    const { body, cookies } = await get();
    t.same(routerCookies(cookies), [`__VCAP_ID__=id-${body}; Path=/${expected}`], attributes);
  }
});

void t.test('§6 cookie - other names, the prefix __Host-, one for each session cookie', async (t) => {
  const { get } = await startSession(t, {
    sticky_session_cookie_names: ['SID'],
    answer: [
      ['Set-Cookie', 'JSESSIONID=1'],
      ['Set-Cookie', '__Host-SID=1; Secure'],
      ['Set-Cookie', 'SID=1'],
      ['Set-Cookie', 'SID=2'],
    ],
  });
  const { body, cookies } = await get();
  t.same(routerCookies(cookies), [
    `__VCAP_ID__=id-${body}; Path=/; HttpOnly; Secure`,
    `__VCAP_ID__=id-${body}; Path=/; HttpOnly`,
  ]);
  t.equal((await get({ Cookie: '__Host-SID=1; __VCAP_ID__=id-two' })).body, 'two');
});

void t.test('§6 cookie - secure by configuration, path of the route', async (t) => {
  const { get } = await startSession(t, {
    uri: 'app.test/context',
    secure_cookies: true,
    answer: [['Set-Cookie', 'JSESSIONID=1']],
  });
  const { body, cookies } = await get({}, '/context/deep');
  t.same(routerCookies(cookies), [`__VCAP_ID__=id-${body}; Path=/context; HttpOnly; Secure`]);
});

void t.test('§6 an app that sets __VCAP_ID__ itself is left alone', async (t) => {
  const { get } = await startSession(t, {
    answer: [
      ['Set-Cookie', 'JSESSIONID=1'],
      ['Set-Cookie', '__VCAP_ID__=mine'],
    ],
  });
  t.same(routerCookies((await get()).cookies), ['__VCAP_ID__=mine']);
});

void t.test(
  '§6 follow-up - an instance that is gone: another serves, and a new cookie says so',
  async (t) => {
    const { get } = await startSession(t);
    const { body, cookies } = await get({ Cookie: 'JSESSIONID=1; __VCAP_ID__=id-gone' });
    t.same(cookies, [`__VCAP_ID__=id-${body}; Path=/; HttpOnly`]);
    t.same((await get({ Cookie: `JSESSIONID=1; __VCAP_ID__=id-${body}` })).cookies, []);
  },
);

void t.test('§6 follow-up - first attempt only: when the instance refuses, another serves', async (t) => {
  const { router, get } = await startSession(t);
  await router.register({
    host: '127.0.0.1',
    port: await closedPort(),
    uris: ['app.test'],
    private_instance_id: 'id-dead',
  });
  const { status, body, cookies } = await get({ Cookie: 'JSESSIONID=1; __VCAP_ID__=id-dead' });
  t.equal(status, 200);
  t.same(cookies, [`__VCAP_ID__=id-${body}; Path=/; HttpOnly`]);
});

const metaCookies = (cookies: readonly string[]): string[] =>
  cookies.filter((cookie) => cookie.startsWith('__VCAP_ID_META__='));

void t.test(
  '§6 attributes - are kept by the client, and restored when another instance goes on',
  async (t) => {
    const clock = createFakeClock(1_700_000_000_000);
    for (const [attributes, meta, restored] of [
      ['', '', '; HttpOnly'],
      [
        '; Secure; Partitioned; SameSite=None',
        'secure&partitioned&samesite=none',
        '; HttpOnly; Secure; SameSite=None; Partitioned',
      ],
      [
        '; Max-Age=3600; SameSite=Lax',
        'maxage=1700003600&samesite=lax',
        '; Max-Age=3000; HttpOnly; SameSite=Lax',
      ],
      ['; Max-Age=600', 'maxage=1700000600', '; Max-Age=0; HttpOnly'],
      ['; Max-Age=0', 'maxage=-1', '; Max-Age=0; HttpOnly'],
      [
        '; Expires=Wed, 01-Jan-2070 10:00:00 GMT; SameSite=Strict',
        'expires=3155796000&samesite=strict',
        '; Expires=Wed, 01 Jan 2070 10:00:00 GMT; HttpOnly; SameSite=Strict',
      ],
    ] as const) {
      clock.jump(1_700_000_000_000 - clock.now());
      let sets = true;
      const { get } = await startSession(t, {
        clock,
        answer: () => (sets ? [['Set-Cookie', `JSESSIONID=1${attributes}`]] : []),
      });
      const first = await get();
      const own = routerCookies(first.cookies)[0]?.replace(`__VCAP_ID__=id-${first.body}`, '');
      t.same(metaCookies(first.cookies), [`__VCAP_ID_META__=${meta}${own}`], attributes);
      clock.jump(600_000);
      sets = false;
      const Cookie = `JSESSIONID=1; __VCAP_ID__=id-gone; __VCAP_ID_META__=${meta}`;
      const next = await get({ Cookie });
      t.same(next.cookies, [`__VCAP_ID__=id-${next.body}; Path=/${restored}`], attributes);
      t.same((await get({ Cookie: Cookie.replace('gone', next.body) })).cookies, []);
    }
  },
);

void t.test('§6 attributes - of an app that sets a new session, and secure by configuration', async (t) => {
  const { get } = await startSession(t, {
    secure_cookies: true,
    answer: [['Set-Cookie', 'JSESSIONID=1; SameSite=Lax']],
  });
  const { body, cookies } = await get({
    Cookie: 'JSESSIONID=1; __VCAP_ID__=id-gone; __VCAP_ID_META__=samesite=none&maxage=9999999999',
  });
  t.same(routerCookies(cookies), [`__VCAP_ID__=id-${body}; Path=/; HttpOnly; Secure; SameSite=Lax`]);
  t.same(metaCookies(cookies), [
    '__VCAP_ID_META__=secure&samesite=lax; Path=/; HttpOnly; Secure; SameSite=Lax',
  ]);
});

void t.test('§6 attributes - what a client makes up adds none but those', async (t) => {
  const { get } = await startSession(t);
  for (const [meta, expected] of [
    ['samesite=constructor&maxage=x&expires=1e99&domain=evil', '; HttpOnly'],
    ['expires=999999999999&maxage=0', '; HttpOnly'],
    ['expires=99999999999;secure', '; Expires=Wed, 16 Nov 5138 09:46:39 GMT; HttpOnly'],
    ['%ff%fe=&&&=&secure=%0d%0aX: y', '; HttpOnly; Secure'],
  ] as const) {
    const { body, cookies } = await get({
      Cookie: `JSESSIONID=1; __VCAP_ID__=id-gone; __VCAP_ID_META__=${meta}`,
    });
    t.same(cookies, [`__VCAP_ID__=id-${body}; Path=/${expected}`], meta);
  }
});

void t.test('§6 Authorization: Negotiate - stays with one instance, or fails', async (t) => {
  const { get } = await startSession(t, {
    sticky_sessions_for_auth_negotiate: true,
    answer: [['WWW-Authenticate', 'Negotiate abc']],
  });
  const first = await get();
  t.same(first.cookies, [`__VCAP_ID__=id-${first.body}; Path=/; Max-Age=60; HttpOnly; SameSite=Strict`]);
  const next = { Authorization: 'negotiate xyz', Cookie: `__VCAP_ID__=id-${first.body}` };
  for (let turn = 0; turn < 3; turn += 1) t.equal((await get(next)).body, first.body);
  t.same((await get(next)).cookies, [], 'it came back to where it was');
  const lost = await get({ ...next, Cookie: '__VCAP_ID__=id-gone' });
  t.match(lost, {
    status: 502,
    headers: { 'x-cf-routererror': 'endpoint_failure (No endpoints available)' },
    body: '502 Bad Gateway: Registered endpoint failed to handle the request.\n',
  });
});

void t.test('§6 Authorization: Negotiate - means nothing unless configured', async (t) => {
  const { get } = await startSession(t, { answer: [['WWW-Authenticate', 'Negotiate abc']] });
  t.same((await get()).cookies, []);
  t.equal((await get({ Authorization: 'Negotiate x', Cookie: '__VCAP_ID__=id-gone' })).status, 200);
});

void t.test('§6 hostile ids and cookies add no header and no attribute', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (_req, res) => res.setHeader('Set-Cookie', 'JSESSIONID=1').end());
  await router.register({
    ...app.endpoint,
    uris: ['app.test'],
    private_instance_id: 'a; Domain=evil',
  });
  const answer = await ask(router.port, { headers: { Cookie: '__VCAP_ID__=;;=; JSESSIONID' } });
  t.same(routerCookies(answer.headers['set-cookie'] ?? []), ['__VCAP_ID__=aDomain=evil; Path=/; HttpOnly']);
});
