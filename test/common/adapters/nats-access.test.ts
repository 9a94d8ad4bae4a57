import { join } from 'node:path';
import t from 'tap';
import { readNatsAccess } from '../../../common/adapters/nats-access.js';

const GOOD = { servers: ['nats://127.0.0.1:4222'], user: 'bbs', password: 'pa55' };

t.test('NATS access - what a component needs to connect', async (t) => {
  const dir = t.testdir({
    'plain.json': JSON.stringify(GOOD),
    'tls.json': JSON.stringify({ ...GOOD, servers: ['tls://[::1]:1', 'tls://a.b:2'], ca: 'ca.pem' }),
    'ca.pem': 'PEM',
  });
  const credentials = { user: 'bbs', password: 'pa55' };
  t.same(readNatsAccess(join(dir, 'plain.json')), { servers: GOOD.servers, credentials });
  t.same(readNatsAccess(join(dir, 'tls.json')), {
    servers: ['tls://[::1]:1', 'tls://a.b:2'],
    credentials,
    tls: { ca: 'PEM' },
  });
});

t.test('NATS access - a file that is wrong is named, with the key, and never its password', async (t) => {
  const { user: _, ...nobody } = GOOD;
  const cases: [content: unknown, problem: RegExp][] = [
    ['{"password":"pa55"', /is not JSON/],
    ['null', /is not a JSON object/],
    [{ ...GOOD, pasword: 'pa55' }, /unknown key pasword; it has servers, user, password, ca/],
    [{ ...GOOD, servers: [] }, /servers: must be a list/],
    [{ ...GOOD, servers: 'nats://a:1' }, /servers: must be a list/],
    [{ ...GOOD, servers: ['nats://u:pa55@a:1'] }, /servers: number 1 is not nats:\/\/HOST:PORT/],
    [nobody, /user: must be text/],
    [{ ...GOOD, password: '' }, /password: must be text/],
    [{ ...GOOD, ca: 1 }, /ca: must be the path of a file/],
    [{ ...GOOD, ca: 'missing.pem' }, /missing\.pem: there is no such file/],
  ];
  for (const [content, problem] of cases) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    const path = join(t.testdir({ 'bbs.json': text }), 'bbs.json');
    t.throws(() => readNatsAccess(path), { code: 'NATS_FILE_INVALID', message: problem }, text);
    try {
      readNatsAccess(path);
    } catch (error) {
      t.notMatch((error as Error).message, /pa55/, text);
    }
  }
  t.throws(() => readNatsAccess('/nonexistent/bbs.json'), {
    code: 'NATS_FILE_INVALID',
    message: /^\/nonexistent\/bbs\.json: there is no such file/,
  });
});
