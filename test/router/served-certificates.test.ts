import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { eventually } from '../support/eventually.js';
import { openTls, startAuthority } from '../support/router-tls.js';
import type { Identity } from '../support/router-tls.js';
import { startRouter } from '../support/router.js';

for (const workers of [1, 2]) {
  t.test(`certificates of files - are taken again when that is asked for; ${workers} serving`, async (t) => {
    const authority = await startAuthority(t);
    const dir = mkdtempSync(join(tmpdir(), 'outcry-served-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const files = { cert_chain: join(dir, 'cert.pem'), private_key: join(dir, 'key.pem') };
    const put = ({ cert, key }: Identity): void => {
      writeFileSync(files.cert_chain, cert);
      writeFileSync(files.private_key, key);
    };
    put(await authority.issue('first.test'));
    const options = {
      workers,
      clock: createSystemClock(),
      enable_ssl: true,
      ssl_port: 0,
      tls_files: [files],
    };
    const router = await startRouter(t, options);
    const shown = async (): Promise<string> => {
      const client = await openTls(t, router.tlsAddress()?.port ?? 0);
      const name = client.name();
      client.socket.destroy();
      return name;
    };
    t.equal(await shown(), 'first.test');
    const renew = (): void => router.members.forEach((member) => member.renew?.());
    writeFileSync(files.private_key, 'half of a copy');
    renew();
    t.equal(await shown(), 'first.test', 'what cannot be used leaves the old one');
    put(await authority.issue('second.test'));
    renew();
    // whichever worker takes a connection
    for (let nth = 0; nth < 2 * workers; nth += 1)
      await eventually(async () => (await shown()) === 'second.test');
    // one of them may have taken all of those
    const renewed = (): number => router.logger.named('router.certificates.certificate-renewed').length;
    await eventually(() => renewed() >= workers);
    t.equal(renewed(), workers);
  });
}
