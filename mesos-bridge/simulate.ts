/** Door of `outcry mesos simulate`, and of whoever else wants a Mesos without one: a whole one in this process. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLogFile } from '../common/adapters/log-file.js';
import { createPinoLogger } from '../common/adapters/pino-logger.js';
import { createSystemClock } from '../common/adapters/system-clock.js';
import { createSystemRandom } from '../common/adapters/system-random.js';
import { OutcryError } from '../common/model/errors.js';
import { MESOS_PRINCIPAL } from '../common/model/well-known.js';
import type { Random } from '../common/ports/random.js';
import { acquireDataLock, dataLockError } from '../common/store/data-lock.js';
import type { ExecutorLauncher } from './simulator/agent/launcher.js';
import { alikeAgents } from './simulator/agent-specs.js';
import { killLeftExecutors } from './simulator/processes/process-tree.js';
import { startSimulatedMesos } from './simulator/simulated-mesos.js';
import type { SimulatedMesos } from './simulator/simulated-mesos.js';

export interface SimulateOptions {
  /** below which it keeps its secret, its log and the sandboxes of executors */
  dir: string;
  agents: number;
  /** of each agent */
  cpus?: number;
  /** of each agent, MB */
  mem?: number;
  /** of each agent, MB */
  disk?: number;
  /** agents are in these in turns */
  zones?: number;
  /** the first leads */
  masters?: 1 | 2;
  /** of the first master, the second has the next; absent = any that are free */
  port?: number;
  /** absent = executors are processes of this machine */
  launcher?: ExecutorLauncher;
}

export interface RunningSimulation {
  /** `host:port` of each master */
  readonly masters: readonly string[];
  readonly principal: string;
  /** 0600, with the secret and nothing else in it */
  readonly secretFile: string;
  readonly logFile: string;
  readonly workDir: string;
  /** for whoever wants to break it */
  readonly mesos: SimulatedMesos;
  /** ends it and every executor, and what these run */
  stop(): Promise<void>;
}

const LOG_FILE_BYTES = 16 * 1024 * 1024;

/** The same at each start, so that what was configured with it goes on. */
const keepSecret = (file: string, random: Random): string => {
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const secret = random.secret(24);
    writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: 'wx' });
    return secret;
  }
};

const lockDir = (dir: string, now: number): (() => void) => {
  const holder = {
    pid: process.pid,
    startedAt: new Date(now).toISOString(),
    command: `outcry mesos simulate --data ${dir}`,
  };
  const lock = acquireDataLock(dir, holder);
  if (!lock.ok) throw dataLockError(lock.error, '--data DIR');
  return lock.value.release;
};

const portError = (error: unknown, port: number | undefined): unknown =>
  (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
    ? new OutcryError('PORT_IN_USE', { port: port ?? 0, what: 'simulated Mesos master' }, { cause: error })
    : error;

/** DATA_DIR_LOCKED and its like, PORT_IN_USE. Resolves when its masters listen; agents register within seconds. */
export const simulateMesos = async (options: SimulateOptions): Promise<RunningSimulation> => {
  const { dir, agents: count, masters, port, launcher, ...each } = options;
  const [clock, random] = [createSystemClock(), createSystemRandom()];
  const release = lockDir(dir, clock.now());
  const [logFile, workDir, secretFile] = ['mesos.log', 'work', 'secret'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const log = openLogFile({ path: logFile, maxBytes: LOG_FILE_BYTES });
  const logger = createPinoLogger({ level: 'info', destination: log });
  const leave = (): void => {
    log.close();
    release();
  };
  try {
    const left = await killLeftExecutors(workDir);
    if (left > 0) logger.warn('killed-left-executors', { processes: left });
    rmSync(workDir, { recursive: true, force: true });
    const credentials = [{ principal: MESOS_PRINCIPAL, secret: keepSecret(secretFile, random) }];
    const mesos = await startSimulatedMesos({
      clock,
      random,
      logger,
      agents: alikeAgents({ count, ...each }),
      credentials,
      workDir,
      ...(masters && { masters }),
      ...(launcher && { launcher }),
      ...(port !== undefined && { port }),
    });
    return {
      masters: mesos.masters.map(({ address }) => address),
      principal: MESOS_PRINCIPAL,
      secretFile,
      logFile,
      workDir,
      mesos,
      async stop() {
        await mesos.retire();
        await mesos.stop().finally(leave);
      },
    };
  } catch (error) {
    leave();
    throw portError(error, port);
  }
};
