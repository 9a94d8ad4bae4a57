import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNatsAccess } from '../../common/adapters/nats-access.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import type { RolePermissions } from '../../common/wire/nats-roles.js';
import { writeNatsFiles } from '../../cli/nats/files.js';
import { parseAddress, planServers } from '../../cli/nats/plan.js';
import { eventually } from './eventually.js';

/** One nats-server process, run in a directory that `outcry nats-config` has written. */
export interface NatsProcess {
  /** kills it; connections break without a word */
  kill(): Promise<void>;
  /** resolves when it answers; starts it again after `kill` */
  start(): Promise<void>;
  /** SIGSTOP: connections stay and nobody answers. `kill` ends it all the same. */
  pause(): void;
  /** undefined while it is not running */
  pid(): number | undefined;
}

export interface NatsServer extends NatsProcess {
  readonly url: string;
  /** what `user` connects with */
  credentials(user: string): { user: string; password: string };
  /** kills it and removes its files */
  close(): Promise<void>;
}

const listens = async (port: number): Promise<boolean> => {
  const probe = createServer().listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch {
    return false;
  }
  probe.close();
  await once(probe, 'close');
  return true;
};

/** Below the ports that systems give to outgoing connections: none of those takes it while a server is down. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    if (await listens(port)) return port;
  }
};

export const freePorts = async (count: number): Promise<number[]> => {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
};

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('data', () => end(true)).once('error', () => end(false));
  });

/** The server that `dir` configures, on loopback at `port`; not started yet. */
export const natsProcess = (dir: string, port: number): NatsProcess => {
  let child: ChildProcess | undefined;
  return {
    async start() {
      let log = '';
      const started = spawn('nats-server', ['-c', 'nats.conf'], {
        cwd: dir,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      started.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
      child = started;
      await eventually(
        () => {
          if (started.exitCode !== null) throw new Error(`nats-server ended: ${log}`);
          return answers(port);
        },
        { timeoutMs: 20_000, what: 'nats-server answers' },
      );
    },
    pause: () => void child?.kill('SIGSTOP'),
    pid: () => child?.pid,
    async kill() {
      const dying = child;
      child = undefined;
      if (!dying || dying.exitCode !== null) return;
      dying.kill('SIGKILL');
      await once(dying, 'exit');
    },
  };
};

/** A real nats-server on a free loopback port, with these users and what each may do. */
export const startNatsServer = async (users: Record<string, RolePermissions>): Promise<NatsServer> => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-nats-'));
  const port = await freePort();
  const url = `127.0.0.1:${port}`;
  const address = parseAddress(url);
  if (!address.ok) throw new Error(address.error);
  await writeNatsFiles({
    dir,
    plan: { servers: planServers([address.value], []), users, tls: false },
    settings: { servers: url, routes: undefined, cells: [], tls: false },
    existing: 'refuse',
    secret: createSystemRandom().secret,
  });
  const server = natsProcess(join(dir, 'nats-1'), port);
  await server.start();
  return {
    ...server,
    url: `nats://${url}`,
    credentials: (user) => readNatsAccess(join(dir, 'users', `${user}.json`)).credentials,
    async close() {
      await server.kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
};
