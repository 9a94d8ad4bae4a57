import t from 'tap';
import { resolveLocation } from '../../../../mesos-bridge/protocol/http/location.js';

const FROM = { origin: 'http://a:5050', path: '/api/v1/scheduler' };
const OVER_TLS = { origin: 'https://a:5050', path: '/api/v1/scheduler' };

t.test('redirects of Mesos - every form leads somewhere', async (t) => {
  const leads = (location: string, origin: string, path: string, from = FROM): void =>
    void t.same(resolveLocation(location, from), { ok: true, value: { origin, path } }, location);
  leads('//b:5051/master/api/v1/scheduler', 'http://b:5051', '/master/api/v1/scheduler');
  leads('//b:5051/master/api/v1/scheduler', 'https://b:5051', '/master/api/v1/scheduler', OVER_TLS);
  leads('http://b:5051/x?c=d&a=b', 'http://b:5051', '/x?c=d&a=b');
  leads('https://b:5051/x', 'https://b:5051', '/x');
  leads('masterhost2:5050', 'http://masterhost2:5050', '/api/v1/scheduler');
  leads('10.0.0.1:5050', 'http://10.0.0.1:5050', '/api/v1/scheduler');
  leads('//[::1]:5050', 'http://[::1]:5050', '/api/v1/scheduler');
});

t.test('redirects of Mesos - never out of TLS, never nowhere', async (t) => {
  t.match(resolveLocation('http://b:5051/x', OVER_TLS), { ok: false, error: /leads out of TLS/ });
  for (const location of ['', ' ', '/master/api', '//', 'ftp://b/x', 'http://', '//b:99999/x']) {
    t.equal(resolveLocation(location, FROM).ok, false, JSON.stringify(location));
  }
});
