import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PROBE, ask, dataDir, outcry, startOutcry, visit } from '../support/one-process.js';

interface Attempt {
  did?: unknown;
  refused?: string;
  status?: number;
  body?: string;
}

const isRoot = process.getuid?.() === 0;
const REASON = 'applications share the account of whoever is not root';

const secretFiles = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

t.test(
  'hostile application - cannot read, reach or disturb the platform',
  { skip: isRoot ? false : REASON },
  async (t) => {
    const dir = await dataDir(t);
    const running = await startOutcry(t, dir);
    const pushed = await outcry(dir, 'push', PROBE, '-i', '2', '-m', '64M');
    t.equal(pushed.code, 0, pushed.output);
    const { pid, uid } = await ask<{ pid: number; uid: number }>(running, '/pid');

    await t.test('has a user of its own', async (t) => {
      t.ok(uid > 1000);
      t.not(uid, process.getuid?.());
    });

    await t.test('sees nothing of the platform in its environment or descriptors', async (t) => {
      const env = await ask<Record<string, string>>(running, '/env');
      t.notOk('OUTCRY_PLATFORM_SECRET' in env);
      t.notMatch(JSON.stringify(env), running.endpoint.token);
      t.same(
        Object.keys(env).filter((name) => name.startsWith('OUTCRY')),
        [],
      );
      t.equal(env.PORT, env.CF_INSTANCE_PORT);
      const { did } = await ask<Attempt>(running, '/fds');
      const named = (did as string[]).filter((name) => typeof name === 'string' && name.startsWith('/'));
      t.same(
        named.filter((name) => name.startsWith(dir)),
        [],
        'no file of the data directory is open',
      );
    });

    await t.test('reads no file of the data directory, and lists nothing of it', async (t) => {
      const files = secretFiles(dir);
      t.ok(files.some((file) => file.endsWith('/token')) && files.some((file) => file.endsWith('bbs.db')));
      for (const path of [...files, join(dir, 'endpoint.json')]) {
        t.match((await ask<Attempt>(running, '/read', { path })).refused, /EACCES/, path);
      }
      t.match((await ask<Attempt>(running, '/list', { path: dir })).refused, /EACCES/);
      t.match((await ask<Attempt>(running, '/write', { path: join(dir, 'mine') })).refused, /EACCES/);
    });

    await t.test('reads neither the platform’s memory nor its neighbour’s', async (t) => {
      const platform = `/proc/${running.endpoint.pid}/environ`;
      t.ok(statSync(platform));
      t.match((await ask<Attempt>(running, '/read', { path: platform })).refused, /EACCES/);
      const neighbour = await (async () => {
        for (let tries = 0; tries < 20; tries += 1) {
          const other = await ask<{ pid: number }>(running, '/pid');
          if (other.pid !== pid) return other.pid;
        }
        return 0;
      })();
      t.not(neighbour, 0);
      const homes = [pid, neighbour].map(
        (one) => /(?:^|\0)HOME=([^\0]*)/.exec(readFileSync(`/proc/${one}/environ`, 'latin1'))?.[1],
      );
      t.not(homes[0], homes[1]);
      // one request, so that one instance tries both
      const both = new URLSearchParams(homes.map((path): [string, string] => ['path', path ?? '']));
      const { body } = await visit(running, 'probe', { path: `/lists?${both.toString()}` });
      const seen = JSON.parse(body) as Attempt[];
      t.equal(
        seen.filter(({ refused }) => refused === 'EACCES').length,
        1,
        `one home is its own, the other is closed: ${body}`,
      );
      t.match((await ask<Attempt>(running, '/kill', { pid: String(running.endpoint.pid) })).refused, /EPERM/);
    });

    await t.test('reaches neither board nor blob store', async (t) => {
      for (const socket of ['bbs.sock', 'blobs.sock']) {
        const attempt = await ask<Attempt>(running, '/socket', { path: join(dir, socket), url: '/v1/ping' });
        t.match(attempt.refused, /EACCES/, socket);
      }
    });

    await t.test('gets nothing from the API without the token, whatever it claims to be', async (t) => {
      const url = `${running.endpoint.api}/v3/apps`;
      for (const headers of [
        {},
        { authorization: 'bearer guess' },
        { host: 'evil.example' },
        { origin: 'http://evil.example' },
      ]) {
        const attempt = await ask<Attempt>(running, '/call', { url, headers: JSON.stringify(headers) });
        t.ok(
          (attempt.status ?? 0) >= 400 && (attempt.status ?? 0) < 500,
          `${JSON.stringify(headers)}: ${attempt.status}`,
        );
        t.notMatch(attempt.body, /"resources"/);
      }
    });
  },
);
