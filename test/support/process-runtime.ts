/** Process runtimes of their own for tests: directory, user claims and ports that nobody else uses. */
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { ZipFile } from 'yazl';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createProcessRuntime } from '../../cell-rep/runtimes/process/runtime.js';
import type { ProcessRuntime, ProcessRuntimeOptions } from '../../cell-rep/runtimes/process/runtime.js';
import type { Program, Programs, RealPrograms } from '../contract/container-runtime.js';

const sh = (script: string, ...args: string[]): Program => ({
  path: '/bin/sh',
  args: ['-c', script, 'sh', ...args],
  env: {},
});
const node = (script: string): Program => ({ path: process.execPath, args: ['-e', script], env: {} });

export const shell = sh;

export const processPrograms: Programs = {
  // a pause between the streams: two pipes have no common order
  prints: ({ out = '', err = '', exitCode = 0 }) =>
    sh(`printf %s "$1"; sleep 0.1; printf %s "$2" >&2; exit ${exitCode}`, out, err),
  runs: () => sh('echo ready; while :; do sleep 0.1; done'),
  ignoresTerm: () => sh('trap "" TERM; echo ready; while :; do sleep 0.1; done'),
  floods: (bytes) => sh(`head -c ${bytes} /dev/zero`),
  printsEnvironment: () => ({ path: '/usr/bin/env', args: [], env: {} }),
};

export const realProcessPrograms: RealPrograms = {
  printsBinary: () => node('process.stdout.write(Buffer.from(Array.from({ length: 256 }, (_, i) => i)))'),
  listens: () =>
    node(
      'require("net").createServer((s) => s.end("hello")).listen(process.env.PORT, () => console.log("ready"))',
    ),
  works: () =>
    node(
      'console.log("ready"); setInterval(() => { for (const until = Date.now() + 20; Date.now() < until; ); }, 40)',
    ),
  takesMemory: (megabytes) =>
    node(
      `globalThis.kept = Buffer.alloc(${megabytes} * 2 ** 20, 1); console.log("ready"); setInterval(() => {}, 1e6)`,
    ),
  takesDisk: (megabytes) =>
    sh(`head -c ${megabytes * 1024 * 1024} /dev/zero > filled; echo ready; while :; do sleep 0.1; done`),
  prints: (file) => ({ path: '/bin/cat', args: [file], env: {} }),
  follows: (variable, file) => sh(`while :; do /bin/cat "$${variable}/$1"; echo; sleep 0.1; done`, file),
  printsBelow: (variable, file) => sh(`exec /bin/cat "$${variable}/$1"`, file),
};

export const makeZip = async (dir: string): Promise<string> => {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from('unpacked\n'), 'dir/file.txt');
  zip.end();
  const file = join(dir, 'archive.zip');
  await pipeline(zip.outputStream, createWriteStream(file));
  return file;
};

/** A directory that containers' users may pass. */
export const makeRoot = async (): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), 'outcry-runtime-'));
  await chmod(root, 0o711);
  return root;
};

export const removeRoot = (root: string): Promise<void> => rm(root, { recursive: true, force: true });

export const runtimeOptions = (root: string): ProcessRuntimeOptions => {
  const slice = process.pid % 300;
  return {
    root: join(root, 'containers'),
    clock: createSystemClock(),
    logger: createCaptureLogger(),
    ports: { first: 33_000 + slice * 20, last: 33_000 + slice * 20 + 19 },
    outputFileBytes: 1024 * 1024,
  };
};

export const openRuntime = (root: string, more: Partial<ProcessRuntimeOptions> = {}): ProcessRuntime =>
  createProcessRuntime({ ...runtimeOptions(root), ...more });

const exec = promisify(execFile);

export interface Listed {
  pid: number;
  ppid: number;
  uid: number;
  state: string;
  command: string;
}

/** all processes of this machine */
export const listProcesses = async (): Promise<Listed[]> => {
  const { stdout } = await exec('ps', ['-axo', 'pid=,ppid=,uid=,stat=,args=']);
  return stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map((m) => ({
      pid: Number(m[1]),
      ppid: Number(m[2]),
      uid: Number(m[3]),
      state: m[4] ?? '',
      command: m[5] ?? '',
    }));
};
