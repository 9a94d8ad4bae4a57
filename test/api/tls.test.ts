import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Pool } from 'undici';
import { startApi } from '../support/api.js';
import { createTestAuthority } from '../support/certificates.js';
import { requireSuite } from '../support/requires.js';

requireSuite(t, 'nats', () => {
  t.test(
    'api - over TLS it answers as over TCP, and tells of a certificate that has expired, until it is renewed',
    async (t) => {
      const dir = await mkdtemp(join(tmpdir(), 'outcry-api-tls-'));
      t.teardown(() => rm(dir, { recursive: true }));
      const authority = await createTestAuthority(dir);
      const { certFile: cert, keyFile: key } = await authority.issue('api', { days: -1 });
      const api = await startApi(t, { listen: { port: 0, tls: { cert, key } } });
      const ca = readFileSync(authority.caFile, 'utf8');
      const ask = async (connect: object): Promise<number> => {
        const pool = new Pool(api.url().replace(/^http:/, 'https:'), { connect });
        try {
          return (await pool.request({ path: '/v3/apps', method: 'GET' })).statusCode;
        } finally {
          await pool.destroy();
        }
      };
      t.equal(await ask({ ca, rejectUnauthorized: false }), 401, 'who has no token is nobody');
      await t.rejects(ask({ ca }), { code: 'CERT_HAS_EXPIRED' });
      t.match(api.logger.named('api.certificate-expired')[0]?.fields, {
        code: 'CERTIFICATE_EXPIRES',
        message: /api\.pem of the API/,
      });
      await authority.issue('api');
      for (const member of api.api().members) member.renew?.();
      t.equal(await ask({ ca }), 401, 'renewed without a restart');
      t.match(api.logger.named('api.certificate-renewed')[0]?.fields, { what: 'API', path: cert });
    },
  );
});
