import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../common/ports/clock.js';
import type { AccessRecord } from '../core/access-line.js';
import type { Client } from './client.js';

const peerText = (address: string | undefined, port: number | undefined): string =>
  address === undefined ? '' : `${address.replace(/^::ffff:(?=\d)/i, '')}:${port ?? 0}`;

/** What the access log will say of a request, as it comes in. */
export const recordOf = (req: IncomingMessage, client: Client, clock: Clock): AccessRecord => {
  const { socket } = req;
  return {
    arrivedAt: clock.now(),
    beganAt: clock.monotonic(),
    method: req.method ?? '',
    target: req.url ?? '',
    protocol: `HTTP/${req.httpVersion}`,
    remoteAddress: peerText(client.address, client.port),
    localAddress: peerText(socket.localAddress, socket.localPort),
    host: '',
    requestId: '',
    headers: req.rawHeaders,
    status: 0,
    requestBytes: 0,
    bodyBytes: 0,
    endpoint: undefined,
    forwardedAt: undefined,
    attemptAt: undefined,
    answeredAt: undefined,
    failedAttempts: 0,
    routerError: '',
  };
};
