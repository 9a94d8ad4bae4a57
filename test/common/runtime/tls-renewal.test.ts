import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { Pool } from 'undici';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { connectionTo } from '../../../common/runtime/endpoint.js';
import { requireSuite } from '../../support/requires.js';
import { openTlsDoors } from '../../support/tls-door.js';
import { fingerprintOf, openTlsPeer } from '../../support/tls-peer.js';

const clock = createSystemClock();

const suite = (): void => {
  t.test('door - shows renewed certificates to those who come, and keeps those who are in', async (t) => {
    const { authority, logger, openDoor } = await openTlsDoors(t);
    const [files, client] = [await authority.issue('server'), await authority.issue('client')];
    const door = await openDoor(files);
    const peer = async () => {
      const opened = await openTlsPeer(door.url(), client);
      t.teardown(opened.close);
      return opened;
    };
    const first = fingerprintOf(files.certFile);
    const early = await peer();
    t.equal(early.fingerprint, first);

    door.renew();
    t.match(logger.named('certificate-unchanged')[0]?.fields, { what: 'BBS', path: files.certFile });
    await authority.issue('server');
    t.equal((await peer()).fingerprint, first, 'nothing is read before it is told');
    door.renew();
    const second = fingerprintOf(files.certFile);
    t.not(second, first);
    t.equal((await peer()).fingerprint, second);
    t.equal(await early.ask(), 'HTTP/1.1 200 OK', 'on the connection of before');
    t.match(logger.named('certificate-renewed')[0]?.fields, { what: 'BBS', until: /GMT/ });

    for (const spoil of [
      () => writeFileSync(files.keyFile, 'junk'),
      () => writeFileSync(files.keyFile, readFileSync(client.keyFile)),
      () => rmSync(files.certFile),
    ]) {
      spoil();
      const told = logger.named('certificate-not-renewed').length;
      door.renew();
      t.match(logger.named('certificate-not-renewed').slice(told), [
        { fields: { code: 'TLS_FILES_INVALID', message: /of the BBS cannot be used: .*server\.(pem|key)/ } },
      ]);
      t.equal((await peer()).fingerprint, second, 'the old one stays');
    }
    const third = await authority.issue('server');
    door.renew();
    t.equal((await peer()).fingerprint, fingerprintOf(third.certFile), 'and what is right again is taken');
  });

  t.test('client - shows its renewed certificate on connections that it makes from then on', async (t) => {
    const { authority, openDoor } = await openTlsDoors(t);
    const door = await openDoor(await authority.issue('server'), ['cell']);
    const logger = createCaptureLogger();
    const tls = await authority.issue('mine', { role: 'router' });
    const options = { what: 'client', clock, logger };
    const { origin, options: connection, renew } = connectionTo({ url: door.url(), tls }, options);
    const pool = new Pool(origin, connection);
    t.teardown(() => pool.destroy());
    const ask = async (): Promise<number> => {
      const { statusCode, body } = await pool.request({ path: '/', method: 'GET' });
      await body.dump();
      return statusCode;
    };
    t.equal(await ask(), 403);
    await authority.issue('mine', { role: 'cell' });
    t.equal(await ask(), 403, 'nothing is read before it is told');
    renew();
    t.equal(await ask(), 200);
    writeFileSync(tls.keyFile, 'junk');
    renew();
    t.equal(await ask(), 200, 'the old one stays');
    t.match(
      logger.events.map(({ event }) => event).filter((event) => event.startsWith('certificate-')),
      [
        'certificate-expires-soon',
        'certificate-expires-soon',
        'certificate-renewed',
        'certificate-not-renewed',
      ],
    );
  });
};

requireSuite(t, 'nats', suite);
