/** The BBS as a process of its own on a real file and a unix socket, without a bus: nothing listens where it looks for one. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { Endpoint } from '../../common/runtime/endpoint.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { createBbsClient } from '../../bbs/index.js';
import type { BbsClient } from '../../bbs/index.js';
import { eventually } from './eventually.js';

export interface BbsProcess {
  readonly dir: string;
  readonly dataDir: string;
  /** the file that it keeps its rows in */
  readonly file: string;
  readonly configFile: string;
  readonly socketPath: string;
  /** a client that asks once and does not try again */
  client(): BbsClient;
  /** starts it without waiting */
  spawn(): void;
  /** … and waits until it answers */
  start(): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  pid(): number | undefined;
  /** what it has printed since it was started last: its log, and what it died of */
  output(): string;
  close(): Promise<void>;
}

const OUTCRY = join(packageRoot(), 'cli/bin/outcry.mjs');

/** Time takes nothing away: no lease ends, no task expires. */
const STILL = {
  presence_ttl: '1h',
  expire_completed_task_duration: '24h',
  expire_pending_task_duration: '24h',
  kick_task_duration: '24h',
};

const NATS = { servers: ['nats://127.0.0.1:9'], user: 'bbs', password: 'none' };

export const createBbsProcess = (
  options: {
    config?: Record<string, unknown>;
    /** where it is instead of in a temporary directory of its own, which is removed with it */
    dir?: string;
    execArgv?: readonly string[];
    /** the way in, where `config` has it listen elsewhere than at its socket */
    endpoint?: Endpoint;
  } = {},
): BbsProcess => {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'outcry-bbs-'));
  const dataDir = join(dir, 'data');
  const socketPath = join(dir, 'bbs.sock');
  const configFile = join(dir, 'bbs.yml');
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'nats.json'), JSON.stringify(NATS));
  const config = {
    component: 'bbs',
    nats: 'nats.json',
    data_dir: 'data',
    listen: { socket: 'bbs.sock' },
    log: { level: 'warn' },
    ...STILL,
    ...options.config,
  };
  writeFileSync(configFile, JSON.stringify(config));
  let child: ChildProcess | undefined;
  let said = '';
  const clients: BbsClient[] = [];

  const client = (): BbsClient => {
    const made = createBbsClient({
      endpoint: options.endpoint ?? { socketPath },
      clock: createSystemClock(),
      logger: silentLogger,
      attempts: 1,
    });
    clients.push(made);
    return made;
  };
  const asking = client();

  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    const killed = child;
    child = undefined;
    if (!killed || killed.exitCode !== null || killed.signalCode !== null) return;
    const exited = once(killed, 'exit');
    killed.kill(signal);
    await exited;
  };

  const process_: BbsProcess = {
    dir,
    dataDir,
    file: join(dataDir, 'db', 'bbs.db'),
    configFile,
    socketPath,
    client,
    spawn() {
      said = '';
      child = spawn(process.execPath, [...(options.execArgv ?? []), OUTCRY, 'bbs', '--config', configFile], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (bytes: Buffer) => (said += String(bytes)));
    },
    async start() {
      process_.spawn();
      const hasEnded = (): boolean => child?.exitCode !== null;
      await eventually(async () => hasEnded() || (await asking.ping()), {
        timeoutMs: 60_000,
        what: 'the BBS answers',
      });
      if (hasEnded()) throw new Error(`the BBS has ended:\n${said}`);
    },
    kill,
    pid: () => child?.pid,
    output: () => said,
    async close() {
      await Promise.all(clients.map((one) => one.close()));
      await kill('SIGTERM');
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
  return process_;
};
