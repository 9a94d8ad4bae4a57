/**
 * The Node side of the helper (supervisor.pl): spawns it, talks to it, restarts it when it dies. What it started
 * goes on without it.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../common/runtime/package-root.js';
import type { Clock } from '../../../common/ports/clock.js';
import { OutcryError } from '../../../common/model/errors.js';
import type { Logger } from '../../../common/ports/logger.js';

export type HelperReply =
  | { ok: true; rest: Buffer }
  /** `lost`: the helper died before it answered, what became of the request is not known */
  | { ok: false; reason: string; lost: boolean };

export interface Helper {
  start(): Promise<void>;
  /** ends the helper; supervisors and containers stay */
  stop(): Promise<void>;
  /** resolves when requests can be made; after a while in any case */
  ready(): Promise<void>;
  /** fields must hold no NUL; text is sent as UTF-8 */
  request(verb: string, ...fields: string[]): Promise<HelperReply>;
  /** process id of the helper that runs now */
  pid(): number | undefined;
  healthy(): boolean;
}

export interface HelperOptions {
  clock: Clock;
  logger: Logger;
  /** a supervisor has ended: its directory, and the exit that it wrote down; '' = see there */
  onGone(dir: string, exit: string): void;
  /** a new helper runs, after an earlier one died: it watches nothing yet */
  onRestart(): void;
  /** it has become healthy, or is no more */
  onHealth(): void;
}

const PERL = '/usr/bin/perl';
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 5000;
/** how long a request waits for a helper that is being restarted */
const PATIENCE_MS = 5000;

const frame = (text: string): Buffer => {
  const length = Buffer.byteLength(text);
  const out = Buffer.allocUnsafe(4 + length);
  out.writeUInt32BE(length, 0);
  out.write(text, 4);
  return out;
};

/** cuts what arrives into frames */
const createUnframer = (onFrame: (frame: Buffer) => void): ((chunk: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0);
      onFrame(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
  };
};

const cutField = (data: Buffer): [string, Buffer] => {
  const at = data.indexOf(0);
  return at === -1
    ? [data.toString(), Buffer.alloc(0)]
    : [data.toString('utf8', 0, at), data.subarray(at + 1)];
};

const toReply = (state: string, rest: Buffer): HelperReply =>
  state === 'failed' ? { ok: false, reason: rest.toString(), lost: false } : { ok: true, rest };

const runPerl = (): ChildProcess =>
  spawn(
    existsSync(PERL) ? PERL : 'perl',
    [join(packageRoot(), 'cell-rep', 'runtimes', 'process', 'supervisor.pl')],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: '/',
      env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' },
    },
  );

interface PerlEvents {
  logger: Logger;
  onFrame(data: Buffer): void;
  /** once, however it died, also when it could not be started */
  onDeath(): void;
}

const spawnPerl = ({ logger, onFrame, onDeath }: PerlEvents): ChildProcess => {
  const child = runPerl();
  let over = false;
  const end = (error?: unknown): void => {
    if (over) return;
    over = true;
    if (error) logger.error('helper-failed', { error });
    onDeath();
  };
  child.on('error', end);
  child.on('close', () => end());
  child.stdin?.on('error', () => undefined); // its death is told by 'close'
  child.stdout?.on('data', createUnframer(onFrame));
  child.stderr?.on('data', (text: Buffer) => logger.warn('helper-said', { text: text.toString().trim() }));
  return child;
};

export const createHelper = (options: HelperOptions): Helper => {
  const { clock, logger } = options;
  const pending = new Map<string, (reply: HelperReply) => void>();
  let child: ChildProcess | undefined;
  let stopping = false;
  let sequence = 0;
  let retryMs = FIRST_RETRY_MS;

  const onFrame = (data: Buffer): void => {
    const [kind, body] = cutField(data);
    if (kind === 'gone') {
      const [dir, exit] = cutField(body);
      return options.onGone(dir, exit.toString());
    }
    const [id, answer] = cutField(body);
    const settle = pending.get(id);
    pending.delete(id);
    retryMs = FIRST_RETRY_MS;
    settle?.(toReply(...cutField(answer)));
  };

  const onDeath = (): void => {
    child = undefined;
    const unanswered = [...pending.values()];
    pending.clear();
    for (const settle of unanswered) settle({ ok: false, reason: 'the helper died', lost: true });
    options.onHealth();
    if (stopping) return;
    logger.warn('helper-died', { retryMs });
    clock.after(retryMs, () => {
      if (stopping) return;
      launch();
      options.onRestart();
    });
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  };

  const launch = (): void => {
    child = spawnPerl({ logger, onFrame, onDeath });
    options.onHealth();
  };

  const ready = async (): Promise<void> => {
    const deadline = clock.monotonic() + PATIENCE_MS;
    while (!child?.stdin?.writable && !stopping && clock.monotonic() < deadline) {
      await clock.sleep(FIRST_RETRY_MS);
    }
  };

  const request = async (verb: string, ...fields: string[]): Promise<HelperReply> => {
    if (!child?.stdin?.writable) await ready();
    const stdin = child?.stdin;
    if (!stdin?.writable) return { ok: false, reason: 'the helper does not run', lost: false };
    const id = String(++sequence);
    return await new Promise((resolve) => {
      pending.set(id, resolve);
      stdin.write(frame([verb, id, ...fields].join('\0')));
    });
  };

  return {
    async start() {
      stopping = false;
      launch();
      const reply = await request('forget', '');
      if (reply.ok) return;
      stopping = true; // nobody will ask for another try
      throw new OutcryError('PERL_UNUSABLE', { reason: reply.reason });
    },
    async stop() {
      stopping = true;
      const running = child;
      if (!running) return;
      const closed = new Promise<void>((resolve) => running.once('close', () => resolve()));
      running.stdin?.end();
      await closed;
    },
    ready,
    request,
    pid: () => child?.pid,
    healthy: () => child?.stdin?.writable === true,
  };
};
