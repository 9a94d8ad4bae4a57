import { parse } from 'yaml';
import t, { type Test } from 'tap';
import { type FakeCli, createFakeCli } from '../support/cli-context.js';
import { type FakeCf, type FakeCfOptions, createFakeCf } from '../support/fake-cf.js';

interface Pushing {
  cf: FakeCf;
  cli: FakeCli;
  status: number;
  /** the application as its manifest was sent */
  sent: Record<string, unknown>;
}

/** `outcry push WORDS` in a directory with these files. */
const push = async (
  t: Test,
  words: string[],
  { files = {}, ...options }: FakeCfOptions & { files?: object } = {},
): Promise<Pushing> => {
  const cf = await createFakeCf({ command: '/docker-entrypoint.sh nginx', ...options });
  const cli = createFakeCli({ cwd: t.testdir({ ...files }), api: cf });
  t.teardown(() => Promise.all([cf.close(), cli.close()]));
  const status = await cli.run('push', ...words);
  const applied = cf.asked.find(({ path }) => path.endsWith('/apply_manifest'));
  const manifest = parse(String(applied?.body ?? '')) as { applications?: Record<string, unknown>[] } | null;
  return { cf, cli, status, sent: manifest?.applications?.[0] ?? {} };
};

const changes = ({ calls }: FakeCf): string[] => calls.filter((call) => !call.startsWith('GET'));

t.test('push of an image - nothing is packed or uploaded, and it says what runs', async (t) => {
  const { cf, cli, status, sent } = await push(t, ['web', '-o', 'nginx:1.27', '-m', '64M']);
  t.equal(status, 0, cli.err());
  t.same(changes(cf), [
    'POST /v3/spaces/space-1/actions/apply_manifest',
    'POST /v3/packages',
    'POST /v3/builds',
    'PATCH /v3/apps/app-1/relationships/current_droplet',
    'POST /v3/apps/app-1/actions/restart',
  ]);
  t.same(sent, { 'default-route': true, name: 'web', docker: { image: 'nginx:1.27' }, memory: '64M' });
  t.same(JSON.parse(String(cf.asked.find(({ path }) => path === '/v3/packages')?.body)), {
    type: 'docker',
    data: { image: 'nginx:1.27' },
    relationships: { app: { data: { guid: 'app-1' } } },
  });
  const lines = cli.err().trimEnd().split('\n');
  t.equal(lines[0], 'Pushing web from the image nginx:1.27');
  t.match(lines[1], /staged +runs \/docker-entrypoint\.sh nginx$/);
  t.match(lines[2], /started +1 of 1 running/);
  t.match(cli.out(), /web: started, 1 of 1 running/);
});

t.test('push of an image - a manifest names it, or what goes with it', async (t) => {
  const manifest = 'applications:\n- name: web\n  instances: 2\n  docker: {image: nginx}\n';
  const own = await push(t, [], { files: { 'manifest.yml': manifest } });
  t.equal(own.status, 0, own.cli.err());
  t.match(own.sent, { name: 'web', instances: 2, docker: { image: 'nginx' } });
  t.notOk(own.cf.calls.some((call) => call.includes('/upload')));

  const other = await push(t, ['web', '--docker-image', 'httpd'], { files: { 'manifest.yml': manifest } });
  t.match(other.sent, { name: 'web', instances: 2, docker: { image: 'httpd' } }, 'the option wins');

  const plain = { files: { 'manifest.yml': 'applications:\n- name: web\n  env: {A: 1}\n' } };
  t.match((await push(t, ['-o', 'nginx'], plain)).sent, { name: 'web', env: { A: 1 } });
  t.same((await push(t, ['db', '-o', 'redis', '--no-manifest'], plain)).sent, {
    'default-route': true,
    name: 'db',
    docker: { image: 'redis' },
  });
});

t.test('push of an image - what does not go together is said before anything is sent', async (t) => {
  const refused = async (words: string[], expected: RegExp, options = {}): Promise<void> => {
    const { cf, cli, status } = await push(t, words, options);
    t.equal(status, 1, words.join(' '));
    t.match(cli.errors().at(-1), expected);
    t.same(changes(cf), [], 'nothing was changed');
  };
  await refused(['./web', '-o', 'nginx'], /^outcry: USAGE: -o takes a name before it and no directory, and/);
  await refused(['.', '-o', 'nginx'], /^outcry: USAGE: -o takes a name before it and no directory/);
  await refused(['dir', '--name', 'web', '-o', 'nginx'], /USAGE: -o takes no directory: unexpected 'dir'/);
  await refused(['-o', 'nginx'], /USAGE: -o takes a name before it: push NAME -o IMAGE/);
  await refused(['web', '-o', 'docker://nginx'], /USAGE: -o must be an image without a scheme/);
  await refused(['web', '-o', 'nginx', '-b', 'go'], /USAGE: Unknown option '-b'/);
  await refused(['web', '-o', 'nginx', '--stack', 'x'], /USAGE: Unknown option '--stack'/);
  await refused(['web', '-o', 'nginx', '--docker-username', 'me'], /IMAGE_CREDENTIALS_UNSUPPORTED: /);
  const source = { files: { 'manifest.yml': 'applications:\n- name: web\n  buildpacks: [go]\n' } };
  await refused(
    ['web', '-o', 'nginx'],
    /USAGE: web is an image, with which buildpacks of its manifest/,
    source,
  );
  await refused(
    ['db', '-o', 'redis'],
    /the manifest has no application 'db', only web; --no-manifest/,
    source,
  );
});

t.test('push of an image - an application stays what it was made as', async (t) => {
  const image = { apps: [{ name: 'web', lifecycle: { type: 'docker' } }] };
  const again = await push(t, ['web', '-o', 'nginx'], image);
  t.equal(again.status, 0, again.cli.err());
  const files = { web: { 'server.js': '' } };
  const source = await push(t, ['web'], { ...image, files });
  t.match(
    source.cli.errors()[0],
    /LIFECYCLE_FIXED: web runs an image, and cannot become an application that runs pushed source; /,
  );
  t.same(changes(source.cf), []);
  const reverse = await push(t, ['web', '-o', 'nginx'], {
    apps: [{ name: 'web', lifecycle: { type: 'buildpack' } }],
  });
  t.match(reverse.cli.errors()[0], /LIFECYCLE_FIXED: web runs pushed source, /);
  t.same(changes(reverse.cf), []);
});

t.test('push of an image - one that cannot be had leaves nothing behind', async (t) => {
  const error = 'StagingError - the image none cannot be used: pull access denied';
  const { cf, cli, status } = await push(t, ['web', '-o', 'none'], {
    on: { 'GET /v3/builds/build-1': () => ({ json: { guid: 'build-1', state: 'FAILED', error } }) },
  });
  t.equal(status, 1);
  t.match(cli.errors()[0], /^outcry: STAGING_FAILED: staging web failed: .*pull access denied/);
  t.match(cli.err(), /undone +web is removed again/);
  t.same(cf.apps, []);
});
