import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { createDoor } from '../../../common/runtime/door.js';
import { createTestAuthority } from '../../support/certificates.js';
import { eventually } from '../../support/eventually.js';
import { requireSuite } from '../../support/requires.js';
import { openTlsDoors } from '../../support/tls-door.js';

const clock = createSystemClock();

requireSuite(t, 'nats', () => {
  t.test(
    'door - over TCP it opens to certificates of its own authority alone, and says whom it refused',
    async (t) => {
      const { dir, authority, logger, listen, get } = await openTlsDoors(t);
      const url = await listen(await authority.issue('server'));
      t.equal(await get(url, await authority.issue('client')), 'open');

      const stranger = await createTestAuthority(dir, 'other-ca');
      const foreign = { ...(await stranger.issue('foreign')), caFile: authority.caFile };
      t.match(await get(url, foreign), /^refused: it closes .* does not trust its client's certificate/);
      await eventually(() => logger.named('client-refused').length > 0, { what: 'refusal told' });

      const old = await authority.issue('old', { days: -1 });
      t.match(await get(url, old), /^refused/);
      await eventually(
        () => logger.named('client-refused').some(({ fields }) => /EXPIRED/.test(String(fields['message']))),
        { what: 'expiry told' },
      );
      t.match(logger.named('certificate-expired')[0]?.fields, { code: 'CERTIFICATE_EXPIRES' });
      t.match(logger.named('client-refused')[0]?.fields, { code: 'CLIENT_REFUSED', from: '127.0.0.1' });
      t.equal(await get(url, await authority.issue('client-2')), 'open', 'and still opens to others');
    },
  );

  t.test(
    'door - a client trusts neither a foreign server nor one that answers at another address',
    async (t) => {
      const { dir, authority, listen, get } = await openTlsDoors(t);
      const client = await authority.issue('client');
      const stranger = await createTestAuthority(dir, 'other-ca');
      t.match(await get(await listen(await stranger.issue('foreign')), client), /certificate|self.signed/i);
      const elsewhere = await authority.issue('elsewhere', { address: '10.9.9.9' });
      t.match(await get(await listen(elsewhere), client), /altnames|does not match/i);
    },
  );

  t.test('door - files that are not there, or do not belong together, are named', async (t) => {
    const { dir, authority, listen } = await openTlsDoors(t);
    const one = await authority.issue('one');
    const two = await authority.issue('two');
    await t.rejects(listen({ ...one, keyFile: two.keyFile }), {
      code: 'TLS_FILES_INVALID',
      message: /one\.pem/,
    });
    await t.rejects(listen({ ...one, caFile: join(dir, 'none.pem') }), { message: /none\.pem/ });
    await writeFile(join(dir, 'junk.pem'), 'junk');
    await t.rejects(listen({ ...one, certFile: join(dir, 'junk.pem') }), { message: /junk\.pem/ });
  });

  t.test('door - an address in use, or of another machine, is told with its place', async (t) => {
    const { authority } = await openTlsDoors(t);
    const logger = createCaptureLogger();
    const tls = await authority.issue('server');
    const at = (host: string, port: number) => {
      const door = createDoor({ address: { host, port, tls }, what: 'BBS', clock, logger });
      door.server(() => undefined);
      t.teardown(() => door.close());
      return door;
    };
    const first = at('127.0.0.1', 0);
    await first.open();
    const port = Number(new URL(first.url()).port);
    await t.rejects(at('127.0.0.1', port).open(), { code: 'LISTEN_FAILED', message: /BBS.*EADDRINUSE/ });
    await t.rejects(at('192.0.2.1', 0).open(), {
      code: 'LISTEN_FAILED',
      message: /192\.0\.2\.1.*EADDRNOTAVAIL/,
    });
  });
});
