/** `outcry cell --mesos` as a process of its own: a scripted agent, a bridge of which only the enrolment is there, a real BBS. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeLeftovers } from '../../cell-rep/runtimes/leftovers.js';
import { createCaptureLogger, silentLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { NO_METRICS } from '../../common/ports/metrics.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { createEnrolmentDoor } from '../../mesos-bridge/handlers/enrolment.js';
import { createEnrolmentTokens, enrolmentToken } from '../../mesos-bridge/handlers/enrolment-tokens.js';
import type { TaskInfo } from '../../mesos-bridge/protocol/messages.js';
import { startAgentServer } from './agent-server.js';
import type { AgentServer } from './agent-server.js';
import { eventually } from './eventually.js';
import { startBbs } from './http-bbs.js';

interface Test {
  teardown(task: () => unknown): unknown;
}

const SECRET = 'secret-of-the-bridge';
const OUTCRY = join(packageRoot(), 'cli/bin/outcry.mjs');

/** What is secret of what an executor is handed. */
export const HANDED = { busPassword: 'p4ss-of-the-bus' };

/** Process ids of programs that were started with that word among their arguments. */
export const programsWith = (word: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return args[0] === 'sleep' && args.includes(word);
      } catch {
        return false;
      }
    });

export interface ExecutorProcess {
  pid: number;
  /** of the one that does the work */
  worker(): number | undefined;
  environment: Record<string, string>;
  output(): string;
  /** its status, once it has ended */
  ended: Promise<number | null>;
}

const childOf = (pid: number): number | undefined => {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = pids.find((name) => {
    try {
      return (
        readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ')[1] === String(pid)
      );
    } catch {
      return false;
    }
  });
  return found === undefined ? undefined : Number(found);
};

export const startMesosGround = async (t: Test) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-mesos-'));
  const bbs = await startBbs(t);
  const agent: AgentServer = await startAgentServer();
  const logger = createCaptureLogger();
  const door = createEnrolmentDoor({
    listen: { host: '127.0.0.1', port: 0, tls: undefined },
    tokens: createEnrolmentTokens({ secret: SECRET, expects: () => true }),
    enrolment: () => ({
      // nothing is there: what a rep must tell the BBS it then tells it over HTTP
      nats: { servers: ['nats://127.0.0.1:9'], user: 'elastic-cells', password: HANDED.busPassword },
      bbs: { socket: bbs.socketPath },
      cell: {
        runtime: 'process',
        graceful_shutdown_interval: '1s',
        presence_ttl: '4s',
        presence_interval: '1s',
      },
    }),
    clock: createSystemClock(),
    logger,
    metrics: NO_METRICS,
  });
  await door.start();
  const children: ChildProcess[] = [];

  const start = (executorId: string, over: Record<string, string> = {}): ExecutorProcess => {
    const environment = {
      PATH: process.env['PATH'] ?? '',
      MESOS_FRAMEWORK_ID: 'framework',
      MESOS_EXECUTOR_ID: executorId,
      MESOS_SLAVE_ID: 'agent-S0',
      MESOS_AGENT_ENDPOINT: agent.endpoint(),
      MESOS_SANDBOX: dir,
      MESOS_CHECKPOINT: '1',
      MESOS_RECOVERY_TIMEOUT: '15mins',
      MESOS_SUBSCRIPTION_BACKOFF_MAX: '200ms',
      MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '8secs',
      OUTCRY_ENROLMENT_URL: `http://127.0.0.1:${door.address().port}`,
      OUTCRY_ENROLMENT_TOKEN: enrolmentToken(SECRET, executorId),
      OUTCRY_EXECUTOR_DATA_DIR: join(dir, 'executors'),
      ...over,
    };
    const child = spawn(process.execPath, [OUTCRY, 'cell', '--mesos'], {
      cwd: dir,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => (output += String(bytes)));
    return {
      pid: child.pid ?? 0,
      worker: () => childOf(child.pid ?? 0),
      environment,
      output: () => output,
      ended: once(child, 'exit').then(([code]) => code as number | null),
    };
  };

  t.teardown(async () => {
    for (const { pid } of children) {
      const worker = pid === undefined ? undefined : childOf(pid);
      for (const one of [worker, pid])
        try {
          if (one !== undefined) process.kill(one, 'SIGKILL');
        } catch {
          // it has ended
        }
    }
    const left = {
      cellIds: [],
      choice: { kind: 'process', says: '' } as const,
      clock: createSystemClock(),
      logger: silentLogger,
    };
    const base = join(dir, 'executors');
    for (const name of existsSync(base) ? readdirSync(base) : [])
      await removeLeftovers({ dataDir: join(base, name, 'cell'), ...left });
    await door.stop();
    await agent.die();
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    dir,
    agent,
    bbs: bbs.client,
    logger,
    start,
    launch: (task: TaskInfo) => agent.tell({ type: 'LAUNCH', launch: { task } }),
    subscribed: (count = 1) =>
      eventually(() => agent.subscriptions().length >= count, { timeoutMs: 30_000, what: 'subscribed' }),
  };
};
