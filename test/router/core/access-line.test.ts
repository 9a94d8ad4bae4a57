import t from 'tap';
import { createAccessLineFormat, NO_LIMITS, SHORTENED } from '../../../router/core/access-line.js';
import type { AccessLineOptions, AccessRecord } from '../../../router/core/access-line.js';
import { toRouteChange } from '../../../router/core/registration.js';

const { endpoint } = toRouteChange(
  {
    host: '10.0.1.7',
    port: 61001,
    uris: [],
    app: 'app-guid',
    private_instance_id: 'instance-guid',
    private_instance_index: '3',
  },
  120,
);

const record = (changes: Partial<AccessRecord> = {}): AccessRecord => ({
  arrivedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 67),
  beganAt: 1000,
  method: 'GET',
  target: '/path?a=b',
  protocol: 'HTTP/1.1',
  remoteAddress: '10.9.9.9:1234',
  host: 'app.example.com',
  requestId: 'request-id',
  headers: [
    'Referer',
    'http://x/',
    'User-Agent',
    'curl',
    'X-Forwarded-For',
    '1.1.1.1',
    'X-Forwarded-Proto',
    'https',
  ],
  status: 200,
  requestBytes: 12,
  bodyBytes: 34,
  endpoint,
  carrier: { localAddress: '10.0.0.1:34823', times: { dns: 0.25, dial: 1, tls: 0 } },
  forwardedAt: 1001,
  attemptAt: 1002,
  answeredAt: 1005.5,
  failedAttempts: 0,
  routerError: '',
  ...changes,
});

const line = (changes: Partial<AccessRecord> = {}, options: Partial<AccessLineOptions> = {}): string =>
  createAccessLineFormat({
    extraFields: [],
    extraHeaders: [],
    redactQuery: 'none',
    hideForwardedFor: false,
    hideSourceAddress: false,
    digest: (query) => `<${query}>`,
    ...options,
  })(record(changes), 1006, NO_LIMITS);

t.test('access line - as gorouter writes it', async (t) => {
  t.equal(
    line(),
    'app.example.com - [2026-01-02T03:04:05.067000000Z] "GET /path?a=b HTTP/1.1" 200 12 34 "http://x/" "curl" ' +
      '"10.9.9.9:1234" "10.0.1.7:61001" x_forwarded_for:"1.1.1.1" x_forwarded_proto:"https" ' +
      'vcap_request_id:"request-id" response_time:0.006000 gorouter_time:0.001500 app_id:"app-guid" ' +
      'app_index:"3" instance_id:"instance-guid" x_cf_routererror:"-"',
  );
});

t.test('access line - what is not there is a dash in quotes', async (t) => {
  const bare = line({ headers: [], endpoint: undefined, status: 0, requestId: '', forwardedAt: undefined });
  t.match(bare, ' HTTP/1.1" "-" 12 34 "-" "-" "10.9.9.9:1234" "-" x_forwarded_for:"-" x_forwarded_proto:"-"');
  t.match(
    bare,
    ' vcap_request_id:"-" response_time:0.006000 gorouter_time:"-" app_id:"-" app_index:"-" instance_id:"-"',
  );
  t.match(line({ beganAt: 5000 }), ' response_time:"-" gorouter_time:"-"', 'negative times');
});

t.test('access line - times of one second share their text and of the next do not', async (t) => {
  const at = (ms: number) => /\[(.*?)\]/.exec(line({ arrivedAt: Date.UTC(2026, 0, 1) + ms }))?.[1];
  t.equal(at(1), '2026-01-01T00:00:00.001000000Z');
  t.equal(at(999), '2026-01-01T00:00:00.999000000Z');
  t.equal(at(1000), '2026-01-01T00:00:01.000000000Z');
  t.equal(at(0), '2026-01-01T00:00:00.000000000Z');
});

t.test('access line - no value ends its field or its line', async (t) => {
  const agent = (value: string) =>
    /"http:\/\/x\/" (".*") "10\.9/.exec(
      line({ headers: ['referer', 'http://x/', 'USER-AGENT', value] }),
    )?.[1];
  t.equal(agent('a "b" c\\d'), '"a \\"b\\" c\\\\d"');
  t.equal(agent('tab\there\x7f'), '"tab\\x09here\\x7f"');
  t.equal(agent('gr\xc3\xbcn'), '"grün"', 'UTF-8 is shown');
  t.equal(agent('gr\xfcn'), '"gr\\xfcn"', 'what is none is escaped');
  t.equal(agent('a\xe2\x80\xaeb'), '"a\\u202eb"', 'what would turn the line around is escaped');
  t.equal(agent('\x85'), '"\\x85"');
  t.match(line({ host: 'a" b\n' }), /^a\\" b\\x0a - \[/);
});

t.test(
  'access line - queries, addresses and forwarded addresses are left out where that is wanted',
  async (t) => {
    t.match(line({}, { redactQuery: 'all' }), '"GET /path HTTP/1.1"');
    t.match(line({}, { redactQuery: 'hash' }), '"GET /path?hash=<a=b> HTTP/1.1"');
    t.match(line({ target: '/path' }, { redactQuery: 'hash' }), '"GET /path HTTP/1.1"');
    const hidden = line({}, { hideForwardedFor: true, hideSourceAddress: true });
    t.match(hidden, '"curl" "-" "10.0.1.7:61001" x_forwarded_for:"-" x_forwarded_proto:"https"');
  },
);

t.test('access line - extra fields stand before the error, extra headers after it', async (t) => {
  const text = line(
    { failedAttempts: 2, routerError: 'endpoint_failure (EOF)', headers: ['X-Own-Thing', 'yes'] },
    {
      extraFields: [
        'failed_attempts',
        'failed_attempts_time',
        'dns_time',
        'dial_time',
        'tls_time',
        'backend_time',
        'local_address',
      ],
      extraHeaders: ['x-own-thing', 'x-absent'],
    },
  );
  t.match(
    text,
    ' instance_id:"instance-guid" failed_attempts:2 failed_attempts_time:0.001000 dns_time:0.000250 ' +
      'dial_time:0.001000 tls_time:0.000000 backend_time:0.003500 local_address:"10.0.0.1:34823" ' +
      'x_cf_routererror:"endpoint_failure (EOF)" x_own_thing:"yes" x_absent:"-"',
  );
  t.match(
    line({ carrier: undefined }, { extraFields: ['dns_time', 'dial_time', 'tls_time', 'local_address'] }),
    ' dns_time:"-" dial_time:"-" tls_time:"-" local_address:"-" x_cf_routererror',
  );
});

t.test('access line - what is too long for a log system is cut and says so', async (t) => {
  const format = createAccessLineFormat({
    extraFields: [],
    extraHeaders: ['x-long'],
    redactQuery: 'none',
    hideForwardedFor: false,
    hideSourceAddress: false,
    digest: String,
  });
  const long = record({
    target: `/${'u'.repeat(60_000)}`,
    headers: ['User-Agent', 'a'.repeat(30_000), 'X-Long', 'x'.repeat(30_000)],
  });
  t.ok(format(long, 1006, NO_LIMITS).length > 120_000);
  const short = format(long, 1006, SHORTENED);
  t.ok(short.length < 30_000);
  for (const name of ['REQUEST-URI', 'USER-AGENT', 'X-LONG'])
    t.match(short, `...${name}-TOO-LONG-TO-LOG--TRUNCATED`);
});
