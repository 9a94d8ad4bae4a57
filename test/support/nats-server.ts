import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { eventually } from './eventually.js';
import type { RolePermissions } from './nats-roles.js';

export interface NatsServer {
  readonly url: string;
  /** what `user` connects with */
  credentials(user: string): { user: string; password: string };
  /** kills the process; connections break without a word */
  kill(): Promise<void>;
  /** starts it again on the same port with the same users */
  start(): Promise<void>;
  /** kills it and removes its files */
  close(): Promise<void>;
}

export const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
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

const userEntry = (user: string, password: string, permissions: RolePermissions): object => ({
  user,
  password,
  permissions: {
    // an empty list of what is allowed would allow everything
    publish: permissions.publish.length > 0 ? { allow: permissions.publish } : { deny: ['>'] },
    subscribe: { allow: [...permissions.subscribe, `_INBOX.${user}.>`] },
    allow_responses: { max: 1, expires: '1m' },
  },
});

/** A real nats-server on a free loopback port, with these users and what each may do. */
export const startNatsServer = async (users: Record<string, RolePermissions>): Promise<NatsServer> => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-nats-'));
  const port = await freePort();
  const random = createSystemRandom();
  const passwords = new Map(Object.keys(users).map((user) => [user, random.secret(16)]));
  const config = {
    host: '127.0.0.1',
    port,
    authorization: {
      users: Object.entries(users).map(([user, permissions]) =>
        userEntry(user, passwords.get(user) ?? '', permissions),
      ),
    },
  };
  // the server's configuration language takes JSON as it is
  writeFileSync(join(dir, 'nats.conf'), JSON.stringify(config, null, 2), { mode: 0o600 });

  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    let log = '';
    const started = spawn('nats-server', ['-c', join(dir, 'nats.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    started.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
    child = started;
    await eventually(
      () => {
        if (started.exitCode !== null) throw new Error(`nats-server ended: ${log}`);
        return answers(port);
      },
      { what: 'nats-server answers' },
    );
  };
  const kill = async (): Promise<void> => {
    const dying = child;
    child = undefined;
    if (!dying || dying.exitCode !== null) return;
    dying.kill('SIGKILL');
    await once(dying, 'exit');
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    credentials: (user) => ({ user, password: passwords.get(user) ?? '' }),
    kill,
    start,
    async close() {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
};
