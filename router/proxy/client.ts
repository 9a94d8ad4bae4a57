import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Who is at the other end of a connection: the same for all of its requests. */
export interface Client {
  /** IP */
  readonly address: string;
  readonly port: number;
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

const describe = (socket: Socket): Client => ({
  address: plainAddress(socket.remoteAddress),
  port: socket.remotePort ?? 0,
  secure: isSecure(socket),
  certificate: isSecure(socket) ? certificateOf(socket) : undefined,
});

/** Who is at the other end of that connection. */
export const clientOf = (socket: Socket): Client => {
  let client = known.get(socket);
  if (!client) known.set(socket, (client = describe(socket)));
  return client;
};
