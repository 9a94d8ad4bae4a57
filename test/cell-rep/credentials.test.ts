/** Who instances are to others: the certificates themselves, and how a cell keeps them. */
import { execFile } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import { renewalLeadMs } from '../../cell-rep/core/credentials.js';
import type { CredentialIssuer, CredentialSubject, IssueResult } from '../../cell-rep/core/credentials.js';
import { createCredentialIssuer } from '../../cell-rep/credentials/issuer.js';
import { samplesOf } from '../support/metrics.js';
import { desiredLrp, pendingTask } from '../support/lrps.js';
import { createWorld, startRep } from '../support/rep.js';

const run = promisify(execFile);
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

type Teardown = { teardown(task: () => Promise<void>): unknown };

const scratch = async (t: Teardown): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-identity-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
};

const KEYS = { rsa: ['rsa:2048'], ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'] };

const authority = async (dir: string, name: keyof typeof KEYS, extensions = 'CA:TRUE') => {
  const files = { caFile: join(dir, `${name}.pem`), keyFile: join(dir, `${name}.key`) };
  const usage = [
    '-addext',
    `basicConstraints=critical,${extensions}`,
    '-addext',
    'keyUsage=critical,keyCertSign',
  ];
  const output = ['-keyout', files.keyFile, '-out', files.caFile, '-days', '30'];
  const subject = ['-subj', `/O=Cloud/CN=${name} authority`];
  await run('openssl', ['req', '-x509', '-newkey', ...KEYS[name], '-nodes', ...subject, ...usage, ...output]);
  return files;
};

const SUBJECT: CredentialSubject = {
  guid: '8a4c2f1e-0d3b-4c1a-9e2f-1b2c',
  organizationalUnits: ['organization:the-org', 'space:the-space', 'app:the-app'],
  addresses: ['10.1.2.3', 'fd00::1:2', '::ffff:1.2.3.4', '1::', 'a-name'],
};

const now = (): number => Math.floor(Date.now() / 1000) * 1000;

const issuerOf = (files: { caFile: string; keyFile: string }, at = now()): Promise<CredentialIssuer> =>
  createCredentialIssuer({
    ...files,
    validityMs: DAY_MS,
    clock: createFakeClock(at),
    random: createSeededRandom(7),
  });

const must = (result: IssueResult) => {
  if (!result.ok) throw new Error(result.reason);
  return result.credentials;
};

for (const name of ['rsa', 'ec'] as const) {
  t.test(`credentials - are Diego's, and an ${name} authority vouches for them`, async (t) => {
    const dir = await scratch(t);
    const files = await authority(dir, name);
    const from = now();
    const { certificate, key, validUntil } = must(await (await issuerOf(files, from)).issue(SUBJECT));
    const [leaf = '', issuer = ''] = certificate.split(/(?<=-----END CERTIFICATE-----\n)/);
    const read = new X509Certificate(leaf);
    t.ok(read.verify(new X509Certificate(issuer).publicKey), 'the authority comes after it');
    t.equal(read.subject, `OU=organization:the-org\nOU=space:the-space\nOU=app:the-app\nCN=${SUBJECT.guid}`);
    t.equal(
      read.subjectAltName,
      `DNS:${SUBJECT.guid}, IP Address:10.1.2.3, IP Address:FD00:0:0:0:0:0:1:2, ` +
        'IP Address:0:0:0:0:0:FFFF:102:304, IP Address:1:0:0:0:0:0:0:0',
    );
    t.same([Date.parse(read.validFrom), Date.parse(read.validTo)], [from, from + DAY_MS]);
    t.equal(validUntil, from + DAY_MS);
    const privateKey = createPrivateKey(key);
    t.ok(read.checkPrivateKey(privateKey));
    t.match(privateKey.asymmetricKeyDetails, { modulusLength: 3072 });
    t.match(key, /^-----BEGIN RSA PRIVATE KEY-----/);
    const file = join(dir, 'leaf.pem');
    await writeFile(file, leaf);
    for (const purpose of ['sslclient', 'sslserver']) {
      await run('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', files.caFile, file]);
    }
    const { stdout } = await run('openssl', ['x509', '-in', file, '-noout', '-text']);
    t.match(stdout, /Key Usage: critical\n\s+Digital Signature, Key Encipherment, Key Agreement\n/);
    t.match(stdout, /TLS Web Client Authentication, TLS Web Server Authentication\n/);
  });
}

t.test('credentials - every one has a key and a number of its own, the new authority too', async (t) => {
  const dir = await scratch(t);
  const files = await authority(dir, 'ec');
  const issuer = await issuerOf(files);
  const [one, two] = [must(await issuer.issue(SUBJECT)), must(await issuer.issue(SUBJECT))];
  t.not(one.key, two.key);
  t.not(new X509Certificate(one.certificate).serialNumber, new X509Certificate(two.certificate).serialNumber);
  await authority(dir, 'ec');
  const after = must(await issuer.issue(SUBJECT)).certificate.split(/(?<=-----END CERTIFICATE-----\n)/);
  const renewed = new X509Certificate(after[1] ?? '');
  t.ok(new X509Certificate(after[0] ?? '').verify(renewed.publicKey), 'read anew for each');
  await rm(files.keyFile);
  t.match(await issuer.issue(SUBJECT), { ok: false, reason: /cannot sign .*there is no such file/ });
});

t.test('credentials - an authority that cannot sign is refused, with what is wrong', async (t) => {
  const dir = await scratch(t);
  const rsa = await authority(dir, 'rsa');
  const ec = await authority(dir, 'ec', 'CA:FALSE');
  const refused = async (
    files: Parameters<typeof issuerOf>[0],
    message: RegExp,
    at?: number,
  ): Promise<void> => {
    await t.rejects(issuerOf(files, at), { code: 'INSTANCE_AUTHORITY_UNUSABLE', message });
  };
  await refused({ ...rsa, caFile: join(dir, 'none') }, /there is no such file/);
  await refused({ ...rsa, keyFile: ec.keyFile }, /it is not the key of .*rsa\.pem/);
  await refused(ec, /not the certificate of an authority/);
  await refused(rsa, /it has expired/, now() + 31 * DAY_MS);
  await writeFile(join(dir, 'text'), 'text');
  await refused({ ...rsa, caFile: join(dir, 'text') }, /cannot sign/);
});

t.test('credentials - a configuration names both files, and no time too short', async (t) => {
  const parse = (config: object) => cellRepConfig.parse({ cell_id: 'cell-1', ...config }, 'test');
  t.match(parse({}), { ok: true, value: { instanceIdentity: undefined } });
  const [ca, key] = ['instance_identity_ca_path', 'instance_identity_private_key_path'];
  t.match(parse({ [ca]: '/a', [key]: '/b' }), {
    ok: true,
    value: { instanceIdentity: { caFile: '/a', keyFile: '/b', validityMs: DAY_MS } },
  });
  t.match(JSON.stringify(parse({ [ca]: '/a' })), new RegExp(`${key}.*is needed`));
  t.match(JSON.stringify(parse({ [key]: '/a' })), new RegExp(`${ca}.*is needed`));
  const short = parse({ [ca]: '/a', [key]: '/b', instance_identity_validity_period: '5s' });
  t.match(JSON.stringify(short), /at least a minute/);
});

t.test('credentials - are renewed as early as in Diego', async (t) => {
  t.equal(renewalLeadMs(DAY_MS), 30 * MINUTE_MS);
  t.equal(renewalLeadMs(4 * 60 * MINUTE_MS), 30 * MINUTE_MS);
  t.equal(renewalLeadMs(60 * MINUTE_MS), 7.5 * MINUTE_MS);
});

/** Says which one it is, and can be told to fail. */
const fakeIssuer = (clock: { now(): number }) => {
  const issued: CredentialSubject[] = [];
  const fake = {
    issued,
    problem: '',
    validityMs: 16 * MINUTE_MS,
    async issue(subject: CredentialSubject): Promise<IssueResult> {
      issued.push(subject);
      if (fake.problem !== '') return { ok: false, reason: fake.problem };
      const text = `number ${issued.length}`;
      const validUntil = clock.now() + fake.validityMs;
      return { ok: true, credentials: { certificate: text, key: `key of ${text}`, validUntil } };
    },
  };
  return fake;
};

const CRT = '/etc/cf-instance-credentials/instance.crt';
const KEY = '/etc/cf-instance-credentials/instance.key';

t.test('cell - instances have credentials before they run, and others before those end', async (t) => {
  const world = createWorld();
  const units = ['app:a', 'space:s'];
  world.bbs.desired.set('app', desiredLrp({ certificateProperties: { organizationalUnit: units } }));
  const credentials = fakeIssuer(world.clock);
  const rep = await startRep(world, {}, { credentials });
  let atStart = '';
  world.runtime.onRun = () => (atStart = String(rep.only().files.get(CRT)));
  rep.workLrp();
  await rep.until(() => world.runtime.containers.size === 1 && rep.only().processes.size > 0, 'it runs');
  t.equal(atStart, 'number 1');
  t.equal(String(rep.only().files.get(KEY)), 'key of number 1');
  const { guid } = rep.only();
  t.same(credentials.issued, [{ guid, organizationalUnits: units, addresses: ['10.0.0.5'] }]);
  t.match(rep.only().main().spec.env, { CF_INSTANCE_CERT: CRT, CF_INSTANCE_KEY: KEY });
  await world.clock.advance(13 * MINUTE_MS);
  t.equal(credentials.issued.length, 1);
  credentials.problem = 'no authority';
  await rep.until(() => credentials.issued.length === 2, 'tried', 1_000);
  await rep.until(
    () => world.logger.named('rep.container-store.failed-to-renew-credentials').length > 0,
    'said',
  );
  t.equal(String(rep.only().files.get(CRT)), 'number 1', 'what there is stays');
  credentials.problem = '';
  await rep.until(() => String(rep.only().files.get(CRT)) !== 'number 1', 'tried again', 1_000);
  const { CredCreationSucceededCount: made, CredCreationFailedCount: failed } = await samplesOf(rep.metrics);
  t.same([made, failed], [2, credentials.issued.length - 2]);
  const before = credentials.issued.length;
  rep.only().main().exit({ code: 1 });
  await rep.until(() => world.runtime.containers.size === 0, 'gone');
  await world.clock.advance(20 * MINUTE_MS);
  t.equal(credentials.issued.length, before, 'nothing is made for what is gone');
  await rep.stop();
});

t.test('cell - an instance without credentials is not started', async () => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  const credentials = fakeIssuer(world.clock);
  credentials.problem = 'no authority';
  const rep = await startRep(world, {}, { credentials });
  rep.workLrp();
  const reason = 'failed to create credentials directory: no authority';
  await rep.until(() => world.bbs.calls.some((call) => call.includes(reason)), 'told');
  await rep.stop();
});

t.test('cell - without an authority there are no credentials, and no word of them', async (t) => {
  const world = createWorld();
  world.bbs.allTasks.set('task', pendingTask());
  const rep = await startRep(world);
  rep.workTask();
  await rep.until(() => world.runtime.containers.size === 1 && rep.only().processes.size > 0, 'it runs');
  t.notOk('CF_INSTANCE_CERT' in rep.only().main().spec.env);
  await rep.stop();
});
