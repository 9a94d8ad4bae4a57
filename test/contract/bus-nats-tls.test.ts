import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { readNatsAccess } from '../../common/adapters/nats-access.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { createFakeCli } from '../support/cli-context.js';
import { eventually } from '../support/eventually.js';
import { startNatsCluster } from '../support/nats-cluster.js';
import type { NatsConnection } from '../support/nats-cluster.js';
import { onPath, requireSuite } from '../support/requires.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const refused = async ({ bus, logger }: NatsConnection, event: string): Promise<unknown> => {
  // more than once: it keeps trying
  const told = await eventually(
    () => {
      const again = logger.named('nats.nats-connect-failed-again');
      return again.length > 0 && logger.named(`nats.${event}`);
    },
    { timeoutMs: 20_000, what: `${event} in ${JSON.stringify(logger.events)}` },
  );
  if (bus.connected()) throw new Error('connected all the same');
  return told[0]?.fields;
};

/** Signs the server's certificate again, for a time that has passed. */
const expire = (dir: string): void => {
  const run = (...args: string[]): void => void execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  writeFileSync(join(dir, 'names'), 'subjectAltName=IP:127.0.0.1\n');
  run('x509', '-x509toreq', '-in', 'nats-1/server.pem', '-signkey', 'nats-1/server.key', '-out', 'request');
  const authority = ['-CA', 'authority/ca.pem', '-CAkey', 'authority/ca.key', '-set_serial', '7'];
  const output = ['-days', '-1', '-extfile', 'names', '-out', 'nats-1/server.pem'];
  run('x509', '-req', '-in', 'request', ...authority, ...output);
};

/** What the server at `port` says to one who does not speak TLS and logs in at once. */
const speakPlainly = (port: number): Promise<string> =>
  new Promise((resolve) => {
    let heard = '';
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
    socket.on('error', () => undefined).on('close', () => resolve(heard));
    socket.write('CONNECT {"user":"bbs","pass":"x","verbose":true}\r\nPING\r\n');
  });

const suite = (): void => {
  t.test('bus over NATS - encrypted', async (t) => {
    const cluster = await startNatsCluster(t, { count: 1, words: ['--tls', '--cells', '1'] });

    await t.test('a request is answered', async (t) => {
      const [auctioneer, bbs] = [await cluster.connect('auctioneer'), await cluster.connect('bbs')];
      t.match(cluster.access('bbs').servers, [/^tls:/]);
      auctioneer.bus.subscribe(SUBJECTS.auctionLrps, (message) => message.respond(bytes('yes')));
      await auctioneer.bus.flush();
      const answer = await bbs.bus.request(SUBJECTS.auctionLrps, bytes('?'), { timeoutMs: 20_000 });
      t.equal(answer.ok && new TextDecoder().decode(answer.payload), 'yes');
    });

    await t.test('who does not speak TLS is not let in', async (t) => {
      const heard = await speakPlainly(cluster.ports[0] ?? 0);
      t.match(heard, /"tls_required":true/);
      t.notMatch(heard, /PONG|\+OK/);
    });

    await t.test('a server of an unknown authority is refused, with a code', async (t) => {
      const other = join(cluster.dir, 'other');
      const cli = createFakeCli();
      t.equal(await cli.run('nats-config', '--out', other, '--tls', '--cells', '0'), 0, cli.err());
      const { tls } = readNatsAccess(`${other}/users/bbs.json`);
      for (const change of [{ tls: tls ?? {} }, { tls: {} }]) {
        t.match(await refused(cluster.dial('bbs', change), 'nats-refused-certificate'), {
          code: 'NATS_CERTIFICATE_REFUSED',
        });
      }
    });

    await t.test('an address that the certificate does not name is refused, with a code', async (t) => {
      const servers = `tls://localhost:${cluster.ports[0]}`;
      t.match(await refused(cluster.dial('bbs', { servers }), 'nats-refused-certificate'), {
        code: 'NATS_CERTIFICATE_REFUSED',
        message: /localhost/,
      });
    });

    await t.test('a wrong password is told with a code', async (t) => {
      const credentials = { user: 'bbs', password: 'guess' };
      const intruder = cluster.dial('bbs', { credentials });
      t.match(await refused(intruder, 'nats-refused-credentials'), { code: 'NATS_CREDENTIALS_REFUSED' });
      t.notMatch(JSON.stringify(intruder.logger.events), /guess/);
    });

    await t.test('a certificate that expires is told with a code; renewed, all come back', async (t) => {
      const [server] = cluster.servers;
      const bbs = await cluster.connect('bbs');
      expire(cluster.dir);
      await server?.kill();
      await server?.start();
      t.match(await refused(bbs, 'nats-refused-certificate'), {
        code: 'NATS_CERTIFICATE_REFUSED',
        message: /expired/,
      });
      const cli = createFakeCli();
      t.equal(await cli.run('nats-config', '--out', cluster.dir, '--update'), 0, cli.err());
      await server?.kill();
      await server?.start();
      await eventually(() => bbs.bus.connected(), { timeoutMs: 20_000, what: 'connected again' });
    });
  });
};

requireSuite(t, 'nats', () => {
  if (onPath('openssl') === undefined) t.pass('TLS', { skip: 'openssl is not on PATH' });
  else suite();
});
