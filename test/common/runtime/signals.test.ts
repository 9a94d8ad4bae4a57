import { EventEmitter } from 'node:events';
import t from 'tap';
import { createCaptureLogger, silentLogger } from '../../../common/adapters/capture-logger.js';
import { createGroup } from '../../../common/runtime/group.js';
import type { Member } from '../../../common/runtime/group.js';
import { runUntilSignal } from '../../../common/runtime/signals.js';
import { eventually } from '../../support/eventually.js';

const recorded = (log: string[], name: string, extra: Partial<Member> = {}): Member => ({
  name,
  start: () => void log.push(`+${name}`),
  stop: () => void log.push(`-${name}`),
  ...extra,
});

t.test(
  'group - starts in order, stops in reverse, once; a failing stop does not keep the rest',
  async (t) => {
    const log: string[] = [];
    const logger = createCaptureLogger();
    const broken = recorded(log, 'b', { stop: () => Promise.reject(new Error('stuck')) });
    const group = createGroup([recorded(log, 'a'), broken, recorded(log, 'c')], logger);
    await group.start();
    await Promise.all([group.stop(), group.stop()]);
    t.same(log, ['+a', '+b', '+c', '-c', '-a']);
    t.equal(logger.named('member-failed-to-stop').length, 1);
  },
);

t.test('group - a member that fails to start undoes those before it', async (t) => {
  const log: string[] = [];
  const broken = recorded(log, 'b', { start: () => Promise.reject(new Error('port in use')) });
  const group = createGroup([recorded(log, 'a'), broken, recorded(log, 'c')], silentLogger);
  await t.rejects(group.start(), { message: 'port in use' });
  t.same(log, ['+a', '-a']);
});

t.test('run until signal - stops on the first signal, ends at once on the second', async (t) => {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const log: string[] = [];
    const signals = new EventEmitter();
    const exits: number[] = [];
    let release: (() => void) | undefined;
    const slow = recorded(log, 'a', { stop: () => new Promise<void>((resolve) => (release = resolve)) });
    const run = runUntilSignal(createGroup([slow], silentLogger), {
      logger: silentLogger,
      signals,
      exit: (status) => exits.push(status),
    });
    await eventually(() => log.includes('+a'));
    signals.emit(signal, signal);
    await eventually(() => release !== undefined);
    t.same(exits, []);
    signals.emit(signal, signal);
    t.same(exits, [status]);
    release?.();
    t.equal(await run, signal);
    t.equal(signals.listenerCount(signal), 0);
  }
});

t.test(
  'run until signal - where something else is to be done at SIGHUP, that is done, and the run goes on',
  async (t) => {
    const log: string[] = [];
    const signals = new EventEmitter();
    const group = createGroup(
      [recorded(log, 'a', { renew: () => void log.push('renewed') }), recorded(log, 'b')],
      silentLogger,
    );
    const run = runUntilSignal(group, { logger: silentLogger, signals, onHangup: group.renew });
    await eventually(() => log.includes('+b'));
    signals.emit('SIGHUP', 'SIGHUP');
    signals.emit('SIGHUP', 'SIGHUP');
    t.same(log, ['+a', '+b', 'renewed', 'renewed']);
    signals.emit('SIGTERM', 'SIGTERM');
    t.equal(await run, 'SIGTERM');
  },
);

t.test('run until signal - SIGUSR1 ends the run after the drain; SIGTERM does not wait for it', async (t) => {
  for (const cut of [false, true]) {
    const signals = new EventEmitter();
    let drains = 0;
    let drained = (): void => undefined;
    const onDrain = (): Promise<void> => {
      drains += 1;
      return new Promise((resolve) => (drained = resolve));
    };
    let ended: string | undefined;
    const group = createGroup([], silentLogger);
    const run = runUntilSignal(group, { logger: silentLogger, signals, onDrain }).then(
      (end) => (ended = end),
    );
    signals.emit('SIGUSR1', 'SIGUSR1');
    signals.emit('SIGUSR1', 'SIGUSR1');
    await new Promise(setImmediate);
    t.equal(ended, undefined, 'it drains');
    if (cut) signals.emit('SIGTERM', 'SIGTERM');
    else drained();
    t.equal(await run, cut ? 'SIGTERM' : 'SIGUSR1');
    t.equal(drains, 1);
  }
});

t.test('run until signal - nobody listens for SIGUSR1 where nothing is drained', async (t) => {
  const signals = new EventEmitter();
  const run = runUntilSignal(createGroup([], silentLogger), { logger: silentLogger, signals });
  t.equal(signals.listenerCount('SIGUSR1'), 0);
  signals.emit('SIGTERM', 'SIGTERM');
  await run;
});

t.test('run until signal - a signal while starting takes effect after the start', async (t) => {
  const log: string[] = [];
  const signals = new EventEmitter();
  let started = (): void => undefined;
  const slow = recorded(log, 'a', { start: () => new Promise<void>((resolve) => (started = resolve)) });
  const run = runUntilSignal(createGroup([slow, recorded(log, 'b')], silentLogger), {
    logger: silentLogger,
    signals,
  });
  signals.emit('SIGTERM', 'SIGTERM');
  started();
  t.equal(await run, 'SIGTERM');
  t.same(log, ['+b', '-b', '-a']);
});

t.test('run until signal - ends with what it waits for, and passes its failure on', async (t) => {
  const log: string[] = [];
  const options = { logger: silentLogger, signals: new EventEmitter() };
  const group = () => createGroup([recorded(log, 'a')], silentLogger);
  t.equal(await runUntilSignal(group(), { ...options, until: Promise.resolve() }), 'done');
  const failing = Promise.reject(new Error('lease lost'));
  await t.rejects(runUntilSignal(group(), { ...options, until: failing }), { message: 'lease lost' });
  t.same(log, ['+a', '-a', '+a', '-a']);
});
