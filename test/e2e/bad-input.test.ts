import { createWriteStream, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import t from 'tap';
import { ZipFile } from 'yazl';
import { type Ended, dataDir, outcry, runStart, startOutcry } from '../support/one-process.js';

/** One line on what went wrong, with the code, and a status that says so. */
const refused = (ended: Ended, pattern: RegExp): boolean => {
  const complaints = ended.output.split('\n').filter((line) => line.startsWith('outcry: '));
  return ended.code === 1 && complaints.length === 1 && pattern.test(complaints[0] ?? '');
};

t.test('bad input - each is one line with a code, exits with 1, and leaves nothing behind', async (t) => {
  const dir = await dataDir(t);
  await startOutcry(t, dir);
  const place = (name: string, files: Record<string, string>): string => {
    const path = join(`${dir}-apps`, name);
    mkdirSync(path, { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
    return path;
  };
  t.teardown(() => rmSync(`${dir}-apps`, { recursive: true, force: true }));
  const server = { 'server.js': '' };

  const cases: [name: string, args: string[], complaint: RegExp][] = [
    ['missing directory', ['push', `${dir}-apps/absent`], /PATH_NOT_FOUND/],
    ['empty directory', ['push', place('empty', {})], /APP_DIR_EMPTY/],
    ['no start command', ['push', place('nothing', { 'readme.txt': 'x' })], /NO_START_COMMAND/],
    [
      'unknown key in the manifest',
      ['push', place('key', { ...server, 'manifest.yml': 'applications:\n- name: x\n  memroy: 64M\n' })],
      /MANIFEST_INVALID: .*manifest\.yml:3: applications\[0\]\.memroy: unknown key \(did you mean 'memory'/,
    ],
    [
      'wrong type in the manifest',
      ['push', place('type', { ...server, 'manifest.yml': 'applications:\n- name: x\n  instances: many\n' })],
      /MANIFEST_INVALID: .*manifest\.yml:3: applications\[0\]\.instances: must be a whole number/,
    ],
    ['bad characters in the name', ['push', place('name', server), '--name', 'no/slash'], /: [A-Z_]+: /],
    ['a link that leaves', ['push', linked(place('link', server))], /: [A-Z_]+: .*link/i],
    ['unknown command', ['psuh', '.'], /COMMAND_UNKNOWN/],
    ['unknown application', ['app', 'nobody'], /APP_NOT_FOUND/],
    ['unknown option', ['push', '--wat'], /USAGE/],
    ['half a number', ['scale', 'hello', '-i', '1.5'], /USAGE/],
    ['not JSON', ['lrp', 'desire', join(place('json', { 'lrp.json': '{' }), 'lrp.json')], /FILE_INVALID/],
    [
      'an LRP without what it needs',
      ['lrp', 'desire', join(place('lrp', { 'lrp.json': '{"process_guid":"p"}' }), 'lrp.json')],
      /BBS_REFUSED: .*Invalid field: rootfs/,
    ],
  ];
  for (const [name, args, complaint] of cases) {
    const ended = await outcry(dir, ...args);
    t.ok(refused(ended, complaint), `${name}: ${ended.output}`);
  }

  const huge = await outcry(dir, 'push', place('huge', server), '--name', 'huge', '-m', '4T');
  t.ok(
    refused(huge, /PLACEMENT_FAILED: .*insufficient resources: memory.*cell-\d comes nearest/),
    huge.output,
  );

  const apps = await outcry(dir, 'apps');
  t.same(
    apps.output
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/).slice(0, 3).join(' '))
      .filter(Boolean),
    ['hello started 3/3', 'huge stopped 0/1'],
    'nothing was left half-made',
  );
});

const linked = (dir: string): string => {
  symlinkSync('/etc/passwd', join(dir, 'passwd'));
  return dir;
};

t.test('bad input - a port in use, a data directory that cannot be used or is corrupt', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => taken.once('listening', listening));
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = String(typeof address === 'object' && address !== null ? address.port : 0);
  const dir = await dataDir(t);
  const busy = await runStart('--data', dir, '--router-port', port);
  t.ok(refused(busy, /PORT_IN_USE: port \d+ for the router/), busy.output);

  writeFileSync(`${dir}-file`, '');
  t.teardown(() => rmSync(`${dir}-file`, { force: true }));
  const file = await runStart('--data', `${dir}-file`);
  t.ok(refused(file, /DATA_DIR_UNREADABLE/), file.output);

  const deep = await runStart('--data', join(dir, 'x'.repeat(120)));
  t.ok(refused(deep, /DATA_DIR_TOO_DEEP/), deep.output);

  mkdirSync(join(dir, 'db'), { recursive: true, mode: 0o700 });
  writeFileSync(
    join(dir, 'db', 'bbs.db'),
    'this is not a database, and it is long enough to be looked at'.repeat(200),
  );
  const corrupt = await runStart('--data', dir);
  t.ok(refused(corrupt, /STORE_CORRUPT: .*bbs\.db/), corrupt.output);
});

t.test('bad input - uploads that do not come from the command line are checked as well', async (t) => {
  const dir = await dataDir(t);
  const running = await startOutcry(t, dir);
  const call = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const answer = await fetch(new URL(path, running.endpoint.api), {
      method,
      headers: {
        authorization: `bearer ${running.endpoint.token}`,
        ...(body instanceof FormData ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
    });
    return (await answer.json()) as Record<string, unknown>;
  };
  const { resources } = await call('GET', '/v3/apps?names=hello');
  const [app] = resources as { guid: string }[];

  const uploaded = async (file: string): Promise<string> => {
    const { guid } = await call('POST', '/v3/packages', {
      type: 'bits',
      relationships: { app: { data: { guid: app?.guid } } },
    });
    const form = new FormData();
    const { readFile } = await import('node:fs/promises');
    form.set('bits', new Blob([await readFile(file)]), 'package.zip');
    const first = await call('POST', `/v3/packages/${String(guid)}/upload`, form);
    if (first.errors !== undefined) return JSON.stringify(first);
    for (let state = first; ; state = await call('GET', `/v3/packages/${String(guid)}`)) {
      if (state.state === 'FAILED' || state.state === 'READY') return JSON.stringify(state);
    }
  };
  const zipped = async (name: string, fill: (zip: ZipFile) => void): Promise<string> => {
    const file = `${dir}-${name}.zip`;
    const zip = new ZipFile();
    fill(zip);
    zip.end();
    await pipeline(zip.outputStream, createWriteStream(file));
    t.teardown(() => rmSync(file, { force: true }));
    return file;
  };

  const climbing = await zipped('climb', (zip) => zip.addBuffer(Buffer.from('x'), 'aa/bb/evil'));
  // yazl refuses to write such a name: it is put in afterwards, same length, in both places
  const { readFile, writeFile } = await import('node:fs/promises');
  const bytes = await readFile(climbing);
  await writeFile(
    climbing,
    Buffer.from(bytes.toString('latin1').replaceAll('aa/bb/evil', '../../evil'), 'latin1'),
  );
  t.match(await uploaded(climbing), /\.\.\/\.\.\/evil/, 'a path that climbs out');

  const link = await zipped('link', (zip) =>
    zip.addBuffer(Buffer.from('/etc/passwd'), 'passwd', { mode: 0o120777 }),
  );
  t.match(await uploaded(link), /passwd/, 'a link that leaves');

  const bomb = await zipped('bomb', (zip) => zip.addBuffer(Buffer.alloc(300 * 1024 * 1024), 'zeros'));
  t.match(await uploaded(bomb), /UPLOAD_ENTRY_REFUSED.*times its size/, 'a bomb');

  const junk = `${dir}-junk.zip`;
  await writeFile(junk, 'not a zip');
  t.teardown(() => rmSync(junk, { force: true }));
  t.match(await uploaded(junk), /zip/i, 'not a zip');
});
