import { spawnSync } from 'node:child_process';
import t from 'tap';
import { createCaptureLogger, silentLogger } from '../../../common/adapters/capture-logger.js';
import { createPinoLogger } from '../../../common/adapters/pino-logger.js';
import { createSeededRandom } from '../../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../../common/adapters/system-random.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

t.test('system clock - after, every and sleep run, and cancelled ones do not', async (t) => {
  const clock = createSystemClock();
  const before = clock.monotonic();
  let cancelled = false;
  clock.after(1, () => (cancelled = true))();
  let runs = 0;
  let overlapped = false;
  let running = false;
  const stop = clock.every(1, async () => {
    overlapped ||= running;
    running = true;
    runs += 1;
    await clock.sleep(3);
    running = false;
  });
  while (runs < 3) await clock.sleep(1);
  stop();
  t.notOk(cancelled);
  t.notOk(overlapped);
  t.ok(clock.monotonic() > before);
});

t.test('system clock - a repeated task that fails is logged, and repeated', async (t) => {
  const logger = createCaptureLogger();
  const clock = createSystemClock({ logger });
  let runs = 0;
  const stop = clock.every(1, () => {
    runs += 1;
    if (runs === 1) throw new Error('thrown');
    return Promise.reject(new Error('rejected'));
  });
  while (logger.named('repeated-task-failed').length < 2) await clock.sleep(1);
  stop();
  t.match(logger.named('repeated-task-failed')[0]?.fields, { error: { message: 'thrown' } });
  t.match(logger.named('repeated-task-failed')[1]?.fields, { error: { message: 'rejected' } });
});

t.test('system clock - a delay longer than Node takes does not fire at once', async (t) => {
  const clock = createSystemClock();
  let fired = false;
  const cancel = clock.after(2 ** 40, () => (fired = true));
  await clock.sleep(5);
  t.notOk(fired);
  cancel();
});

t.test('system clock - after and every alone do not keep a process alive, sleep does', (t) => {
  const module = new URL('../../../common/adapters/system-clock.js', import.meta.url).href;
  const script = (work: string): string =>
    `import { createSystemClock } from ${JSON.stringify(module)};
     const clock = createSystemClock();
     process.on('exit', () => process.stdout.write('end'));
     ${work}`;
  const run = (work: string): string =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script(work)], {
      timeout: 20_000,
    }).stdout.toString();
  t.equal(run(`clock.after(60_000, () => {}); clock.every(60_000, () => {});`), 'end');
  t.equal(run(`await clock.sleep(10); process.stdout.write('slept ');`), 'slept end');
  t.end();
});

t.test('random - uuids and secrets have their form; a seed gives the same again', (t) => {
  for (const random of [createSystemRandom(), createSeededRandom(7)]) {
    t.match(random.uuid(), UUID);
    t.match(random.secret(16), /^[0-9a-f]{32}$/);
    const fraction = random.fraction();
    t.ok(fraction >= 0 && fraction < 1);
  }
  const draw = (seed: number): unknown[] => {
    const random = createSeededRandom(seed);
    return [random.uuid(), random.fraction(), random.secret(8), random.uuid()];
  };
  t.same(draw(42), draw(42));
  t.notSame(draw(42), draw(43));
  t.end();
});

t.test('seeded random - fractions spread evenly', (t) => {
  const random = createSeededRandom(1);
  const buckets = Array.from({ length: 10 }, () => 0);
  for (let n = 0; n < 10_000; n += 1) {
    const at = Math.floor(random.fraction() * 10);
    buckets[at] = (buckets[at] ?? 0) + 1;
  }
  t.ok(
    buckets.every((count) => count > 850 && count < 1150),
    buckets.join(' '),
  );
  t.end();
});

t.test('pino logger - writes events with session names, fields under data, errors in full', (t) => {
  const lines: Record<string, unknown>[] = [];
  const logger = createPinoLogger({
    level: 'info',
    destination: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const cause = Object.assign(new Error('inner'), { code: 'E_INNER' });
  logger
    .session('auction', { batch: 1 })
    .session('fetch')
    .error('failed', { event: 'not-the-event', error: new Error('outer', { cause }) });
  logger.debug('unseen');
  t.equal(lines.length, 1);
  t.match(lines[0], {
    level: 'error',
    time: /^\d{4}-\d\d-\d\dT/,
    event: 'auction.fetch.failed',
    data: {
      batch: 1,
      event: 'not-the-event',
      error: {
        type: 'Error',
        message: 'outer',
        stack: /outer/,
        cause: { message: 'inner', code: 'E_INNER' },
      },
    },
  });
  t.end();
});

t.test('capture logger - sessions share one list', (t) => {
  const logger = createCaptureLogger();
  logger.info('started');
  logger.session('rep', { cellId: 'a' }).session('run').warn('slow', { ms: 5 });
  t.same(logger.events, [
    { level: 'info', event: 'started', fields: {} },
    { level: 'warn', event: 'rep.run.slow', fields: { cellId: 'a', ms: 5 } },
  ]);
  t.equal(logger.named('rep.run.slow').length, 1);
  silentLogger.session('x').error('nothing');
  t.end();
});
