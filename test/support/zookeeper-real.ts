import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { onPath } from './requires.js';

/**
 * A directory with ZooKeeper's jars and those that it needs (Debian: zookeeper, libzookeeper-java and its dependencies,
 * installed or unpacked), where there is one: suites do not bring it, since it takes some 50 packages.
 */
const jarsDir = (): string | undefined =>
  [process.env['ZOOKEEPER_JARS'] ?? '', '/usr/share/java'].find(
    (dir) => dir !== '' && existsSync(join(dir, 'zookeeper.jar')),
  );

/** One way of logging only: several are in each other's way. */
const NEEDED =
  /^(zookeeper|zookeeper-jute|slf4j-api|slf4j-nop|netty-all|metrics-core|snappy.*|commons-(cli|io))\.jar$/;

/** Whether a real server can be started here. */
export const hasRealZooKeeper = (): boolean => jarsDir() !== undefined && onPath('java') !== undefined;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', () => socket.write('srvr'));
    // it answers before it serves, and says so
    socket.on('data', (text) => resolve(text.includes('Mode:')));
    socket.on('close', () => resolve(false));
    socket.on('error', () => resolve(false));
  });

/** A real server in a directory of its own. */
export const startRealZooKeeper = async () => {
  const jars = jarsDir() ?? '';
  const dir = mkdtempSync(join(tmpdir(), 'outcry-zookeeper-'));
  const port = await freePort();
  const settings = ['tickTime=500', `dataDir=${dir}`, `clientPort=${port}`, 'clientPortAddress=127.0.0.1'];
  const config = join(dir, 'zoo.cfg');
  writeFileSync(config, [...settings, 'admin.enableServer=false', ''].join('\n'));
  const classPath = readdirSync(jars)
    .filter((file) => NEEDED.test(file))
    .map((file) => join(jars, file))
    .join(':');
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
  const server = spawn('java', ['-Xmx128m', '-cp', classPath, main, config], { stdio: 'ignore', cwd: dir });
  await eventually(() => answers(port), { timeoutMs: 30_000, what: 'ZooKeeper answers' });
  return {
    address: `127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        const gone = (): void => {
          rmSync(dir, { recursive: true, force: true });
          resolve();
        };
        if (server.exitCode !== null) return gone();
        server.on('exit', gone);
        server.kill('SIGKILL');
      }),
  };
};
