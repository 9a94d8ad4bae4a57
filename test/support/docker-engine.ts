/**
 * A Docker engine of a test's own: its own socket, directories and bridge, no rule in the machine's firewall, and
 * nothing left of it afterwards. Takes root, and Debian's docker.io and iproute2.
 */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import type t from 'tap';
import type { StackContents } from '../../cell-rep/runtimes/docker/stack/contents.js';
import { makeStackImage } from '../../cell-rep/runtimes/docker/stack/image.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { eventually } from './eventually.js';
import { isRequired, suiteAvailable } from './requires.js';

const exec = promisify(execFile);

export interface DockerEngine {
  readonly socketPath: string;
  /** an image of this machine's own Node, shell and C library, with a user vcap whose home is /home/vcap */
  readonly image: string;
  readonly client: Docker;
  /** makes an image with the same files, and this of its own, as lines of a Dockerfile have it */
  derive(name: string, changes: string[]): Promise<void>;
  /** ends the engine as a crash would; its containers run on */
  kill(): Promise<void>;
  /** ends the engine as an administrator would: its containers run on where they may, else it ends them first */
  stop(): Promise<void>;
  /** starts it again on the same socket; whether containers outlive it is decided then */
  start(mode?: { liveRestore: boolean }): Promise<void>;
  /** removes every container, the engine, and all that it left */
  close(): Promise<void>;
}

const PREFIX = 'outcry-docker-';
/** of the tests' bridges; the third number tells them apart */
const NETWORK = '10.213';
const IMAGE = 'outcry-test-stack';
export const IMAGE_NODE = '/usr/local/bin/node';
/** Just what the tests' programs need. */
const SMALL_STACK: StackContents = {
  required: ['sh', 'cat', 'env', 'head', 'sleep', 'id', 'ln', 'mkdir', 'truncate'],
  optional: [],
  files: [],
  npm: false,
  check: 'id -un',
};

const bridgeName = (slice: number): string => `outcry${slice}`;

const freeSlice = (): number => {
  const taken = new Set(
    Object.values(networkInterfaces())
      .flat()
      .map((one) => one?.address.split('.').slice(0, 3).join('.')),
  );
  for (let i = 0; i < 250; i += 1) {
    const slice = 1 + ((process.pid + i) % 250);
    if (!taken.has(`${NETWORK}.${slice}`) && !existsSync(`/sys/class/net/${bridgeName(slice)}`)) return slice;
  }
  throw new Error('no free network for a bridge');
};

const addBridge = async (slice: number): Promise<void> => {
  const name = bridgeName(slice);
  await exec('ip', ['link', 'add', name, 'type', 'bridge']);
  await exec('ip', ['addr', 'add', `${NETWORK}.${slice}.1/24`, 'dev', name]);
  await exec('ip', ['link', 'set', name, 'up']);
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const killPid = async (pid: number, what: string): Promise<void> => {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (!command.includes(what)) return; // a number that has been given to somebody else
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended just now
  }
  await eventually(() => !isAlive(pid) || !existsSync(`/proc/${pid}/exe`), { what: `end of ${pid}` });
};

/** Processes of the engine's that name its directory. */
const killRest = async (dir: string, program = /dockerd$|containerd|docker-proxy$/): Promise<void> => {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (program.test(command.split('\0')[0] ?? '') && command.includes(dir)) await killPid(Number(name), dir);
  }
};

const unmountBelow = async (dir: string): Promise<void> => {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  for (const mount of mounts.filter((one) => one.startsWith(`${dir}/`)).reverse()) {
    await exec('umount', ['-l', mount]).catch(() => undefined);
  }
};

const sweep = async (dir: string): Promise<void> => {
  await killRest(dir);
  await unmountBelow(dir);
  const slice = await readFile(join(dir, 'slice'), 'utf8').catch(() => '');
  if (slice !== '') await exec('ip', ['link', 'del', bridgeName(Number(slice))]).catch(() => undefined);
  await rm(dir, { recursive: true, force: true, maxRetries: 5 });
};

/** What a test that was killed has left. */
const sweepStale = async (): Promise<void> => {
  for (const name of (await readdir(tmpdir())).filter((one) => one.startsWith(PREFIX))) {
    const dir = join(tmpdir(), name);
    const owner = Number(await readFile(join(dir, 'owner'), 'utf8').catch(() => '0'));
    if (owner > 0 && !isAlive(owner)) await sweep(dir);
  }
};

const derive = async (client: Docker, name: string, changes: string[]): Promise<void> => {
  const container = await client.createContainer({ Image: IMAGE, Cmd: ['/never-started'] });
  await container.commit({ repo: name, tag: 'latest', changes: changes.join('\n') });
  await container.remove();
};

interface EnginePlace {
  dir: string;
  slice: number;
  /** containers go on when it ends */
  liveRestore: boolean;
}

const engineArgs = ({ dir, slice, liveRestore }: EnginePlace): string[] => [
  `--host=unix://${join(dir, 'docker.sock')}`,
  `--data-root=${join(dir, 'data')}`,
  `--exec-root=${join(dir, 'exec')}`,
  `--pidfile=${join(dir, 'docker.pid')}`,
  `--bridge=${bridgeName(slice)}`,
  // host ports are served by docker-proxy: neither firewall nor forwarding is touched
  ...['--iptables=false', '--ip6tables=false', '--ip-masq=false', '--ip-forward=false'],
  ...(liveRestore ? ['--live-restore'] : []),
  '--log-level=warn',
];

/** Of cgroups, of overlay file systems: the last thing that dockerd did not like. */
const complaintOf = (log: string): string => {
  const lines = log.trim().split('\n');
  const last = lines.findLast((line) => /fail|error|fatal/i.test(line)) ?? lines.at(-1) ?? 'it said nothing';
  return last.replace(/^time="[^"]*" level=\w+ msg=/, '');
};

/** A file system of its own for the engine's data, whose driver holds layers to a size. */
const mountBtrfs = async (dir: string): Promise<void> => {
  const [image, data] = [join(dir, 'btrfs.image'), join(dir, 'data')];
  await exec('truncate', ['--size=1G', image]);
  await exec('mkfs.btrfs', ['-q', image]);
  await mkdir(data);
  await exec('mount', ['-o', 'loop', image, data]);
};

export interface EngineWish {
  /** its data are on a btrfs; takes mkfs.btrfs (Debian's btrfs-progs), and a loop device */
  btrfs?: true;
}

const spawnEngine = async (place: EnginePlace, client: Docker): Promise<ChildProcess> => {
  const { dir } = place;
  const log = createWriteStream(join(dir, 'dockerd.log'), { flags: 'a' });
  await once(log, 'open');
  const child = spawn('dockerd', engineArgs(place), { stdio: ['ignore', log, log] });
  log.close();
  const failed = once(child, 'error').then(([error]: Error[]) => Promise.reject(error));
  const answers = eventually(
    async () => {
      if (child.exitCode !== null) return 'ended';
      return (await client.ping().catch(() => undefined)) && 'up';
    },
    { timeoutMs: 30_000, what: 'dockerd answers' },
  );
  if ((await Promise.race([answers, failed])) === 'up') return child;
  throw new Error(`dockerd ended: ${complaintOf(await readFile(join(dir, 'dockerd.log'), 'utf8'))}`);
};

const end = async (child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> => {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
};

export const startDockerEngine = async ({ btrfs }: EngineWish = {}): Promise<DockerEngine> => {
  await sweepStale();
  const dir = await mkdtemp(join(tmpdir(), PREFIX));
  await writeFile(join(dir, 'owner'), String(process.pid));
  const socketPath = join(dir, 'docker.sock');
  const client = new Docker({ socketPath });
  let child: ChildProcess | undefined;
  try {
    const slice = freeSlice();
    await writeFile(join(dir, 'slice'), String(slice));
    await addBridge(slice);
    if (btrfs) await mountBtrfs(dir);
    const start = async ({ liveRestore } = { liveRestore: true }): Promise<void> => {
      child = await spawnEngine({ dir, slice, liveRestore }, client);
    };
    await start();
    await makeStackImage({
      docker: client,
      engine: { socketPath },
      clock: createSystemClock(),
      name: IMAGE,
      contents: SMALL_STACK,
      machine: { path: process.env['PATH'] ?? '', node: process.execPath },
      labels: {},
    });
    return {
      socketPath,
      image: IMAGE,
      client,
      derive: (name, changes) => derive(client, name, changes),
      start,
      async kill() {
        await end(child, 'SIGKILL');
        // a dead one that nobody has reaped would be waited for
        await killRest(dir, /containerd$/);
        await rm(join(dir, 'exec', 'containerd', 'containerd.pid'), { force: true });
      },
      stop: () => end(child, 'SIGTERM'),
      async close() {
        for (const { Id } of await client.listContainers({ all: true }).catch(() => [])) {
          await client
            .getContainer(Id)
            .remove({ force: true, v: true })
            .catch(() => undefined);
        }
        await end(child, 'SIGTERM');
        await sweep(dir);
      },
    };
  } catch (error) {
    await end(child, 'SIGKILL');
    await sweep(dir);
    throw error;
  }
};

/** Runs `suite` with an engine of its own; where none can be had, one skip, or one failure where it is required. */
export const withDockerEngine = async (
  tap: typeof t,
  suite: (engine: DockerEngine) => void | Promise<void>,
  wish: EngineWish = {},
): Promise<void> => {
  const { available, reason } = suiteAvailable('docker');
  const engine = available
    ? await startDockerEngine(wish).catch(
        (error: Error) => `no Docker engine can be started here: ${error.message}`,
      )
    : reason;
  if (typeof engine !== 'string') {
    tap.teardown(() => engine.close());
    return suite(engine);
  }
  if (isRequired('docker')) tap.fail(`docker suite: ${engine}, and OUTCRY_REQUIRE names it`);
  else tap.pass('docker suite', { skip: `docker suite: ${engine}` });
};
