import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { headerLines } from '../core/request-headers.js';
import type { RawHeaders } from '../core/request-headers.js';
import type { UpgradeRequest } from './exchange.js';

/** When `from` breaks off, so does `to`; when it ended in good order, `to` may finish what it has. */
const breakTogether = (from: Duplex, to: Duplex): void => {
  from.on('error', () => undefined);
  from.on('close', () => {
    if (!from.readableEnded || !from.writableFinished) to.destroy();
  });
};

const formatHead = (headers: RawHeaders): string =>
  `HTTP/1.1 101 Switching Protocols\r\n${headerLines(headers)}\r\n`;

/** Bytes both ways once the endpoint agreed to switch; a side that ends ends that direction alone. */
export const openTunnel = (
  upgrade: UpgradeRequest,
  endpoint: { readonly headers: RawHeaders; readonly socket: Duplex },
): void => {
  const { socket: client, head } = upgrade;
  const upstream = endpoint.socket as Socket;
  // an HTTP client has no use for half-open connections, what follows may
  upstream.allowHalfOpen = true;
  upgrade.release();
  breakTogether(client, upstream);
  breakTogether(upstream, client);
  client.write(formatHead(endpoint.headers), 'latin1');
  if (head.length > 0) upstream.write(head);
  client.pipe(upstream);
  upstream.pipe(client);
};
