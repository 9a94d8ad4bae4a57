import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { OutcryError } from '../../common/model/errors.js';
import { findManifest, readManifest, sourceDir } from '../../cli/push/manifest.js';
import { createFakeCli } from '../support/cli-context.js';
import { createFakeCf } from '../support/fake-cf.js';

const written = (t: Test, text: string): string => {
  const file = join(t.testdir({ 'manifest.yml': text }), 'manifest.yml');
  return file;
};

/** `3: applications[0].memory: must be …` */
const problemOf = (t: Test, text: string): string => {
  try {
    readManifest(written(t, text), 'manifest.yml');
  } catch (error) {
    if (!(error instanceof OutcryError) || error.code !== 'MANIFEST_INVALID') throw error;
    t.notMatch(error.message, /\n/);
    return error.message.replace(/^manifest\.yml:/, '');
  }
  return 'no error';
};

/** An application with one more line. */
const appWith = (line: string): string => `applications:\n- name: a\n  ${line}\n`;

t.test('manifest - every key is taken as Cloud Foundry has it', async (t) => {
  const text = `
version: 1
applications:
- name: web-app
  path: ./build
  buildpacks: [nodejs]
  stack: cflinuxfs4
  command: node server.js
  instances: 3
  memory: 64M
  disk_quota: 128M
  cpu-milli: 250
  log-rate-limit-per-second: 16K
  health-check-type: http
  health-check-http-endpoint: /health
  health-check-invocation-timeout: 2
  health-check-interval: 5
  timeout: 60
  readiness-health-check-type: process
  env: {TEXT: a b, NUMBER: 12, FLAG: true, FLOAT: 1.5, NOTHING: }
  routes:
  - route: web.localhost/path
    protocol: http1
  metadata:
    labels: {team: blue}
  processes:
  - type: worker
    command: null
    instances: 0
    disk-quota: 1G
`;
  const { apps } = readManifest(written(t, text));
  t.equal(apps.length, 1);
  t.match(apps[0], { name: 'web-app', memory: '64M', disk_quota: '128M', 'cpu-milli': 250 });
  t.match(apps[0]?.processes, [{ type: 'worker', command: null, 'disk-quota': '1G' }]);
  t.match(apps[0]?.env, { TEXT: 'a b', NUMBER: 12, FLAG: true, FLOAT: 1.5, NOTHING: null });
});

t.test('manifest - anchors, merges and several applications', async (t) => {
  const text = `
applications:
- &first
  name: one
  memory: 64M
- <<: *first
  name: two
`;
  const { apps } = readManifest(written(t, text));
  t.same(
    apps.map(({ name, memory }) => [name, memory]),
    [
      ['one', '64M'],
      ['two', '64M'],
    ],
  );
});

t.test('manifest - an unknown key is named with its line and what was meant', async (t) => {
  t.equal(
    problemOf(t, 'applications:\n- name: a\n\n  instnaces: 3\n'),
    "4: applications[0].instnaces: unknown key (did you mean 'instances'?)",
  );
  t.equal(
    problemOf(t, 'aplications:\n- name: a\n'),
    "1: aplications: unknown key (did you mean 'applications'?)",
  );
  t.equal(
    problemOf(t, `${appWith('processes:')}  - type: worker\n    comand: x\n`),
    "5: applications[0].processes[0].comand: unknown key (did you mean 'command'?)",
  );
  t.equal(problemOf(t, appWith('zzzzzz: 1')), '3: applications[0].zzzzzz: unknown key');
  t.match(problemOf(t, appWith('routes:\n  - rout: x')), /^4: applications\[0\]\.routes\[0\]\.rout: unknown/);
});

t.test('manifest - a wrong value is named with its line and what would be right', async (t) => {
  const cases: [string, RegExp][] = [
    ['name: 12', /keys must be unique/],
    ['instances: three', /instances: must be a whole number/],
    ['instances: -1', /instances: must be a whole number/],
    ['instances: 1.5', /instances: must be a whole number/],
    ['memory: 64', /memory: must be a size with a unit/],
    ['memory: 64 apples', /memory: must be a size with a unit/],
    ['disk_quota: [1G]', /disk_quota: must be a size/],
    ['disk-quota: lots', /disk-quota: must be a size/],
    ['cpu-milli: half', /cpu-milli: must be a whole number/],
    ['log-rate-limit-per-second: fast', /log-rate-limit-per-second: must be -1, 0 or a size/],
    ['health-check-type: tcp', /health-check-type: must be one of/],
    ['health-check-http-endpoint: health', /endpoint: must be text that starts with \//],
    ['timeout: soon', /timeout: must be a whole number/],
    ['command: [node]', /command: must be text/],
    ['env: [A]', /env: must be a mapping/],
    ['env: {A: [1]}', /env\.A: must be text, a number or true or false/],
    ['env: {PORT: 80}', /env\.PORT: cannot be PORT/],
    ['env: {A-B: x}', /env\.A-B: must be letters, digits and _/],
    ['no-route: maybe', /no-route: must be true or false/],
    ['routes: a.localhost', /routes: must be a list/],
    ['buildpacks: nodejs', /buildpacks: must be a list/],
    ['processes: {type: web}', /processes: must be a list/],
    ['docker: {image: Nginx}', /docker\.image: must be an image such as/],
    ['docker: {}', /docker: must have an image/],
    ['docker: {image: nginx, username: me}', /docker\.username: credentials of registries are not served/],
    ['services: [db]', /services: services are not served/],
  ];
  for (const [line, expected] of cases) {
    const problem = problemOf(t, appWith(line));
    t.match(problem, expected, line);
    t.match(problem, /^3: /, line);
  }
});

t.test('manifest - names of applications', async (t) => {
  for (const name of ['a/b', '.hidden', 'ümlaut', 'a'.repeat(64), '-a', 'a\tb']) {
    t.match(
      problemOf(t, `applications:\n- name: ${JSON.stringify(name)}\n`),
      /^2: applications\[0\]\.name: must be letters, digits/,
      name,
    );
  }
  t.match(problemOf(t, 'applications:\n- memory: 64M\n'), /name: must be there/);
  t.match(
    problemOf(t, 'applications:\n- name: a\n- name: a\n'),
    /^3: applications\[1\]\.name: must be unique/,
  );
});

t.test('manifest - more than one problem: the first, and how many more', async (t) => {
  t.match(problemOf(t, appWith('memory: x\n  instances: y')), /^3: .*memory: .* \(and 1 more\)$/);
});

t.test('manifest - what is no manifest, and no YAML', async (t) => {
  t.match(problemOf(t, ''), /^1: manifest: must be a mapping/);
  t.match(problemOf(t, '- a\n- b\n'), /^1: manifest: must be a mapping/);
  t.match(problemOf(t, 'applications: []\n'), /^1: applications: must list at least one/);
  t.match(problemOf(t, 'version: 1\n'), /applications: must list at least one/);
  t.match(problemOf(t, 'applications:\n- name: [a\n'), /^\d: not YAML: /);
  t.match(problemOf(t, 'a: *nothing\n'), /^1: not YAML: /);
  t.match(problemOf(t, 'a: 1\n---\nb: 2\n'), /: not YAML: .*multiple documents/);
});

t.test('manifest - aliases that multiply are refused', async (t) => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let at = 1; at < 10; at += 1) {
    lines.push(`a${at}: &a${at} [${Array.from({ length: 10 }, () => `*a${at - 1}`).join(', ')}]`);
  }
  t.match(problemOf(t, `${lines.join('\n')}\n`), /Excessive alias count/);
});

t.test('manifest - files that cannot be read', async (t) => {
  const dir = t.testdir({ 'manifest.yml': 'applications: []', folder: {} });
  const read = (named: string) => () => findManifest({ named, dir, cwd: dir });
  t.throws(read('other.yml'), { code: 'FILE_UNREADABLE', message: /other\.yml: there is no such file/ });
  t.throws(read('folder'), { code: 'FILE_UNREADABLE', message: /folder: it is a directory/ });
  if (process.getuid?.() !== 0) {
    chmodSync(join(dir, 'manifest.yml'), 0);
    t.throws(read('manifest.yml'), { code: 'FILE_UNREADABLE', message: /permission denied/ });
  }
});

t.test('manifest - of a directory: either ending, or none and the name of the directory', async (t) => {
  const root = t.testdir({ 'my-app': {} });
  const dir = join(root, 'my-app');
  t.same(findManifest({ named: undefined, dir, cwd: root }).apps, [{ name: 'my-app' }]);
  writeFileSync(join(dir, 'manifest.yaml'), 'applications:\n- name: b\n  path: sub\n');
  const manifest = findManifest({ named: undefined, dir, cwd: root });
  const [app] = manifest.apps;
  t.equal(app?.name, 'b');
  t.equal(app && sourceDir(manifest, app, dir), join(dir, 'sub'), 'path is relative to the manifest');
  writeFileSync(join(dir, 'manifest.yml'), 'applications:\n- name: x\n  bogus: 1\n');
  t.throws(() => findManifest({ named: undefined, dir, cwd: root }), {
    message: /^my-app\/manifest\.yml:3: /,
  });
});

/** The application that a push sends. */
const pushed = async (t: Test, files: Record<string, string>, ...options: string[]) => {
  const cf = await createFakeCf();
  const dir = t.testdir({ app: { 'server.js': '', ...files } });
  const cli = createFakeCli({ cwd: join(dir, 'app'), api: cf });
  t.teardown(() => Promise.all([cf.close(), cli.close()]));
  t.equal(await cli.run('push', ...options), 0, cli.err());
  const sent = cf.asked.filter(({ path }) => path.endsWith('apply_manifest'));
  return sent.flatMap(
    ({ body }) => (parse(String(body)) as { applications: Record<string, unknown>[] }).applications,
  );
};

t.test('manifest - options win over the manifest', async (t) => {
  const manifest =
    'applications:\n- name: a\n  instances: 1\n  memory: 64M\n  disk_quota: 1G\n  command: old\n';
  const options = [
    '-i',
    '2',
    '-m',
    '1G',
    '-k',
    '256M',
    '-c',
    'new',
    '-u',
    'http',
    '--endpoint',
    '/up',
    '-t',
    '9',
  ];
  const [app] = await pushed(t, { 'manifest.yml': manifest }, ...options);
  t.same(app, {
    'default-route': true,
    name: 'a',
    instances: 2,
    memory: '1024M',
    'disk-quota': '256M',
    command: 'new',
    'health-check-type': 'http',
    'health-check-http-endpoint': '/up',
    timeout: 9,
  });
});

t.test('manifest - a web entry takes the options, routes stay with the application', async (t) => {
  const manifest =
    'applications:\n- name: a\n  processes:\n  - type: web\n    disk_quota: 1G\n  - type: worker\n';
  const [app] = await pushed(t, { 'manifest.yml': manifest }, '-k', '64M', '--no-route');
  t.same(app, {
    name: 'a',
    'no-route': true,
    processes: [{ type: 'web', 'disk-quota': '64M' }, { type: 'worker' }],
  });
});

t.test('manifest - an option about routes replaces what the manifest says of them', async (t) => {
  const manifest = 'applications:\n- name: a\n  random-route: true\n';
  t.same(await pushed(t, { 'manifest.yml': manifest }, '--no-route'), [{ name: 'a', 'no-route': true }]);
  t.same(await pushed(t, {}, '--random-route', '--name', 'b'), [{ name: 'b', 'random-route': true }]);
  t.same(await pushed(t, { 'manifest.yml': manifest }, '--no-manifest'), [
    { 'default-route': true, name: 'app' },
  ]);
});

t.test('manifest - several applications: all, or the one that is named', async (t) => {
  const manifest = 'applications:\n- name: one\n- name: two\n  path: sub\n';
  const names = (apps: Record<string, unknown>[]) => apps.map(({ name }) => name);
  const sub = (dir: string): void => mkdirSync(join(dir, 'app/sub'));
  const cf = await createFakeCf();
  const dir = t.testdir({ app: { 'server.js': '', 'manifest.yml': manifest } });
  const run = async (...options: string[]) => {
    const cli = createFakeCli({ cwd: dir, api: cf });
    const status = await cli.run('push', 'app', ...options);
    await cli.close();
    return { status, err: cli.err() };
  };
  t.teardown(() => cf.close());
  // the second one's directory is missing: nothing at all is sent
  const missing = await run();
  t.equal(missing.status, 1);
  t.match(missing.err, /^outcry: PATH_NOT_FOUND: no such directory: .*app\/sub;/);
  t.notOk(
    cf.calls.some((call) => call.startsWith('POST')),
    'the first one has not been touched',
  );

  sub(dir);
  writeFileSync(join(dir, 'app/sub/Procfile'), 'web: ./run\n');
  t.equal((await run()).status, 0);
  t.same(
    cf.apps.map(({ name }) => name),
    ['one', 'two'],
  );
  t.match((await run('-i', '2')).err, /USAGE: the manifest has 2 applications: name one of them with --name/);
  t.match(
    (await run('--name', 'three')).err,
    /USAGE: the manifest has no application 'three', only one, two/,
  );
  cf.calls.length = 0;
  t.equal((await run('--name', 'two', '-i', '2')).status, 0);
  const sent = cf.asked.filter(({ path }) => path.endsWith('apply_manifest')).at(-1);
  t.same(names((parse(String(sent?.body)) as { applications: Record<string, unknown>[] }).applications), [
    'two',
  ]);
});
