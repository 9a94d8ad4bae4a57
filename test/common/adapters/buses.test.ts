import t from 'tap';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { createMemoryBus } from '../../../common/adapters/memory-bus.js';
import { reconnectDelayMs } from '../../../common/adapters/nats-link.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

t.test('memory bus - cutting one client leaves the others connected', async (t) => {
  const bus = createMemoryBus();
  const cell = bus.client();
  const heard: string[] = [];
  cell.subscribe('x', () => heard.push('cell'));
  bus.subscribe('x', () => heard.push('main'));
  cell.disconnect();
  t.ok(bus.connected());
  t.notOk(cell.connected());
  t.ok(bus.publish('x', bytes('')));
  await bus.flush();
  t.same(heard, ['main']);
  t.same(await bus.request('only.cell', bytes(''), { timeoutMs: 1_000 }), {
    ok: false,
    error: 'no-responders',
  });
  cell.reconnect();
  bus.publish('x', bytes(''));
  await bus.flush();
  t.same(heard.sort(), ['cell', 'main', 'main']);
});

t.test('memory bus - what is under way to a client that is cut is lost', async (t) => {
  const bus = createMemoryBus();
  const cell = bus.client();
  let heard = 0;
  cell.subscribe('x', () => (heard += 1));
  bus.publish('x', bytes(''));
  cell.disconnect();
  cell.reconnect();
  await bus.flush();
  t.equal(heard, 0);
});

t.test('memory bus - deadlines run on the clock that is handed in', async (t) => {
  const clock = createFakeClock();
  const bus = createMemoryBus({ clock });
  bus.subscribe('mute', () => undefined);
  const outcomes: unknown[] = [];
  void bus.request('mute', bytes(''), { timeoutMs: 100 }).then((outcome) => outcomes.push(outcome));
  void bus.gather('mute', bytes(''), { timeoutMs: 200 }).then((outcome) => outcomes.push(outcome));
  await clock.advance(99);
  t.same(outcomes, []);
  await clock.advance(1);
  t.same(outcomes, [{ ok: false, error: 'timeout' }]);
  await clock.advance(100);
  t.same(outcomes[1], []);
  t.equal(clock.pending(), 0, 'nothing is left behind');
});

t.test('memory bus - handlers that publish to each other leave turns to everybody else', async (t) => {
  const bus = createMemoryBus();
  let stop = false;
  bus.subscribe('ping', () => !stop && bus.publish('pong', bytes('')));
  bus.subscribe('pong', () => !stop && bus.publish('ping', bytes('')));
  bus.publish('ping', bytes(''));
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  stop = true;
  t.pass('turns came round');
});

t.test('nats link - the delay doubles up to five seconds, half of it random', async (t) => {
  t.same(
    [0, 1, 2, 5, 6, 60].map((failures) => reconnectDelayMs(failures, 1)),
    [100, 200, 400, 3_200, 5_000, 5_000],
  );
  t.equal(reconnectDelayMs(60, 0), 2_500);
});
