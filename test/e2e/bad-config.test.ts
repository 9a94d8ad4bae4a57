/** Components that cannot be started as they are configured. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { initConfig } from '../../cli/commands/config-init.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { createFakeCli } from '../support/cli-context.js';

type Config = Record<string, unknown>;

interface Case {
  what: string;
  component: string;
  /** the written file to begin with */
  of: string;
  /** another configuration in its place; a text is the file's whole content */
  change?: (config: Config) => Config | string;
  complaint: RegExp;
  /** written all the same */
  leaves?: RegExp;
}

const tls = (over: Config = {}) => ({ cert: 'tls/x.pem', key: 'tls/x.key', ca: 'tls/ca.pem', ...over });
const bbsOverTcp = { url: 'https://127.0.0.1:1', tls: tls() };

const CASES: Case[] = [
  {
    what: 'a mistyped key',
    component: 'router',
    of: 'control/router.yml',
    change: ({ port, ...rest }) => ({ ...rest, prot: port }),
    complaint: /: CONFIG_INVALID: .*\/case\.yml:\d+: prot: unknown key; did you mean "port"\?/,
  },
  {
    what: 'a mistyped key of a mapping',
    component: 'cell',
    of: 'cell-1/cell.yml',
    change: (config) => ({ ...config, host_ports: { frist: 20_000 } }),
    complaint: /case\.yml:\d+: host_ports\.frist: unknown key; did you mean "first"\?/,
  },
  {
    what: 'a value of the wrong kind',
    component: 'bbs',
    of: 'control/bbs.yml',
    change: (config) => ({ ...config, presence_ttl: 'soon' }),
    complaint: /: CONFIG_INVALID: .*case\.yml:\d+: presence_ttl: /,
  },
  {
    what: 'not YAML',
    component: 'auctioneer',
    of: 'control/auctioneer.yml',
    change: () => 'component: auctioneer\nnats: [\n',
    complaint: /: CONFIG_INVALID: .*case\.yml:\d+: /,
  },
  {
    what: "another component's file",
    component: 'router',
    of: 'cell-1/cell.yml',
    complaint:
      /: CONFIG_OF_ANOTHER_COMPONENT: .*case\.yml configures the component cell, not router; .*'outcry cell --config/,
  },
  {
    what: "no file of the NATS user's",
    component: 'auctioneer',
    of: 'control/auctioneer.yml',
    change: (config) => ({ ...config, nats: 'nats/absent.json' }),
    complaint: /: NATS_FILE_INVALID: .*nats\/absent\.json: there is no such file/,
  },
  {
    what: 'a log in a directory that is not there',
    component: 'router',
    of: 'control/router.yml',
    change: (config) => ({ ...config, log: { file: 'absent/router.log' } }),
    complaint: /: FILE_UNWRITABLE: .*absent\/router\.log: there is no such file/,
  },
  {
    what: 'a socket in a directory that is not there',
    component: 'router',
    of: 'control/router.yml',
    change: (config) => ({ ...config, admin: { socket: 'absent/admin.sock' } }),
    complaint: /: LISTEN_FAILED: .*there is no directory .*\/absent;/,
  },
  {
    what: 'no certificate',
    component: 'auctioneer',
    of: 'control/auctioneer.yml',
    change: (config) => ({ ...config, bbs: bbsOverTcp }),
    complaint:
      /: TLS_FILES_INVALID: .* of the client of the BBS cannot be used: .*tls\/x\.pem: there is no such file/,
  },
  {
    what: 'no key',
    component: 'cell',
    of: 'cell-1/cell.yml',
    change: (config) => ({ ...config, bbs: { ...bbsOverTcp, tls: tls({ cert: 'cell.yml' }) } }),
    complaint: /: TLS_FILES_INVALID: .*tls\/x\.key: there is no such file/,
  },
  {
    what: 'no authority',
    component: 'bbs',
    of: 'control/bbs.yml',
    change: (config) => ({
      ...config,
      listen: { host: '127.0.0.1', port: 0, tls: tls({ cert: 'bbs.yml', key: 'bbs.yml' }) },
    }),
    complaint: /: TLS_FILES_INVALID: .* of the BBS cannot be used: .*tls\/ca\.pem: there is no such file/,
  },
  ...['bbs', 'api', 'cell'].map((component) => ({
    what: `a data directory of the ${component} that is a file`,
    component,
    of: component === 'cell' ? 'cell-1/cell.yml' : `control/${component}.yml`,
    change: (config: Config) => ({ ...config, data_dir: component === 'cell' ? 'cell.yml' : 'bbs.yml' }),
    complaint: /: DATA_DIR_UNREADABLE: .*\.yml cannot be used: not a directory/,
  })),
  {
    // /proc takes no directories, whoever asks: permissions would not stop root
    what: 'a data directory that cannot be made',
    component: 'bbs',
    of: 'control/bbs.yml',
    change: (config) => ({ ...config, data_dir: '/proc/self/absent' }),
    complaint: /: DATA_DIR_UNREADABLE: .*\/proc\/self\/absent cannot be used/,
  },
  {
    what: 'Docker without an engine',
    component: 'cell',
    of: 'cell-1/cell.yml',
    change: (config) => ({ ...config, runtime: 'docker', docker: { engine: 'unix:///absent.sock' } }),
    complaint: /: DOCKER_UNREACHABLE: no Docker engine answers at .*\/absent\.sock/,
    leaves: /\/data\/lock\.db$/,
  },
];

interface Ended {
  status: number | null;
  complaints: string;
}

const run = (...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const command = [join(packageRoot(), 'cli/bin/outcry.mjs'), ...args];
    const child = spawn(process.execPath, command, {
      stdio: ['ignore', 'ignore', 'pipe'],
      // a hang is a failure as well
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    let complaints = '';
    child.stderr.on('data', (bytes: Buffer) => (complaints += String(bytes)));
    child.on('close', (status) => resolve({ status, complaints }));
  });

const filesIn = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

/** A deployment of its own for each case, so that they can run side by side. */
const prepare = async (root: string, number: number, { of, change }: Case) => {
  const dir = join(root, String(number));
  mkdirSync(dir);
  const cli = createFakeCli({ cwd: dir, env: {} });
  await initConfig(cli.context, ['--out', 'd', '--cell', 'cell-1=127.0.0.1', '--runtime', 'process']);
  const written = join(dir, 'd', of);
  const config = parse(readFileSync(written, 'utf8')) as Config;
  const changed = change?.(config) ?? config;
  const file = join(written, '..', 'case.yml');
  writeFileSync(file, typeof changed === 'string' ? changed : stringify(changed));
  return { dir, file };
};

t.test('bad configuration - one line with a code, status 1, and nothing is left behind', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'outcry-bc-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const queue = [...CASES.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [number, one] = next;
      const { dir, file } = await prepare(root, number, one);
      const before = filesIn(dir);
      const { status, complaints } = await run(one.component, '--config', file);
      t.equal(status, 1, one.what);
      t.match(complaints, one.complaint, one.what);
      t.match(complaints, /^outcry: .*\n$/, `${one.what}: one line`);
      const now = filesIn(dir).filter((path) => one.leaves?.test(path) !== true);
      t.same(now, before, `${one.what}: nothing written`);
    }
  };
  await Promise.all([worker(), worker(), worker()]);
});

t.test('bad configuration - a file that is not there, and a directory in its place', async (t) => {
  const [absent, directory] = await Promise.all([
    run('bbs', '--config', '/absent/bbs.yml'),
    run('cell', '--config', tmpdir()),
  ]);
  t.match(absent, {
    status: 1,
    complaints:
      /^outcry: CONFIG_UNREADABLE: .*\/absent\/bbs\.yml cannot be read: there is no such file; .*\n$/,
  });
  t.match(directory, { status: 1, complaints: /: CONFIG_UNREADABLE: .*it is a directory/ });
});
