import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OutcryError } from '../../common/model/errors.js';
import type { ClientRole } from '../../common/model/well-known.js';

/** A certificate and its private key, both as PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Whom a certificate is for. */
export interface Leaf {
  /** its common name, and by which it is found among the others */
  readonly name: string;
  /** its organizational unit, by which doors tell whom to let in; without: of none */
  readonly role?: ClientRole;
  /** names and addresses at which it answers; may be empty for a client */
  readonly hosts: readonly string[];
}

export interface Certificates {
  readonly ca: KeyPair;
  /** by name of the leaf */
  readonly leaves: Readonly<Record<string, KeyPair>>;
}

/** The authority outlives its servers' certificates; with it they are renewed without telling clients. */
const CA_DAYS = 3650;
/** Longer ones are refused by some TLS libraries. */
const LEAF_DAYS = 825;

const alternativeNames = ({ name, hosts }: Leaf): string =>
  [...new Set(hosts.length > 0 ? hosts : [name])]
    .map((host) => `${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}`)
    .join(',');

/** Names everything itself, so that the machine's own openssl.cnf does not matter. */
const opensslConfig = (names: string): string => `[req]
distinguished_name = subject
prompt = no
[subject]
CN = Outcry
[authority]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = ${names}
`;

const run = promisify(execFile);

const reasonOf = (error: NodeJS.ErrnoException & { stderr?: string }): string =>
  error.code === 'ENOENT'
    ? 'openssl is not on PATH'
    : (error.stderr ?? '').trim().split('\n').at(-1) || error.message;

/** The directory it works in, and where the program is. */
interface Workplace {
  readonly dir: string;
  readonly path: string | undefined;
}

const openssl = async ({ dir, path }: Workplace, ...args: string[]): Promise<void> => {
  try {
    await run('openssl', args, { cwd: dir, env: path === undefined ? process.env : { PATH: path } });
  } catch (error) {
    const reason = reasonOf(error as NodeJS.ErrnoException);
    throw new OutcryError('OPENSSL_UNUSABLE', { reason }, { cause: error });
  }
};

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const CONFIG = ['-config', 'openssl.cnf'];

const read = async (dir: string, name: string): Promise<KeyPair> => ({
  certificate: await readFile(join(dir, `${name}.pem`), 'utf8'),
  key: await readFile(join(dir, `${name}.key`), 'utf8'),
});

const makeAuthority = async (place: Workplace, name: string): Promise<KeyPair> => {
  await writeFile(join(place.dir, 'openssl.cnf'), opensslConfig('DNS:unused'));
  const output = ['-keyout', 'ca.key', '-out', 'ca.pem', '-days', String(CA_DAYS)];
  const subject = ['-subj', `/CN=${name}`, '-extensions', 'authority'];
  await openssl(place, 'req', '-x509', ...CONFIG, ...NEW_KEY, ...output, ...subject);
  return read(place.dir, 'ca');
};

const makeLeaf = async (place: Workplace, leaf: Leaf, serial: string): Promise<KeyPair> => {
  const { name, role } = leaf;
  const subject = role === undefined ? `/CN=${name}` : `/OU=${role}/CN=${name}`;
  await writeFile(join(place.dir, 'openssl.cnf'), opensslConfig(alternativeNames(leaf)));
  const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject];
  await openssl(place, 'req', '-new', ...CONFIG, ...NEW_KEY, ...request);
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', `0x1${serial}`];
  const extensions = ['-extfile', 'openssl.cnf', '-extensions', 'leaf'];
  const output = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-days', String(LEAF_DAYS)];
  await openssl(place, 'x509', '-req', ...signing, ...extensions, ...output);
  return read(place.dir, name);
};

export interface CertificateOptions {
  readonly leaves: readonly Leaf[];
  /** common name of a new authority */
  readonly authority: string;
  /** the authority to go on with; without: a new one */
  readonly ca: KeyPair | undefined;
  /** where `openssl` is looked for; without: as this process would */
  readonly path?: string | undefined;
  /** random bytes as hex */
  secret(bytes: number): string;
}

/** A private authority and certificates of it, each for server and client, made by the `openssl` on PATH. */
export const makeCertificates = async (options: CertificateOptions): Promise<Certificates> => {
  // mkdtemp makes it for the owner only
  const dir = await mkdtemp(join(tmpdir(), 'outcry-tls-'));
  const place = { dir, path: options.path };
  try {
    if (options.ca) {
      await writeFile(join(dir, 'ca.pem'), options.ca.certificate);
      await writeFile(join(dir, 'ca.key'), options.ca.key, { mode: 0o600 });
    }
    const ca = options.ca ?? (await makeAuthority(place, options.authority));
    const leaves: Record<string, KeyPair> = {};
    for (const leaf of options.leaves) leaves[leaf.name] = await makeLeaf(place, leaf, options.secret(15));
    return { ca, leaves };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};
