import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ProxiedClient } from '../core/proxy-protocol.js';

/** Who is at the other end of a connection: the same for all of its requests. */
export interface Client {
  /** IP */
  readonly address: string;
  readonly port: number;
  /** both of them; '' when there is no address */
  readonly remoteAddress: string;
  readonly secure: boolean;
  /** base64 of its certificate; undefined when it showed none */
  readonly certificate: string | undefined;
}

const known = new WeakMap<Socket, Client>();

/** IPv4 addresses as such, on sockets for both families too. */
const plainAddress = (address: string | undefined): string =>
  address?.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : (address ?? '');

const isSecure = (socket: Socket): socket is TLSSocket => 'encrypted' in socket;

const certificateOf = (socket: TLSSocket): string | undefined => {
  // undefined once the socket is destroyed, whatever its types say; empty when there was none
  const certificate = socket.getPeerCertificate() as { raw?: Buffer } | undefined;
  return certificate?.raw?.toString('base64');
};

/** Describes a connection; `proxied` is who a load balancer before it speaks for. */
export const introduce = (socket: Socket, proxied: ProxiedClient | undefined): Client => {
  const address = proxied?.address ?? plainAddress(socket.remoteAddress);
  const port = proxied?.port ?? socket.remotePort ?? 0;
  const client: Client = {
    address,
    port,
    remoteAddress: address === '' ? '' : `${address}:${port}`,
    secure: isSecure(socket),
    certificate: isSecure(socket) ? certificateOf(socket) : undefined,
  };
  known.set(socket, client);
  return client;
};

/** Who is at the other end of that connection. */
export const clientOf = (socket: Socket): Client => known.get(socket) ?? introduce(socket, undefined);
