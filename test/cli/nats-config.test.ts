import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readNatsAccess } from '../../common/adapters/nats-access.js';
import { cellRole, ROLES } from '../../common/wire/nats-roles.js';
import { type CliOptions, type FakeCli, createFakeCli } from '../support/cli-context.js';
import { onPath } from '../support/requires.js';

interface ServerConfig {
  server_name: string;
  host: string;
  port: number;
  max_payload: number;
  tls?: object;
  cluster?: { host: string; port: number; authorization: { password: string }; routes: string[] };
  authorization: { users: { user: string; password: string; permissions: object }[] };
}

interface Made {
  cli: FakeCli;
  dir: string;
  run(...words: string[]): Promise<number>;
  config(server?: string): ServerConfig;
  password(user: string): string;
  /** every file and what it holds */
  content(): Record<string, string>;
}

const filesBelow = (dir: string): string[] =>
  existsSync(dir)
    ? readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : [];

const setUp = (t: Test, options: CliOptions = {}): Made => {
  const cwd = t.testdir({});
  const dir = join(cwd, 'nats');
  const cli = createFakeCli({ cwd, ...options });
  return {
    cli,
    dir,
    run: (...words) => cli.run('nats-config', '--out', 'nats', ...words),
    config: (server = 'nats-1') =>
      JSON.parse(readFileSync(join(dir, server, 'nats.conf'), 'utf8').replace(/^#.*$/gm, '')) as ServerConfig,
    password: (user) => readNatsAccess(join(dir, 'users', `${user}.json`)).credentials.password,
    content: () => Object.fromEntries(filesBelow(dir).map((path) => [path, readFileSync(path, 'utf8')])),
  };
};

const THREE = '10.0.0.1:4222,10.0.0.2:4222,nats.example.org:4222';

const acceptedByServer = (dir: string): string => {
  const { status, stderr } = spawnSync('nats-server', ['-t', '-c', 'nats.conf'], {
    cwd: dir,
    encoding: 'utf8',
  });
  return status === 0 ? 'accepted' : stderr;
};

t.test('nats-config - one server, a user per role and per cell, nobody else may read it', async (t) => {
  const made = setUp(t);
  t.equal(await made.run(), 0, made.cli.err());
  const users = [
    'bbs',
    'auctioneer',
    'mesos-bridge',
    'mesos-cells',
    'router',
    'api',
    'operator',
    'cell-1',
    'cell-2',
    'cell-3',
  ];
  const config = made.config();
  t.match(config, { host: '127.0.0.1', port: 4222, max_payload: 1048576 });
  t.notOk(config.cluster);
  t.notOk(config.tls);
  t.same(
    config.authorization.users.map(({ user }) => user),
    users,
  );
  t.equal(new Set(config.authorization.users.map(({ password }) => password)).size, users.length);
  for (const { user, password } of config.authorization.users) {
    const access = readNatsAccess(join(made.dir, 'users', `${user}.json`));
    t.same(access, { servers: ['nats://127.0.0.1:4222'], credentials: { user, password } });
    t.match(password, /^[0-9a-f]{48}$/);
  }
  for (const path of filesBelow(made.dir)) t.equal(statSync(path).mode & 0o777, 0o600, path);
  for (const place of ['', 'users', 'nats-1']) {
    t.equal(statSync(join(made.dir, place)).mode & 0o777, 0o700, place);
  }
  t.match(made.cli.out(), /cd nats\/nats-1 && nats-server -c nats\.conf/);
  t.equal(made.cli.err(), '', 'loopback needs no warning');
  t.notMatch(made.cli.out(), config.authorization.users[0]?.password);
});

t.test('nats-config - permissions are those of the roles, and inboxes of their own', async (t) => {
  const made = setUp(t);
  t.equal(await made.run('--cell', 'left', '--cell', 'right'), 0, made.cli.err());
  const roles = { ...ROLES, left: cellRole('left'), right: cellRole('right') };
  t.same(
    Object.fromEntries(made.config().authorization.users.map(({ user, permissions }) => [user, permissions])),
    Object.fromEntries(
      Object.entries(roles).map(([user, { publish, subscribe, answers }]) => [
        user,
        {
          publish: { allow: publish },
          subscribe: { allow: [...subscribe, `_INBOX.${user}.>`] },
          ...(answers ? { allow_responses: { max: 1, expires: '1m' } } : {}),
        },
      ]),
    ),
  );
});

t.test('nats-config - a cluster: every server knows the others, by one password', async (t) => {
  const made = setUp(t);
  t.equal(await made.run('--servers', THREE, '--cells', '0'), 0, made.cli.err());
  const configs = [1, 2, 3].map((n) => made.config(`nats-${n}`));
  const passwords = new Set(configs.map(({ cluster }) => cluster?.authorization.password));
  t.equal(passwords.size, 1);
  const [password = ''] = passwords;
  t.match(password, /^[0-9a-f]{48}$/);
  const route = (host: string): string => `nats-route://route:${password}@${host}:6222`;
  t.same(
    configs.map(({ cluster }) => cluster?.routes),
    [
      [route('10.0.0.2'), route('nats.example.org')],
      [route('10.0.0.1'), route('nats.example.org')],
      [route('10.0.0.1'), route('10.0.0.2')],
    ],
  );
  t.same(
    readNatsAccess(join(made.dir, 'users/bbs.json')).servers,
    THREE.split(',').map((server) => `nats://${server}`),
  );
  t.match(made.cli.err(), /^without --tls passwords and messages cross the network/);
});

t.test('nats-config - routes of their own, IPv6, and what nats-server thinks of it', async (t) => {
  const made = setUp(t);
  const routes = '[::1]:7001,127.0.0.1:7002';
  t.equal(await made.run('--servers', '[::1]:5001,127.0.0.1:5002', '--routes', routes), 0, made.cli.err());
  t.match(made.config(), { host: '::1', port: 5001, cluster: { host: '::1', port: 7001 } });
  t.match(made.config('nats-2').cluster?.routes, [/@\[::1\]:7001$/]);
  t.same(readNatsAccess(join(made.dir, 'users/api.json')).servers, [
    'nats://[::1]:5001',
    'nats://127.0.0.1:5002',
  ]);
  if (onPath('nats-server') === undefined) return t.pass('', { skip: 'nats-server is not on PATH' });
  for (const server of ['nats-1', 'nats-2'])
    t.equal(acceptedByServer(join(made.dir, server)), 'accepted', server);
});

t.test('nats-config - what is there is not replaced without --force', async (t) => {
  const made = setUp(t);
  t.equal(await made.run('--cells', '1'), 0);
  const before = made.content();
  t.equal(await made.run('--cells', '2'), 1);
  t.match(made.cli.errors(), [/^outcry: CONFIG_EXISTS: .*\/nats-config\.json is there already; /]);
  t.same(made.content(), before);
  t.equal(await made.run('--cells', '1', '--force'), 0);
  t.not(before[join(made.dir, 'users/bbs.json')], made.content()[join(made.dir, 'users/bbs.json')]);
});

t.test('nats-config - --update adds, and keeps passwords and options', async (t) => {
  const made = setUp(t);
  t.equal(await made.run('--cells', '1', '--servers', THREE), 0);
  const before = made.content();
  const [bbs, cell] = [made.password('bbs'), made.password('cell-1')];
  t.equal(await made.run('--update', '--cell', 'more'), 0, made.cli.err());
  t.same([made.password('bbs'), made.password('cell-1')], [bbs, cell]);
  t.match(made.password('more'), /^[0-9a-f]{48}$/);
  const names = made.config('nats-3').authorization.users.map(({ user }) => user);
  t.same(names.slice(-2), ['cell-1', 'more']);
  const { [join(made.dir, 'users/api.json')]: api } = made.content();
  t.equal(api, before[join(made.dir, 'users/api.json')], 'the same servers');

  writeFileSync(join(made.dir, 'users/api.json'), '{"password":"secret');
  const broken = made.content();
  t.equal(await made.run('--update'), 1);
  t.match(made.cli.errors(), [/^outcry: NATS_FILE_INVALID: .*\/users\/api\.json: is not JSON; /]);
  t.notMatch(made.cli.err(), /secret/);
  t.same(made.content(), broken);
});

t.test('nats-config - --update where nothing is', async (t) => {
  const made = setUp(t);
  t.equal(await made.run('--update'), 1);
  t.match(made.cli.errors(), [
    /^outcry: NATS_FILE_INVALID: .*nats-config\.json: nothing there that could be updated/,
  ]);
  t.same(filesBelow(made.dir), []);
});

t.test('nats-config - bad input is told, and writes nothing', async (t) => {
  const cases: [words: string[], told: RegExp][] = [
    [['--servers', 'here'], /^outcry: USAGE: --servers: 'here' is not HOST:PORT; usage: /],
    [['--servers', 'a:0'], /USAGE: --servers: 'a:0' has no port from 1 to 65535/],
    [['--servers', 'a:70000'], /USAGE: --servers: 'a:70000' has no port/],
    [['--servers', 'a:1,,b:2'], /USAGE: --servers: '' is not HOST:PORT/],
    [['--servers', '0.0.0.0:4222'], /no address that components can connect to/],
    [['--servers', '[::]:4222'], /no address that components can connect to/],
    [['--servers', 'nats://a:1'], /'nats:\/\/a:1' is not HOST:PORT/],
    [['--servers', 'a:1,a:1'], /USAGE: the address a:1 is used twice/],
    [['--servers', 'a:4222,a:6222'], /USAGE: the address a:6222 is used twice/],
    [['--servers', 'a:65000,b:1'], /USAGE: the route port 67000 is too high; give --routes/],
    [['--servers', 'a:1,b:1', '--routes', 'a:2'], /--routes takes one address for each of --servers/],
    [['--cells', 'many'], /USAGE: --cells takes a whole number from 0 to 10000, not 'many'/],
    [['--cells', '1', '--cell', 'a'], /USAGE: give --cells or --cell, not both/],
    [['--cell', 'a.b'], /CELL_ID_INVALID: a cell cannot be named "a\.b": it has characters/],
    [['--cell', '*'], /CELL_ID_INVALID/],
    [['--cell', 'bbs'], /CELL_ID_INVALID: a cell cannot be named "bbs": that is the name of a role/],
    [['--force', '--update'], /USAGE: give --force or --update, not both/],
    [['--tsl'], /USAGE: Unknown option '--tsl' \(did you mean '--tls'\?\)/],
    [['extra'], /USAGE: unexpected 'extra'/],
  ];
  for (const [words, told] of cases) {
    const made = setUp(t);
    t.equal(await made.run(...words), 1, words.join(' '));
    t.match(made.cli.errors(), [told], words.join(' '));
    t.same(filesBelow(made.dir), [], words.join(' '));
  }
  const { cli } = setUp(t);
  t.equal(await cli.run('nats-config'), 1);
  t.match(cli.errors(), [/^outcry: USAGE: --out is missing; usage: outcry nats-config --out DIR/]);
});

t.test('nats-config - where nothing can be written', async (t) => {
  const made = setUp(t);
  writeFileSync(made.dir, 'a file');
  t.equal(await made.run(), 1);
  t.match(made.cli.errors(), [/^outcry: FILE_UNWRITABLE: cannot write .*\/nats\/\S+: /]);
});

t.test('nats-config - --tls without openssl writes nothing', async (t) => {
  const made = setUp(t, { env: { PATH: '/nonexistent' } });
  t.equal(await made.run('--tls'), 1);
  t.match(made.cli.errors(), [
    /^outcry: OPENSSL_UNUSABLE: certificates cannot be made: openssl is not on PATH; install openssl/,
  ]);
  t.same(filesBelow(made.dir), []);
});

t.test('nats-config - --tls: a certificate per server, signed by an authority that stays', async (t) => {
  if (onPath('openssl') === undefined) return t.pass('', { skip: 'openssl is not on PATH' });
  const made = setUp(t);
  const routes = '192.168.0.1:1,192.168.0.2:1,192.168.0.3:1';
  t.equal(await made.run('--tls', '--servers', THREE, '--routes', routes), 0, made.cli.err());
  const read = (path: string) => new X509Certificate(readFileSync(join(made.dir, path)));
  const authority = read('authority/ca.pem');
  const servers = [1, 2, 3].map((n) => read(`nats-${n}/server.pem`));
  t.ok(authority.ca);
  for (const [at, server] of servers.entries()) {
    t.ok(server.verify(authority.publicKey));
    t.notOk(server.ca);
    t.ok(server.checkIP(`192.168.0.${at + 1}`), 'the address of its routes');
  }
  t.ok(servers[0]?.checkIP('10.0.0.1'));
  t.notOk(servers[0]?.checkIP('10.0.0.2'));
  t.ok(servers[2]?.checkHost('nats.example.org'));
  const ca = readFileSync(join(made.dir, 'authority/ca.pem'), 'utf8');
  t.match(readNatsAccess(join(made.dir, 'users/cell-1.json')), { servers: [/^tls:/], tls: { ca } });
  for (const path of filesBelow(made.dir)) t.equal(statSync(path).mode & 0o777, 0o600, path);
  t.equal(made.cli.err(), '');

  t.equal(await made.run('--update'), 0, made.cli.err());
  t.equal(read('authority/ca.pem').fingerprint256, authority.fingerprint256);
  t.not(read('nats-1/server.pem').fingerprint256, servers[0]?.fingerprint256, 'renewed');
  t.ok(read('nats-1/server.pem').verify(authority.publicKey));
  t.ok(made.config().tls, 'still encrypted');
});
