import t from 'tap';
import { createCaptureLogger, silentLogger } from '../../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import type { FakeClock } from '../../../common/adapters/fake-clock.js';
import { createSeededRandom } from '../../../common/adapters/seeded-random.js';
import type { LeaseReply } from '../../../common/model/auction.js';
import type { BbsResult } from '../../../common/model/bbs-error.js';
import { err, ok } from '../../../common/model/result.js';
import { holdLease } from '../../../common/runtime/lease-client.js';
import type { LeasePort } from '../../../common/runtime/lease-client.js';

/** A grantor whose link can be slow or down. Its own clock starts when a request reaches it. */
const createGrantor = (clock: FakeClock) => {
  const calls: string[] = [];
  const grantor = {
    calls,
    holder: '',
    epoch: 0,
    until: 0,
    down: false,
    askMs: 0,
    answerMs: 0,
    /** how it fails while down; the next one each time */
    failures: ['down'],
    values: [] as string[],
  };

  const grant = (owner: string, ttlMs: number): LeaseReply => {
    if (clock.monotonic() >= grantor.until) grantor.holder = '';
    if (grantor.holder === '') {
      grantor.holder = owner;
      grantor.epoch += 1;
    }
    if (grantor.holder === owner) grantor.until = clock.monotonic() + ttlMs;
    return { held: grantor.holder === owner, epoch: grantor.epoch, holder: grantor.holder };
  };

  const travel = async <T>(call: string, work: () => T): Promise<BbsResult<T>> => {
    calls.push(call);
    if (grantor.askMs > 0) await clock.sleep(grantor.askMs);
    if (grantor.down) {
      const message = grantor.failures[calls.length % grantor.failures.length] ?? '';
      return err({ type: 'UnknownError', message, unavailable: true });
    }
    const answer = work();
    if (grantor.answerMs > 0) await clock.sleep(grantor.answerMs);
    return ok(answer);
  };

  const port: LeasePort = {
    acquire(request) {
      grantor.values.push(request.value);
      return travel('acquire', () => grant(request.owner, request.ttlMs));
    },
    renew(request) {
      grantor.values.push(request.value);
      return travel(`renew ${request.epoch}`, () => grant(request.owner, request.ttlMs));
    },
    release: (_, owner) =>
      travel('release', () => {
        if (grantor.holder === owner) grantor.until = 0;
      }),
  };
  return Object.assign(grantor, { port });
};

const setUp = () => {
  const clock = createFakeClock();
  const grantor = createGrantor(clock);
  const told: string[] = [];
  let counter = 0;
  const holder = (owner: string) =>
    holdLease({
      leases: grantor.port,
      name: 'lock',
      owner,
      ttlMs: 15_000,
      value: () => `value-${(counter += 1)}`,
      clock,
      logger: silentLogger,
      onGained: (epoch) => told.push(`${clock.monotonic()} ${owner} gained ${epoch}`),
      onLost: (reason) => told.push(`${clock.monotonic()} ${owner} lost: ${reason}`),
    });
  return { clock, grantor, told, holder };
};

t.test(
  'lease - is taken at start, renewed every third of the TTL with a fresh value, released at stop',
  async (t) => {
    const { clock, grantor, told, holder } = setUp();
    const lease = holder('a');
    t.notOk(lease.held());
    await lease.start();
    await clock.advance(0);
    t.ok(lease.held());
    t.equal(lease.epoch(), 1);
    await clock.advance(30_000);
    t.same(grantor.calls, ['acquire', ...Array.from({ length: 6 }, () => 'renew 1')]);
    t.same(grantor.values.slice(0, 2), ['value-1', 'value-2']);
    lease.renewNow();
    t.equal(grantor.calls.length, 8);
    const stopped = lease.stop();
    t.notOk(lease.held(), 'from the moment of stopping');
    await clock.advance(0);
    await stopped;
    await lease.stop();
    t.equal(grantor.calls.at(-1), 'release');
    await clock.advance(60_000);
    t.equal(grantor.calls.length, 9, 'nothing more is sent');
    t.same(told, ['0 a gained 1']);
    t.equal(clock.pending(), 0);
  },
);

t.test('lease - is lost exactly when its time is past, and acquired again later', async (t) => {
  const { clock, grantor, told, holder } = setUp();
  const lease = holder('a');
  await lease.start();
  await clock.advance(11_000);
  grantor.down = true;
  await clock.advance(13_999);
  t.ok(lease.held(), 'renewed at 10,000, so until 25,000');
  await clock.advance(1);
  t.notOk(lease.held());
  t.equal(lease.epoch(), 0);
  grantor.down = false;
  await clock.advance(5_000);
  t.ok(lease.held());
  t.same(told, ['0 a gained 1', '25000 a lost: expired', '25500 a gained 2']);
});

t.test('lease - time counts from before the renewal was sent, not from its answer', async (t) => {
  const { clock, grantor, told, holder } = setUp();
  const lease = holder('a');
  grantor.askMs = 2_000;
  grantor.answerMs = 2_000;
  await lease.start();
  await clock.advance(4_000);
  t.same(told, ['4000 a gained 1']);
  grantor.down = true;
  await clock.advance(60_000);
  t.equal(told[1], '15000 a lost: expired', 'sent at 0');
});

t.test('lease - an answer that comes after its own time is past gains nothing', async (t) => {
  const { clock, grantor, told, holder } = setUp();
  const lease = holder('a');
  grantor.answerMs = 20_000;
  await lease.start();
  await clock.advance(60_000);
  t.same(told, []);
  t.notOk(lease.held());
});

t.test('lease - requests that are never answered do not pile up, and do not hold up the stop', async (t) => {
  const { clock, grantor, holder } = setUp();
  const lease = holder('a');
  grantor.askMs = 1e9;
  await lease.start();
  await clock.advance(60_000);
  t.equal(grantor.calls.length, 3);
  let stopped = false;
  void Promise.resolve(lease.stop()).then(() => (stopped = true));
  await clock.advance(2_000);
  t.ok(stopped);
});

t.test('lease - held() is false past the time even before any timer ran', async (t) => {
  const { clock, grantor } = setUp();
  let ahead = 0;
  const lease = holdLease({
    leases: grantor.port,
    name: 'lock',
    owner: 'a',
    ttlMs: 15_000,
    value: () => '',
    clock: { ...clock, monotonic: () => clock.monotonic() + ahead },
    logger: silentLogger,
  });
  await lease.start();
  await clock.advance(0);
  t.ok(lease.held());
  ahead = 15_000;
  t.notOk(lease.held());
  t.equal(lease.epoch(), 0);
});

t.test('lease - one holder at a time: the other takes it after a release or an end', async (t) => {
  const { clock, told, holder } = setUp();
  const [first, second] = [holder('a'), holder('b')];
  await first.start();
  await second.start();
  await clock.advance(20_000);
  t.same([first.held(), second.held()], [true, false]);
  const stopped = first.stop();
  await clock.advance(5_000);
  await stopped;
  t.same([first.held(), second.held()], [false, true]);
  t.same(told, ['0 a gained 1', '25000 b gained 2']);
});

t.test('lease - the grantor naming another holder ends it at once', async (t) => {
  const { clock, grantor, told, holder } = setUp();
  const lease = holder('a');
  await lease.start();
  await clock.advance(1_000);
  grantor.holder = 'b';
  grantor.until = 1_000_000;
  grantor.epoch = 2;
  await clock.advance(4_000);
  t.same(told, ['0 a gained 1', '5000 a lost: held by b']);
});

t.test('lease - never two holders, however slow the way to the grantor', async (t) => {
  const { clock, grantor, holder } = setUp();
  const [first, second] = [holder('a'), holder('b')];
  await first.start();
  await clock.advance(1_700);
  await second.start();
  const seen = { first: 0, second: 0, both: 0 };
  const random = createSeededRandom(11);
  for (let step = 0; step < 1_500; step += 1) {
    grantor.askMs = random.fraction() * 5_000;
    grantor.answerMs = random.fraction() * 5_000;
    // down for 20 s in every 50, longer than a TTL
    grantor.down = step % 100 >= 60;
    await clock.advance(500);
    if (first.held()) seen.first += 1;
    if (second.held()) seen.second += 1;
    if (first.held() && second.held()) seen.both += 1;
  }
  t.equal(seen.both, 0);
  t.ok(seen.first > 0 && seen.second > 0, 'each had its turn');
});

t.test('lease - a port that throws is survived', async (t) => {
  const { clock, grantor, told, holder } = setUp();
  const lease = holder('a');
  const acquire = grantor.port.acquire;
  grantor.port.acquire = () => Promise.reject(new Error('defect'));
  await lease.start();
  await clock.advance(6_000);
  grantor.port.acquire = acquire;
  await clock.advance(5_000);
  t.same(told, ['10000 a gained 1']);
});

t.test('lease - a grantor that is away is told once per cause, until it has answered again', async (t) => {
  const { clock, grantor } = setUp();
  const logger = createCaptureLogger();
  const { port: leases } = grantor;
  const rest = { leases, name: 'lock', owner: 'a', ttlMs: 15_000, value: () => '', clock };
  const lease = holdLease({ ...rest, logger });
  const reasons = () => logger.named('lease-request-failed').map(({ fields }) => fields['reason']);
  grantor.down = true;
  grantor.failures = ['no route', 'refused'];
  await lease.start();
  await clock.advance(20_000);
  t.ok(grantor.calls.length > 30, 'it is asked again soon');
  t.same(reasons().sort(), ['no route', 'refused']);
  grantor.down = false;
  await clock.advance(1_000);
  t.ok(lease.held());
  grantor.down = true;
  await clock.advance(30_000);
  t.equal(reasons().length, 4);
  await lease.stop();
});
