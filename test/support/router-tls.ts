import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import { createTestAuthority } from './certificates.js';
import { eventually } from './eventually.js';
import { startRouter } from './router.js';
import type { RouterOptions } from './router.js';

export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** An authority of the test's own, and what it signs, as text. */
export const startAuthority = async (t: Test) => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-router-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const authority = await createTestAuthority(dir);
  return {
    ca: await readFile(authority.caFile, 'utf8'),
    async issue(name: string, options?: Parameters<typeof authority.issue>[1]): Promise<Identity> {
      const { certFile, keyFile } = await authority.issue(name, options);
      return { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
    },
  };
};

export const pem = ({ cert, key }: Identity) => ({ cert_chain: cert, private_key: key });

/** A router with a TLS listener that shows a certificate for `app.test`. */
export const startTlsRouter = async (t: Test, options: RouterOptions = {}) => {
  const authority = await startAuthority(t);
  const own = await authority.issue('app.test');
  const router = await startRouter(t, {
    enable_ssl: true,
    ssl_port: 0,
    tls_pem: [pem(own)],
    client_ca_certs: authority.ca,
    ...options,
  });
  return { router, authority, own, tlsPort: router.tlsAddress()?.port ?? 0 };
};

/** A secured connection written to by hand. */
export const openTls = async (t: Test, port: number, options: ConnectionOptions = {}) => {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  let received = '';
  let ended = false;
  let failure = '';
  let secured = false;
  socket.on('secureConnect', () => (secured = true));
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (received += chunk));
  socket.on('close', () => (ended = true));
  socket.on('error', (error: Error & { code?: string }) => (failure = error.code ?? error.message));
  t.teardown(() => socket.destroy());
  await eventually(() => secured || failure !== '' || ended);
  return {
    socket,
    name: (): string => String(socket.getPeerCertificate().subject?.CN),
    send: (text: string) => socket.write(text, 'latin1'),
    received: () => received,
    failure: () => failure,
    until: (text: string) => eventually(() => received.includes(text), { what: `receiving ${text}` }),
    untilEnd: () => eventually(() => ended || failure !== '', { what: 'the end of the connection' }),
  };
};

export const openHttp2 = (t: Test, port: number, options: ConnectionOptions = {}): ClientHttp2Session => {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, ...options });
  session.on('error', () => undefined);
  t.teardown(() => session.destroy());
  return session;
};

export interface Http2Answer {
  status: number;
  headers: Record<string, unknown>;
  trailers: Record<string, unknown>;
  body: string;
  /** code of the frame that reset the stream; 0 when none did */
  reset: number;
}

/** One request; the authority is `app.test` unless given. */
export const askHttp2 = (
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: string | Readable,
): Promise<Http2Answer> =>
  new Promise((resolve) => {
    const answer: Http2Answer = { status: 0, headers: {}, trailers: {}, body: '', reset: 0 };
    const stream = session.request(
      { ':path': '/', ':authority': 'app.test', ...headers },
      { endStream: body === undefined },
    );
    stream.setEncoding('utf8');
    stream.on('response', (head) => {
      answer.status = Number(head[':status']);
      answer.headers = head;
    });
    stream.on('trailers', (trailers) => (answer.trailers = trailers));
    stream.on('data', (chunk: string) => (answer.body += chunk));
    stream.on('error', () => undefined);
    const done = (): void => resolve({ ...answer, reset: stream.rstCode ?? 0 });
    // an upload that nobody reads keeps the stream from closing
    stream.on('end', () => setImmediate(done)).on('close', done);
    if (typeof body === 'string') stream.end(body);
    else body?.pipe(stream);
  });
