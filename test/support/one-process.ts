import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { packageRoot } from '../../common/runtime/package-root.js';
import { eventually } from './eventually.js';
import { freePorts } from './nats-server.js';

export interface Endpoint {
  api: string;
  router: string;
  token: string;
  pid: number;
}

export interface Ended {
  code: number | null;
  output: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly endpoint: Endpoint;
  /** what it has printed so far */
  output(): string;
  /** sends the signal and waits for the end */
  end(signal: NodeJS.Signals): Promise<Ended>;
}

const root = packageRoot();
/** `npm start` without npm in between, so that signals and exit statuses are the process's own. */
const startScript = (): string => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  return `exec env ${manifest.scripts.start} "$@"`;
};
const OUTCRY = join(root, 'cli/bin/outcry.mjs');

/** A data directory that is gone after the test. Others may pass it, as containers' users must. */
export const dataDir = async (t: Test): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-e2e-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return join(dir, 'data');
};

const collected = (child: ChildProcess): { text(): string; ended: Promise<Ended> } => {
  let text = '';
  const keep = (chunk: Buffer): void => {
    text += chunk.toString('utf8');
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, output: text }));
  });
  return { text: () => text, ended };
};

let engine = '/no-engine.sock';
/** Systems started from here on find this Docker engine. Without it they find none, whatever this machine has. */
export const useEngine = (socketPath: string): void => {
  engine = socketPath;
};

const spawnStart = (args: string[]): ChildProcess =>
  spawn('sh', ['-c', startScript(), 'npm start', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, OUTCRY_PLATFORM_SECRET: 'not for applications', DOCKER_HOST: `unix://${engine}` },
  });

/** `npm start` with these arguments, until it ends by itself. */
export const runStart = (...args: string[]): Promise<Ended> => collected(spawnStart(args)).ended;

/** Starts the one process and waits until it has brought up the example. */
export const startOutcry = async (t: Test, dir: string, args: string[] = []): Promise<Running> => {
  // several systems start side by side here: each is given ports, so that no two choose the same ones
  const [api = 0, router = 0] = await freePorts(2);
  const child = spawnStart(['--data', dir, '--api-port', `${api}`, '--router-port', `${router}`, ...args]);
  const { text, ended } = collected(child);
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
    await ended;
  });
  await eventually(() => /Ctrl-C stops/.test(text()) || child.exitCode !== null, {
    timeoutMs: 60_000,
    what: 'the system is up',
  });
  if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${text()}`);
  const endpoint = JSON.parse(readFileSync(join(dir, 'endpoint.json'), 'utf8')) as Endpoint;
  return {
    child,
    endpoint,
    output: text,
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
};

/** Runs one command of the command line against the system in `dir`. */
export const outcry = (dir: string, ...args: string[]): Promise<Ended> =>
  collected(
    spawn(process.execPath, [OUTCRY, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, OUTCRY_DATA: dir },
    }),
  ).ended;

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A request through the router, to the application of that name. */
export const visit = (
  running: { endpoint: Pick<Endpoint, 'router'> },
  app: string,
  options: { path?: string; method?: string; body?: AsyncIterable<Buffer> } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = request(
      new URL(options.path ?? '/', running.endpoint.router),
      { method: options.method ?? 'GET', headers: { host: `${app}.localhost` }, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
        response.on('error', reject);
      },
    );
    asked.on('error', reject);
    const send = async (): Promise<void> => {
      for await (const chunk of options.body ?? []) {
        if (!asked.write(chunk)) await new Promise((drained) => asked.once('drain', drained));
      }
      asked.end();
    };
    send().catch(reject);
  });

/** Asks the probe application (test/fixtures/apps/probe). */
export const ask = async <T>(
  running: { endpoint: Pick<Endpoint, 'router'> },
  question: string,
  query: Record<string, string> = {},
): Promise<T> => {
  const answer = await visit(running, 'probe', {
    path: `${question}?${new URLSearchParams(query).toString()}`,
  });
  if (answer.status !== 200) throw new Error(`${question}: ${answer.status} ${answer.body}`);
  return JSON.parse(answer.body) as T;
};

export const PROBE = join(root, 'test/fixtures/apps/probe');

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** Process ids whose command line contains `text`. */
export const pidsOf = (text: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);

/** Bytes resident in memory. */
export const residentBytes = (pid: number): number => {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
};

/** The process that started `pid`. */
export const parentOf = (pid: number): number =>
  Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);

/** The supervisor above a process of a container. */
export const supervisorOf = (pid: number): number => {
  for (let at = parentOf(pid); at > 1; at = parentOf(at)) {
    if (readFileSync(`/proc/${at}/cmdline`, 'latin1').startsWith('outcry-supervisor')) return at;
  }
  throw new Error(`process ${pid} has no supervisor`);
};
