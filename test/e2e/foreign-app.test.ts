import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { dataDir, outcry, residentBytes, startOutcry, visit } from '../support/one-process.js';

const MB = 1024 * 1024;
const UPLOAD_BYTES = 100 * MB;
const CHUNK = randomBytes(MB);
const RESIDENT_LIMIT = 160 * MB;

/** An S3 server from npm with a hundred packages of its own: nobody here wrote it. */
const installed = (dir: string): string | undefined => {
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 's3', version: '1.0.0', private: true }));
  const install = spawnSync('npm', ['install', '--no-audit', '--no-fund', 's3rver@3.7.1'], {
    cwd: dir,
    encoding: 'utf8',
  });
  return install.status === 0 ? undefined : 'the npm registry cannot be reached';
};

async function* upload(): AsyncIterable<Buffer> {
  for (let sent = 0; sent < UPLOAD_BYTES; sent += CHUNK.length) yield CHUNK;
}

const expectedDigest = (): string => {
  const hash = createHash('sha256');
  for (let sent = 0; sent < UPLOAD_BYTES; sent += CHUNK.length) hash.update(CHUNK);
  return hash.digest('hex');
};

const digestOf = (router: string, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    request(new URL(path, router), { headers: { host: 's3.localhost' } }, (response) => {
      const hash = createHash('sha256');
      response.on('data', (chunk: Buffer) => hash.update(chunk));
      response.on('end', () => resolve(`${response.statusCode} ${hash.digest('hex')}`));
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });

const app = mkdtempSync(join(tmpdir(), 'outcry-s3-'));
t.teardown(() => rmSync(app, { recursive: true, force: true }));
const unreachable = installed(app);

t.test(
  'a foreign application - pushed as it is, takes 100 MB through the router',
  { skip: unreachable ?? false },
  async (t) => {
    const dir = await dataDir(t);
    const running = await startOutcry(t, dir);
    const command =
      './node_modules/.bin/s3rver -p $PORT -a 127.0.0.1 -d ./data --no-vhost-buckets --configure-bucket files';
    const pushed = await outcry(dir, 'push', app, '--name', 's3', '-i', '1', '-m', '256M', '-c', command);
    t.equal(pushed.code, 0, pushed.output);

    const stored = await visit(running, 's3', { method: 'PUT', path: '/files/large', body: upload() });
    t.equal(stored.status, 200, stored.body);
    const fetched = await digestOf(running.endpoint.router, '/files/large');
    const logs = fetched.startsWith('200 ')
      ? ''
      : (await outcry(dir, 'logs', 's3', '--recent')).output.slice(-3000);
    t.equal(fetched, `200 ${expectedDigest()}`, `every byte, both ways ${logs}`);
    const resident = residentBytes(running.endpoint.pid);
    t.comment(`resident after the upload: ${Math.round(resident / MB)} MB`);
    t.ok(resident <= RESIDENT_LIMIT, `${Math.round(resident / MB)} MB resident`);
  },
);
