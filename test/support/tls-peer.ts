import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import type { TlsFiles } from '../../common/runtime/tls-files.js';

/** Of the certificate that a file holds now. */
export const fingerprintOf = (path: string): string => new X509Certificate(readFileSync(path)).fingerprint256;

/** A connection to `url` over TLS that stays open, and whose certificate may be looked at. */
export interface TlsPeer {
  /** of the other side's certificate */
  readonly fingerprint: string;
  /** asks for `/` on this very connection: the first line of the answer */
  ask(): Promise<string>;
  close(): void;
}

export const openTlsPeer = async (url: string, tls: TlsFiles): Promise<TlsPeer> => {
  const { hostname: host, port } = new URL(url);
  const [ca, cert, key] = [tls.caFile, tls.certFile, tls.keyFile].map((path) => readFileSync(path));
  const socket = connect({ host, port: Number(port), ca, cert, key });
  await once(socket, 'secureConnect');
  // a server that goes away may reset it
  socket.on('error', () => undefined);
  const close = (): void => void socket.destroy();
  return {
    fingerprint: socket.getPeerCertificate().fingerprint256,
    async ask() {
      socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      return answer.toString().split('\r\n')[0] ?? '';
    },
    close,
  };
};
