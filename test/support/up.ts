/** `outcry up --processes` as a child of a test, and what it has on this machine. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { findContainerRoots } from '../../cell-rep/runtimes/process/container-root.js';
import { removeLeftovers } from '../../cell-rep/runtimes/leftovers.js';
import { ENDPOINT_FILE } from '../../cli/http/target.js';
import type { EndpointFile } from '../../cli/http/target.js';
import { createPidFile, stopLeftovers } from '../../cli/processes/leftovers.js';
import type { PidFile } from '../../cli/processes/leftovers.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { eventually } from './eventually.js';

export interface Up {
  readonly child: ChildProcess;
  printed(): string;
  /** until it prints that, on a line of its own */
  says(line: RegExp): Promise<unknown>;
  /** sends the signal, or waits for it to end by itself; its exit status */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Printed when all is there. */
export const UP = /Ctrl-C stops/;

const clock = createSystemClock();

export const pidsOf = (dir: string): PidFile =>
  createPidFile(join(dir, 'data', 'processes', 'run', 'pids.json'));

const cellData = (dir: string): string => join(dir, 'data', 'processes', 'cell-1', 'data');

/** For the data of one `up`; what is left of it ends with the test. */
export const makeUpDir = (t: Test): string => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-up-'));
  t.teardown(async () => {
    await stopLeftovers({ pids: pidsOf(dir), clock });
    const choice = { kind: 'process', says: '' } as const;
    await removeLeftovers({ dataDir: cellData(dir), cellIds: [], choice, clock, logger: silentLogger });
    rmSync(dir, { recursive: true });
  });
  return dir;
};

export const startUp = (
  t: Test,
  dir: string,
  { args = [], env = {} }: { args?: readonly string[]; env?: Record<string, string> } = {},
): Up => {
  const words = ['up', '--processes', '--cells', '1', '--data', join(dir, 'data')];
  const outcry = join(packageRoot(), 'cli/bin/outcry.mjs');
  const child = spawn(process.execPath, [outcry, ...words, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  t.teardown(() => child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (text += bytes));
  return {
    child,
    printed: () => text,
    says: (line) =>
      eventually(
        () => {
          if (child.exitCode !== null) throw new Error(`it ended: ${text}`);
          return line.test(text);
        },
        { timeoutMs: 90_000, what: String(line) },
      ),
    async end(signal) {
      if (signal !== undefined) child.kill(signal);
      const [status] = await closed;
      return status;
    },
  };
};

export const endpointOf = (dir: string): EndpointFile =>
  JSON.parse(readFileSync(join(dir, 'data', ENDPOINT_FILE), 'utf8')) as EndpointFile;

/** What the example answers through the router. */
export const askHello = async (dir: string): Promise<string> => {
  const url = endpointOf(dir).router;
  const { request } = await import('undici');
  const { statusCode, body } = await request(url, { headers: { host: 'hello.localhost' } });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`status ${statusCode}: ${text}`);
  return text;
};

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // it has ended
  }
};

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
};

interface Found {
  pid: number;
  command: string;
}

/** Processes that work below one of these places, or name one; this one is not counted. */
export const processesAt = (places: readonly string[]): Found[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => ({ pid: Number(name), command: textOf(`/proc/${name}/cmdline`).trim() }))
    .filter(({ pid, command }) => {
      const text = `${linkOf(`/proc/${pid}/cwd`)} ${command}`;
      return command !== '' && places.some((place) => text.includes(place));
    });

/** Where a cell's containers are, as processes. */
export const containerPlaces = async (dir: string): Promise<string[]> =>
  (await findContainerRoots(cellData(dir))).map(({ root }) => root);

export const socketsBelow = (dir: string): string[] =>
  existsSync(dir)
    ? readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isSocket())
        .map(({ name }) => name)
    : [];
