/** `outcry up --processes` as its user has it: begun, given up, killed and begun again. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { ENDPOINT_FILE } from '../../cli/http/target.js';
import { createPidFile, stopLeftovers } from '../../cli/processes/leftovers.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { eventually } from '../support/eventually.js';
import { freePorts } from '../support/nats-server.js';
import { requireSuite } from '../support/requires.js';

interface Up {
  readonly child: ChildProcess;
  printed(): string;
  /** sends the signal and waits for the end */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const makeDir = (t: Test): string => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-up-'));
  const pids = () => createPidFile(join(dir, 'data', 'processes', 'run', 'pids.json'));
  t.teardown(async () => {
    await stopLeftovers({ pids: pids(), clock: createSystemClock() });
    rmSync(dir, { recursive: true });
  });
  return dir;
};

const up = (t: Test, dir: string, options: { args: string[]; path?: string }): Up => {
  const words = ['up', '--processes', '--runtime', 'process', '--cells', '1', '--data', join(dir, 'data')];
  const path = [options.path, process.env['PATH']].filter((one) => one !== undefined).join(delimiter);
  const child = spawn(
    process.execPath,
    [join(packageRoot(), 'cli/bin/outcry.mjs'), ...words, ...options.args],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH: path } },
  );
  t.teardown(() => child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (text += bytes));
  return {
    child,
    printed: () => text,
    async end(signal) {
      const ended = once(child, 'exit');
      child.kill(signal);
      const [status] = (await ended) as [number | null];
      return status;
    },
  };
};

const printed = (one: Up, words: RegExp): Promise<unknown> =>
  eventually(
    () => {
      if (one.child.exitCode !== null) throw new Error(`it ended: ${one.printed()}`);
      return words.test(one.printed());
    },
    { timeoutMs: 90_000, what: String(words) },
  );

const apiOf = (dir: string): string =>
  (JSON.parse(readFileSync(join(dir, 'data', ENDPOINT_FILE), 'utf8')) as { api: string }).api;

const suite = (): void => {
  t.test('up --processes - Ctrl-C while it comes up ends it, and all that it has started', async (t) => {
    const dir = makeDir(t);
    // never answers, so that nothing becomes ready
    writeFileSync(join(dir, 'nats-server'), '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
    const one = up(t, dir, { args: [], path: dir });
    await printed(one, /^logs /m);
    t.equal(await one.end('SIGINT'), 0);
    t.match(one.printed(), /stopped/);
    t.same(createPidFile(join(dir, 'data', 'processes', 'run', 'pids.json')).names(), []);
    t.notOk(existsSync(join(dir, 'data', ENDPOINT_FILE)));
  });

  t.test('up --processes - after kill -9 the next start has the ports that it asks for', async (t) => {
    const dir = makeDir(t);
    const [api, router] = await freePorts(2);
    const args = ['--api-port', String(api), '--router-port', String(router)];
    const first = up(t, dir, { args });
    await printed(first, /Ctrl-C stops/);
    await first.end('SIGKILL');
    const second = up(t, dir, { args });
    await printed(second, /Ctrl-C stops/);
    t.equal(apiOf(dir), `http://127.0.0.1:${api}`);
    t.equal(await second.end('SIGINT'), 0);
  });
};

requireSuite(t, 'nats', suite);
