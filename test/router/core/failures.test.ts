import t from 'tap';
import { FAILURE_RULES, isIdempotent, shouldRetry } from '../../../router/core/failures.js';
import type { AttemptOutcome, FailureKind } from '../../../router/core/failures.js';
import { endpointFailure } from '../../../router/core/replies.js';

const outcome = (kind: FailureKind, more: Partial<AttemptOutcome> = {}): AttemptOutcome => ({
  kind,
  idempotent: true,
  bodyTouched: false,
  attempts: 1,
  maxAttempts: 3,
  uncounted: 1,
  ...more,
});

const retried = (more: Partial<AttemptOutcome>): FailureKind[] =>
  (Object.keys(FAILURE_RULES) as FailureKind[]).filter((kind) => shouldRetry(outcome(kind, more))).sort();

void t.test('retries - by kind of failure', async (t) => {
  const tls = [
    'tls-client-cert-refused',
    'tls-handshake',
    'tls-handshake-timeout',
    'tls-hostname',
    'tls-untrusted',
  ];
  t.same(retried({}), ['dial', 'eof', 'stale-connection', ...tls, 'withdrawn']);
  t.same(retried({ idempotent: false }), ['dial', ...tls, 'withdrawn']);
  t.same(retried({ attempts: 3 }), ['stale-connection', 'withdrawn']);
  t.same(retried({ attempts: 3, uncounted: 8 }), []);
  t.same(retried({ bodyTouched: true }), [], 'what went out of a body cannot go out again');
});

void t.test('marks - those that speak against the endpoint', async (t) => {
  const marking = Object.entries(FAILURE_RULES).filter(([, rule]) => rule.marks);
  t.same(marking.map(([kind]) => kind).sort(), [
    'dial',
    'reset',
    'tls-client-cert-refused',
    'tls-handshake',
    'tls-handshake-timeout',
    'tls-hostname',
    'tls-untrusted',
  ]);
});

void t.test('idempotence - safe methods without body, or a key', async (t) => {
  const request = (method: string, hasBody = false, hasIdempotencyKey = false): boolean =>
    isIdempotent({ method, hasBody, hasIdempotencyKey });
  t.same(
    ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'POST'].filter((one) => request(one)),
    ['GET', 'HEAD', 'OPTIONS', 'TRACE'],
  );
  t.notOk(request('GET', true));
  t.ok(request('POST', false, true));
  t.notOk(request('POST', true, true));
});

void t.test('replies - a failure’s words cannot break out of the header', async (t) => {
  t.equal(
    endpointFailure('other', 'a\r\nSet-Cookie: x\u0000 ä').routerError,
    'endpoint_failure (a Set-Cookie: x)',
  );
  t.equal(endpointFailure('client-gone', 'context canceled').status, 499);
  t.equal(endpointFailure('tls-client-cert-refused', 'x').body, '496 SSL Certificate Required\n');
});
