import { X509Certificate } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { parse } from 'yaml';
import { readNatsAccess } from '../../common/adapters/nats-access.js';
import { createFakeCli } from '../support/cli-context.js';
import { requireSuite } from '../support/requires.js';

const setUp = (t: Test) => {
  // not below the project: paths of sockets are short
  const cwd = mkdtempSync(join(tmpdir(), 'outcry-config-'));
  t.teardown(() => rmSync(cwd, { recursive: true }));
  const cli = createFakeCli({ cwd, env: { PATH: process.env['PATH'] ?? '' } });
  const file = (name: string): string => join(cwd, name);
  return {
    cli,
    file,
    init: (...words: string[]) => cli.run('config', 'init', '--out', 'd', ...words),
    check: (...files: string[]) => cli.run('config', 'check', ...files),
    read: (name: string): string => readFileSync(file(name), 'utf8'),
    config: (name: string) => parse(readFileSync(file(name), 'utf8')) as Record<string, unknown>,
    written: (dir: string): string[] =>
      readdirSync(file(dir), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name)),
  };
};

const LOCAL = ['--cell', 'cell-1=127.0.0.1@z1', '--cell', 'cell-2=127.0.0.1@z2', '--runtime', 'process'];
const REMOTE = ['--control', '10.0.0.1', '--cell', 'cell-1=10.0.0.11@z1', '--cell', 'cell-2=10.0.0.12@z2'];
const CONTROL = ['bbs', 'auctioneer', 'router', 'api'];

t.test(
  'config init - with a bridge to Mesos: no cell is needed, and all of it is a valid configuration',
  async (t) => {
    const { cli, init, check, config, file } = setUp(t);
    t.equal(await init('--mesos', '127.0.0.1:5050', '--runtime', 'process'), 0, cli.err());
    const files = [...CONTROL, 'mesos-bridge'].map((name) => `d/control/${name}.yml`);
    t.equal(await check(...files), 0, cli.err());
    t.same(config('d/control/auctioneer.yml')['backends'], ['mesos']);
    t.match(config('d/control/mesos-bridge.yml'), {
      masters: '127.0.0.1:5050',
      enrolment: {
        url: 'http://127.0.0.1:9019',
        nats: 'nats/mesos-cells.json',
        cell: { runtime: 'process' },
      },
    });
    for (const user of ['mesos-bridge', 'mesos-cells'])
      t.ok(existsSync(file(`d/control/nats/${user}.json`)), user);
  },
);

t.test(
  'config init - on one machine: sockets, no certificates, and everything is a valid configuration',
  async (t) => {
    const { cli, init, check, config, written } = setUp(t);
    t.equal(await init(...LOCAL), 0, cli.err());
    const files = [
      ...CONTROL.map((name) => `d/control/${name}.yml`),
      'd/cell-1/cell.yml',
      'd/cell-2/cell.yml',
    ];
    t.equal(await check(...files), 0, cli.err());
    t.match(cli.out(), /d\/cell-2\/cell\.yml: a valid configuration of the cell/);
    t.same(
      written('d').filter((path) => /\.(pem|key)$/.test(path)),
      [],
    );
    t.same(config('d/control/bbs.yml')['listen'], { socket: 'run/bbs.sock' });
    t.same(config('d/cell-2/cell.yml')['bbs'], { socket: '../control/run/bbs.sock' });
    t.same(config('d/cell-1/cell.yml')['memory'], 'auto/2', 'cells of one machine share it');
    t.same(config('d/cell-1/cell.yml')['host_ports'], { first: 20_000, last: 24_999 });
    t.same(config('d/cell-2/cell.yml')['host_ports'], { first: 25_000, last: 29_999 });
    t.ok(
      written('d').every((path) => (statSync(path).mode & 0o077) === 0),
      'nobody else can read any of it',
    );
  },
);

requireSuite(t, 'nats', () => {
  t.test(
    'config init - on several machines: TLS everywhere, and each has its own secrets alone',
    async (t) => {
      const { cli, init, check, config, file, written, read } = setUp(t);
      t.equal(await init(...REMOTE, '--nats', '10.0.0.1:4222,10.0.0.2:4222,10.0.0.3:4222'), 0, cli.err());
      const files = [...CONTROL.map((name) => `d/control/${name}.yml`), 'd/cell-1/cell.yml'];
      t.equal(await check(...files), 0, cli.err());
      t.match(config('d/cell-1/cell.yml'), {
        address: '10.0.0.11',
        zone: 'z1',
        memory: 'auto',
        runtime: 'docker',
        bbs: { url: 'https://10.0.0.1:8889', tls: { cert: 'tls/cell-1.pem' } },
        blobs: { url: 'https://10.0.0.1:8083' },
        admin: { host: '10.0.0.11', port: 1800 },
      });
      t.match(config('d/control/api.yml')['listen'], { host: '10.0.0.1', tls: { cert: 'tls/api.pem' } });
      const own = new X509Certificate(read('d/cell-1/tls/cell-1.pem'));
      t.equal(own.subjectAltName, 'IP Address:10.0.0.11');
      t.ok(own.verify(new X509Certificate(read('d/authority/ca.pem')).publicKey));
      const access = readNatsAccess(file('d/cell-1/nats/cell-1.json'));
      t.same(access.servers, ['tls://10.0.0.1:4222', 'tls://10.0.0.2:4222', 'tls://10.0.0.3:4222']);
      t.same(
        written('d/cell-1')
          .filter((path) => /\.key$|nats\/.*json$/.test(path))
          .map((path) => path.split('/').at(-1))
          .sort(),
        ['cell-1.json', 'cell-1.key'],
        'a cell holds no secret of anybody else',
      );
      t.ok(existsSync(file('d/nats/nats-3/nats.conf')));
      t.match(cli.err(), /give --domain/);
    },
  );

  t.test(
    'config init - only where all is on one machine, cells fetch images from registries there',
    async (t) => {
      const { init, config } = setUp(t);
      await init('--cell', 'cell-1=127.0.0.1');
      t.same(config('d/cell-1/cell.yml')['docker'], { registries: ['localhost', '127.0.0.1', '[::1]'] });
      await init(...REMOTE, '--force');
      t.equal(config('d/cell-1/cell.yml')['docker'], undefined);
    },
  );

  t.test(
    'config init - machines may have IPv6 addresses, and everything names them as it must',
    async (t) => {
      const { cli, init, check, config, file, read } = setUp(t);
      t.equal(await init('--control', 'fd00::1', '--cell', 'cell-1=[fd00::11]'), 0, cli.err());
      t.equal(await check('d/control/bbs.yml', 'd/control/api.yml', 'd/cell-1/cell.yml'), 0, cli.err());
      t.same(readNatsAccess(file('d/cell-1/nats/cell-1.json')).servers, ['tls://[fd00::1]:4222']);
      t.match(config('d/cell-1/cell.yml'), { address: 'fd00::11', bbs: { url: 'https://[fd00::1]:8889' } });
      t.match(config('d/control/api.yml'), {
        listen: { host: 'fd00::1' },
        public_url: 'https://[fd00::1]:8081',
      });
      t.equal(new X509Certificate(read('d/control/tls/bbs.pem')).checkIP('fd00::1'), 'fd00::1');
      t.equal(await init('--update', '--control', '[fd00::1]'), 0, cli.err());
      t.notMatch(cli.err(), /stays as it was/);
      t.equal(await init('--force', '--control', '::1', '--cell', 'cell-1=[::1]'), 0, cli.err());
      t.equal(config('d/control/api.yml')['public_url'], 'http://[::1]:8081');
    },
  );

  t.test('config init - certificates say their role, and each door lets in whom it is for', async (t) => {
    const { cli, init, check, config, file, read } = setUp(t);
    await init(...REMOTE);
    const subject = (path: string): string => new X509Certificate(read(path)).subject;
    t.equal(subject('d/cell-2/tls/cell-2.pem'), 'OU=cell\nCN=cell-2');
    for (const name of [...CONTROL, 'operator']) {
      t.equal(subject(`d/control/tls/${name}.pem`), `OU=${name}\nCN=${name}`);
    }
    const clients = (path: string, door: string): unknown =>
      (config(path)[door] as { tls: { clients: unknown } }).tls.clients;
    t.same(clients('d/control/bbs.yml', 'listen'), ['auctioneer', 'cell', 'api', 'operator']);
    t.same(clients('d/control/api.yml', 'blob_listen'), ['cell']);
    for (const path of [...CONTROL.map((name) => `d/control/${name}.yml`), 'd/cell-1/cell.yml']) {
      t.same(clients(path, 'admin'), ['operator'], path);
    }
    writeFileSync(file('d/control/bbs.yml'), read('d/control/bbs.yml').replace('- operator', '- oprator'));
    t.equal(await check('d/control/bbs.yml'), 1);
    t.match(cli.err(), /bbs\.yml:\d+: .*clients.*operator/);
  });

  t.test(
    'config init --update - doors of an older deployment stay open, and it says how to close them',
    async (t) => {
      const { cli, init, check, file, read } = setUp(t);
      await init(...REMOTE);
      for (const name of ['control/bbs', 'control/api', 'cell-1/cell']) {
        const path = file(`d/${name}.yml`);
        const older = readFileSync(path, 'utf8').replace(/^ +clients:\n( +- \w+\n)+/gm, '');
        t.notMatch(older, /clients/);
        writeFileSync(path, older);
      }
      const before = read('d/control/bbs.yml');
      t.equal(await init('--update'), 0, cli.err());
      t.equal(read('d/control/bbs.yml'), before, 'it goes on as it was');
      t.equal(await check('d/control/bbs.yml', 'd/control/api.yml', 'd/cell-1/cell.yml'), 0, cli.err());
      const told = [
        ...cli.err().matchAll(/^.*d\/(\S+) lets every certificate .* in at (\w+); .*(clients: .*)$/gm),
      ];
      t.same(
        told.map(([, name, door, list]) => [name, door, list]),
        [
          ['control/bbs.yml', 'admin', 'clients: [operator]'],
          ['control/bbs.yml', 'listen', 'clients: [auctioneer, cell, api, operator]'],
          ['control/api.yml', 'admin', 'clients: [operator]'],
          ['control/api.yml', 'blob_listen', 'clients: [cell]'],
          ['cell-1/cell.yml', 'admin', 'clients: [operator]'],
        ],
      );
    },
  );

  t.test('config init --update - adds a cell, renews certificates, and keeps what is there', async (t) => {
    const { cli, init, read, file, config } = setUp(t);
    await init(...REMOTE);
    const before = {
      ca: read('d/authority/ca.pem'),
      leaf: read('d/cell-1/tls/cell-1.pem'),
      password: readNatsAccess(file('d/control/nats/bbs.json')).credentials.password,
    };
    writeFileSync(file('d/cell-1/cell.yml'), `${read('d/cell-1/cell.yml')}placement_tags: [mine]\n`);
    t.equal(await init('--update', '--cell', 'cell-3=10.0.0.13'), 0, cli.err());
    t.equal(read('d/authority/ca.pem'), before.ca);
    t.not(read('d/cell-1/tls/cell-1.pem'), before.leaf, 'renewed');
    t.equal(readNatsAccess(file('d/control/nats/bbs.json')).credentials.password, before.password);
    t.same(config('d/cell-1/cell.yml')['placement_tags'], ['mine'], 'what was changed by hand stays');
    t.match(config('d/cell-3/cell.yml'), { address: '10.0.0.13', cell_index: 2, runtime: 'docker' });
    t.match(read('d/nats/nats-1/nats.conf'), /"cell-3"/);
  });
});

t.test('config init - never writes over what is there, unless told to', async (t) => {
  const { cli, init, read } = setUp(t);
  await init(...LOCAL);
  const before = read('d/control/nats/bbs.json');
  t.equal(await init(...LOCAL), 1);
  t.match(cli.errors()[0] ?? '', /CONFIG_EXISTS: .*d\/control is there already/);
  t.equal(read('d/control/nats/bbs.json'), before);
  t.equal(await init(...LOCAL, '--force'), 0);
  t.not(read('d/control/nats/bbs.json'), before, 'with new passwords');
});

t.test(
  'config init --update - says what somebody must change in the files that it leaves alone',
  async (t) => {
    const { cli, init, config } = setUp(t);
    const at = '127.0.0.1';
    await init('--cell', `cell-1=${at}`, '--runtime', 'process');
    t.equal(await init('--update', '--cell', `cell-2=${at}`, '--domain', 'apps.test'), 0);
    t.same(config('d/cell-2/cell.yml')['host_ports'], { first: 25_000, last: 29_999 });
    t.same(config('d/cell-1/cell.yml')['host_ports'], { first: 20_000, last: 29_999 });
    t.match(
      cli.err(),
      /d\/cell-1\/cell\.yml stays as it was; .* memory: "auto\/2", disk: "auto\/2", host_ports: /,
    );
    t.match(cli.err(), /"last":24999/);
    t.match(
      cli.err(),
      /d\/control\/api\.yml stays as it was; change it by hand to apps_domain: "apps\.test"$/m,
    );
    t.notMatch(cli.err(), /cell-2|bbs\.yml/);
  },
);

t.test('config init - what cannot be is told before anything is written', async (t) => {
  const { cli, init, file } = setUp(t);
  const wrong: [string[], RegExp][] = [
    [[], /--cell is missing/],
    [['--cell', 'cell-1'], /'cell-1' is not ID=HOST/],
    [['--cell', 'a=127.0.0.1', '--cell', 'a=127.0.0.1'], /another cell has that id/],
    [['--cell', 'control=127.0.0.1'], /a directory beside it has that name/],
    [['--cell', 'bbs=127.0.0.1'], /that is the name of a role/],
    [['--cell', 'a.b=127.0.0.1'], /characters besides letters/],
    [['--control', '0.0.0.0', '--cell', 'a=10.0.0.1'], /no address that others can connect to/],
    [['--cell', 'a=a.example.com'], /needs an address, and 'a\.example\.com' is a name/],
    [[...LOCAL, '--runtime', 'podman'], /docker or process, not 'podman'/],
    [[...LOCAL, '--nats', 'nowhere'], /'nowhere' is not HOST:PORT/],
    [[...LOCAL, '--force', '--update'], /not both/],
  ];
  for (const [words, reason] of wrong) {
    t.equal(await init(...words), 1, words.join(' '));
    t.match(cli.errors().at(-1) ?? '', reason);
    t.notOk(existsSync(file('d')), words.join(' '));
  }
  t.equal(await init('--update'), 1);
  t.match(cli.errors().at(-1) ?? '', /FILE_INVALID.*no deployment that could be updated/);
});

t.test('config check - every problem of every file on a line, and a status that says so', async (t) => {
  const { cli, check, file } = setUp(t);
  mkdirSync(file('c'));
  writeFileSync(
    file('c/cell.yml'),
    'component: cell\nnats: u.json\ncell_id: a b\nbbs: {socket: s}\ndata_dir: d\nzoen: z1\n',
  );
  writeFileSync(file('c/odd.yml'), 'component: ruoter\n');
  writeFileSync(file('c/none.yml'), 'listen: 1\n');
  t.equal(await check('c/cell.yml', 'c/odd.yml', 'c/none.yml'), 1);
  t.match(cli.err(), /cell\.yml:6: zoen: unknown key; did you mean "zone"\?/);
  t.match(cli.err(), /odd\.yml: component: must be one of .*; did you mean "router"\?/);
  t.match(cli.err(), /none\.yml: component: is missing: one of bbs, auctioneer/);
  writeFileSync(
    file('c/cell.yml'),
    'component: cell\nnats: u.json\ncell_id: a b\nbbs: {socket: s}\ndata_dir: d\n',
  );
  t.equal(await check('c/cell.yml'), 1);
  t.match(cli.err(), /cell\.yml:3: cell_id: must consist of letters/);
  writeFileSync(
    file('c/cell.yml'),
    'component: cell\nnats: u.json\ncell_id: a\nbbs: {socket: s}\ndata_dir: d\nruntime: docker\naddress: a.test\n',
  );
  t.equal(await check('c/cell.yml'), 1);
  t.match(cli.err(), /cell\.yml:7: address: must be an address, not a name/);
  t.equal(await check('c/absent.yml'), 1);
  t.match(cli.errors()[0] ?? '', /CONFIG_UNREADABLE: .*absent\.yml cannot be read: there is no such file/);
});

t.test('config - words that do not belong', async (t) => {
  const { cli } = setUp(t);
  for (const words of [
    ['config'],
    ['config', 'chek'],
    ['config', 'check'],
    ['bbs'],
    ['cell', '--conf', 'x'],
  ]) {
    t.equal(await cli.run(...words), 1, words.join(' '));
    t.match(cli.errors().at(-1) ?? '', /^outcry: USAGE: /);
  }
});
