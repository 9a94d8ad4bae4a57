/** Certificates for tests, made by openssl: an authority, and what it signs. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TlsFiles } from '../../common/runtime/tls-files.js';

const run = promisify(execFile);

export interface TestAuthority {
  readonly caFile: string;
  /** for both sides; `days` may be negative: then it has expired. `role` is its organizational unit */
  issue(name: string, options?: { days?: number; address?: string; role?: string }): Promise<TlsFiles>;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** An authority whose files lie in `dir`, named after it. */
export const createTestAuthority = async (dir: string, name = 'ca'): Promise<TestAuthority> => {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: dir });
  const subject = ['-subj', `/CN=${name}`];
  await openssl('req', '-x509', ...KEY, ...subject, '-keyout', `${name}.key`, '-out', `${name}.pem`);
  return {
    caFile: join(dir, `${name}.pem`),
    async issue(leaf, { days = 1, address = '127.0.0.1', role = '' } = {}) {
      const files = { certFile: join(dir, `${leaf}.pem`), keyFile: join(dir, `${leaf}.key`) };
      await openssl(
        'req',
        '-new',
        ...KEY,
        '-subj',
        `${role && `/OU=${role}`}/CN=${leaf}`,
        '-keyout',
        `${leaf}.key`,
        '-out',
        `${leaf}.csr`,
      );
      await writeFile(join(dir, `${leaf}.ext`), `subjectAltName=IP:${address}\n`);
      const signing = ['-CA', `${name}.pem`, '-CAkey', `${name}.key`, '-CAcreateserial'];
      // openssl 3.0 takes no negative number of days: a certificate of the past is signed by another command
      if (days > 0) {
        const output = ['-in', `${leaf}.csr`, '-out', `${leaf}.pem`, '-days', String(days)];
        await openssl('x509', '-req', ...signing, ...output, '-extfile', `${leaf}.ext`);
      } else {
        await signInThePast(openssl, dir, { name, leaf });
      }
      return { ...files, caFile: join(dir, `${name}.pem`) };
    },
  };
};

const signInThePast = async (
  openssl: (...args: string[]) => Promise<unknown>,
  dir: string,
  { name, leaf }: { name: string; leaf: string },
): Promise<void> => {
  await writeFile(join(dir, 'index.txt'), '');
  await writeFile(
    join(dir, 'past.cnf'),
    `[ca]\ndefault_ca=past\n[past]\ndatabase=index.txt\nnew_certs_dir=.\ndefault_md=sha256\nrand_serial=yes\npolicy=any\n` +
      `[any]\norganizationalUnitName=optional\ncommonName=supplied\n`,
  );
  const dates = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'];
  const signing = ['-cert', `${name}.pem`, '-keyfile', `${name}.key`, '-extfile', `${leaf}.ext`];
  const output = ['-in', `${leaf}.csr`, '-out', `${leaf}.pem`, '-batch', '-notext'];
  await openssl('ca', '-config', 'past.cnf', ...dates, ...signing, ...output);
};
