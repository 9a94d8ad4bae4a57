import type { Clock } from '../../common/ports/clock.js';
import type { AccessRecord } from '../core/access-line.js';
import type { Client } from './client.js';
import type { RequestHead } from './exchange.js';

/** What the access log will say of a request, as it comes in. */
export const recordOf = (head: RequestHead, client: Client, clock: Clock): AccessRecord => ({
  arrivedAt: clock.now(),
  beganAt: clock.monotonic(),
  method: head.method ?? '',
  target: head.url ?? '',
  protocol: head.httpVersion === '1.1' ? 'HTTP/1.1' : `HTTP/${head.httpVersion}`,
  remoteAddress: client.remoteAddress,
  host: '',
  requestId: '',
  headers: head.rawHeaders,
  status: 0,
  requestBytes: 0,
  bodyBytes: 0,
  endpoint: undefined,
  carrier: undefined,
  forwardedAt: undefined,
  attemptAt: undefined,
  answeredAt: undefined,
  failedAttempts: 0,
  routerError: '',
});
