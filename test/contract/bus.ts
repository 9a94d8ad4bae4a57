import type t from 'tap';
import type { CaptureLogger } from '../../common/adapters/capture-logger.js';
import { MAX_PAYLOAD_BYTES } from '../../common/ports/bus.js';
import type { Bus, BusRequest, RequestResult } from '../../common/ports/bus.js';
import { eventually } from '../support/eventually.js';

/** What an adapter provides so that the suite can exercise it. Its users may do everything below `test.`. */
export interface BusHarness {
  /** what all connections log to */
  readonly logger: CaptureLogger;
  /** a new connection to the same bus, connected */
  connect(): Promise<Bus>;
  /** cuts all connections until `mend` */
  cut(): Promise<void>;
  /** resolves when connections may come back */
  mend(): Promise<void>;
  close(): Promise<void>;
}

type Tap = Pick<typeof t, 'test'>;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);

/** Collects what arrives, as `subject text`, in order. */
const collect = async (bus: Bus, pattern: string, queue?: string): Promise<string[]> => {
  const seen: string[] = [];
  bus.subscribe(
    pattern,
    (message) => seen.push(`${message.subject} ${text(message.payload)}`),
    queue === undefined ? {} : { queue },
  );
  await bus.flush();
  return seen;
};

/** Resolves when `bus` has been given everything that `sender` published before. */
const caughtUp = async (sender: Bus, bus: Bus, marker: string): Promise<void> => {
  let reached = false;
  const cancel = bus.subscribe(`test.marker.${marker}`, () => (reached = true));
  await bus.flush();
  sender.publish(`test.marker.${marker}`, bytes(''));
  await eventually(() => reached, { what: 'marker arrives' });
  cancel();
};

const deliveryTests = (tap: Tap, harness: () => BusHarness): void => {
  tap.test('delivery - in order, to every subscriber, and never within publish', async (t) => {
    const [a, b] = [await harness().connect(), await harness().connect()];
    const [one, two] = [await collect(a, 'test.order'), await collect(b, 'test.order')];
    for (let n = 0; n < 200; n += 1) t.ok(a.publish('test.order', bytes(String(n))));
    t.equal(one.length, 0, 'nothing yet');
    await eventually(() => one.length === 200 && two.length === 200);
    const expected = Array.from({ length: 200 }, (_, n) => `test.order ${n}`);
    t.same(one, expected);
    t.same(two, expected);
  });

  tap.test('delivery - what nobody subscribes to is dropped', async (t) => {
    const bus = await harness().connect();
    t.ok(bus.publish('test.early', bytes('lost')));
    await bus.flush();
    const seen = await collect(bus, 'test.early');
    bus.publish('test.early', bytes('kept'));
    await eventually(() => seen.length > 0);
    t.same(seen, ['test.early kept']);
  });

  tap.test('delivery - the sender may use its buffer again, a receiver may write into its own', async (t) => {
    const bus = await harness().connect();
    const seen: string[] = [];
    for (const _ of [1, 2]) {
      bus.subscribe('test.copy', ({ payload }) => {
        seen.push(text(payload));
        payload.fill(0);
      });
    }
    await bus.flush();
    const buffer = Buffer.from('abc');
    bus.publish('test.copy', buffer);
    // a client may send in a microtask; the port gives the buffer back when flushed
    await bus.flush();
    buffer.fill(0);
    await eventually(() => seen.length === 2);
    t.same(seen, ['abc', 'abc']);
  });

  tap.test('delivery - a cancelled subscription gets nothing more', async (t) => {
    const bus = await harness().connect();
    let count = 0;
    const cancel = bus.subscribe('test.cancel', () => (count += 1));
    bus.publish('test.cancel', bytes(''));
    await caughtUp(bus, bus, 'cancel-1');
    cancel();
    cancel();
    bus.publish('test.cancel', bytes(''));
    await caughtUp(bus, bus, 'cancel-2');
    t.equal(count, 1);
  });

  tap.test('delivery - a handler that throws is logged and disturbs nobody', async (t) => {
    const bus = await harness().connect();
    bus.subscribe('test.throw', () => {
      throw new Error('handler broke');
    });
    const seen = await collect(bus, 'test.throw');
    bus.publish('test.throw', bytes('1'));
    bus.publish('test.throw', bytes('2'));
    await eventually(() => seen.length === 2);
    const logged = harness().logger.events.filter(({ event }) => event.endsWith('bus-handler-failed'));
    t.equal(logged.length, 2);
    t.match(logged[0]?.fields, { subject: 'test.throw', error: { message: 'handler broke' } });
  });

  tap.test('delivery - payloads up to 1 MiB pass, larger ones are refused', async (t) => {
    const bus = await harness().connect();
    const sizes: number[] = [];
    bus.subscribe('test.size', (message) => sizes.push(message.payload.byteLength));
    await bus.flush();
    t.ok(bus.publish('test.size', new Uint8Array(MAX_PAYLOAD_BYTES)));
    t.notOk(bus.publish('test.size', new Uint8Array(MAX_PAYLOAD_BYTES + 1)));
    t.same(await bus.request('test.size', new Uint8Array(MAX_PAYLOAD_BYTES + 1), { timeoutMs: 5_000 }), {
      ok: false,
      error: 'too-large',
    });
    await caughtUp(bus, bus, 'size');
    t.same(sizes, [MAX_PAYLOAD_BYTES]);
    t.ok(bus.connected(), 'refused before the server would cut the connection');
  });
};

const patternTests = (tap: Tap, harness: () => BusHarness): void => {
  tap.test('patterns - * stands for one token, > for one or more', async (t) => {
    const bus = await harness().connect();
    const star = await collect(bus, 'test.*.state');
    const rest = await collect(bus, 'test.p.>');
    for (const subject of ['test.p', 'test.p.state', 'test.p.q.state', 'test.q.state', 'test.p.q.r']) {
      bus.publish(subject, bytes(''));
    }
    await caughtUp(bus, bus, 'patterns');
    t.same(star, ['test.p.state ', 'test.q.state ']);
    t.same(rest, ['test.p.state ', 'test.p.q.state ', 'test.p.q.r ']);
  });

  tap.test('patterns - what is no subject is refused', async (t) => {
    const bus = await harness().connect();
    for (const subject of ['', 'test..x', 'test.x.', 'test.a b', 'test.*', 'test.>']) {
      t.notOk(bus.publish(subject, bytes('')), `publish to "${subject}"`);
    }
    for (const pattern of ['', 'test..x', 'test.>.x', 'test. x']) {
      t.throws(() => bus.subscribe(pattern, () => undefined), TypeError, `subscribe to "${pattern}"`);
    }
    t.ok(bus.connected());
  });

  tap.test('queue groups - each message goes to one member, besides the plain subscribers', async (t) => {
    const [a, b] = [await harness().connect(), await harness().connect()];
    const members = [await collect(a, 'test.queue', 'workers'), await collect(b, 'test.queue', 'workers')];
    const other = await collect(b, 'test.queue', 'others');
    const plain = await collect(a, 'test.queue');
    for (let n = 0; n < 100; n += 1) a.publish('test.queue', bytes(String(n)));
    await caughtUp(a, a, 'queue-a');
    await caughtUp(a, b, 'queue-b');
    t.equal(plain.length, 100);
    t.equal(other.length, 100);
    const shared = members.flat();
    t.equal(shared.length, 100);
    t.equal(new Set(shared).size, 100);
    t.ok(
      members.every((seen) => seen.length > 0),
      'both take part',
    );
  });
};

const requestTests = (tap: Tap, harness: () => BusHarness): void => {
  tap.test('request - is answered; the receiver sees that an answer is wanted', async (t) => {
    const [a, b] = [await harness().connect(), await harness().connect()];
    const wanted: boolean[] = [];
    const responded: boolean[] = [];
    b.subscribe('test.echo', (message) => {
      wanted.push(message.expectsReply);
      responded.push(message.respond(bytes(`you said ${text(message.payload)}`)));
    });
    await b.flush();
    const result = await a.request('test.echo', bytes('hi'), { timeoutMs: 5_000 });
    t.equal(result.ok && text(result.payload), 'you said hi');
    a.publish('test.echo', bytes('no answer wanted'));
    await eventually(() => wanted.length === 2);
    t.same(wanted, [true, false]);
    t.same(responded, [true, false]);
  });

  tap.test('request - an empty answer is an answer', async (t) => {
    const bus = await harness().connect();
    bus.subscribe('test.empty', (message) => message.respond(new Uint8Array(0)));
    await bus.flush();
    const result = await bus.request('test.empty', bytes(''), { timeoutMs: 5_000 });
    t.equal(result.ok && result.payload.byteLength, 0);
  });

  tap.test('request - many at a time get each its own answer', async (t) => {
    const [a, b] = [await harness().connect(), await harness().connect()];
    b.subscribe('test.many', (message) => message.respond(message.payload));
    await b.flush();
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, n) => a.request('test.many', bytes(String(n)), { timeoutMs: 10_000 })),
    );
    t.same(
      results.map((result) => result.ok && text(result.payload)),
      results.map((_, n) => String(n)),
    );
  });

  tap.test('request - without a subscriber fails at once, without an answer at the deadline', async (t) => {
    const bus = await harness().connect();
    t.same(await bus.request('test.nobody', bytes(''), { timeoutMs: 600_000 }), {
      ok: false,
      error: 'no-responders',
    });
    bus.subscribe('test.mute', () => undefined);
    await bus.flush();
    t.same(await bus.request('test.mute', bytes(''), { timeoutMs: 50 }), { ok: false, error: 'timeout' });
  });

  tap.test('many requests - an outcome for each, in their order', async (t) => {
    const [asker, answerer] = [await harness().connect(), await harness().connect()];
    answerer.subscribe('test.each.*', ({ subject, respond }) => {
      if (!subject.endsWith('mute')) respond(bytes(subject.slice('test.each.'.length)));
    });
    await answerer.flush();
    const subjects = ['a', 'mute', 'b', 'c'].map((name) => `test.each.${name}`);
    const requests = [...subjects, 'test.nobody', 'test..wrong'].map((subject) => ({
      subject,
      payload: bytes(''),
    }));
    const large = { subject: 'test.each.d', payload: new Uint8Array(MAX_PAYLOAD_BYTES + 1) };
    const all = async (asked: BusRequest[], timeoutMs: number): Promise<string[]> => {
      const told: string[] = [];
      const onResult = (at: number, result: RequestResult): void => {
        t.notOk(at in told, 'once');
        told[at] = result.ok ? text(result.payload) : result.error;
      };
      await asker.requestAll(asked, { timeoutMs, onResult });
      return told;
    };
    t.same(await all([...requests, large], 300), [
      'a',
      'timeout',
      'b',
      'c',
      'no-responders',
      'denied',
      'too-large',
    ]);
    t.same(await all([], 600_000), []);
    const many = Array.from({ length: 2_000 }, (_, at) => ({
      subject: `test.each.${at}`,
      payload: bytes(''),
    }));
    t.same(
      await all(many, 60_000),
      many.map((_, at) => String(at)),
    );
  });

  tap.test('gather - collects until the last one, whichever that is, or until the deadline', async (t) => {
    const asker = await harness().connect();
    for (const name of ['a', 'b', 'c']) {
      const bus = await harness().connect();
      bus.subscribe('test.gather', (message) => message.respond(bytes(name)));
      await bus.flush();
    }
    const taken: string[] = [];
    const untilB = await asker.gather('test.gather', bytes(''), {
      timeoutMs: 600_000,
      onAnswer: (answer) => taken.push(text(answer)) > 0 && text(answer) === 'b',
    });
    t.same(untilB, [], 'what is taken is not kept');
    t.equal(taken.at(-1), 'b', 'whoever takes says which is the last');
    const late = await asker.gather('test.gather', bytes(''), { timeoutMs: 300 });
    t.same(late.map(text).sort(), ['a', 'b', 'c']);
    t.same(await asker.gather('test.nobody', bytes(''), { timeoutMs: 600_000 }), [], 'nobody: at once');
    const tooLarge = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
    t.same(await asker.gather('test.gather', tooLarge, { timeoutMs: 600_000 }), [], 'refused: at once');
  });
};

const connectionTests = (tap: Tap, harness: () => BusHarness): void => {
  tap.test(
    'connection - cut: nothing is sent or kept; mended: subscriptions are in force again',
    async (t) => {
      const [a, b] = [await harness().connect(), await harness().connect()];
      const states: boolean[] = [];
      a.onConnection((up) => states.push(up));
      const forgotten: boolean[] = [];
      a.onConnection((up) => forgotten.push(up))();
      const seen = await collect(b, 'test.cut');
      const grouped = await collect(b, 'test.cut', 'group');
      b.subscribe('test.cut.mute', () => undefined);
      await b.flush();
      const pending = a.request('test.cut.mute', bytes(''), { timeoutMs: 600_000 });
      const gathering = a.gather('test.cut.mute', bytes(''), { timeoutMs: 600_000 });
      const each: RequestResult[] = [];
      const asking = a.requestAll([{ subject: 'test.cut.mute', payload: bytes('') }], {
        timeoutMs: 600_000,
        onResult: (_at, result) => void each.push(result),
      });
      await a.flush();

      await harness().cut();
      await eventually(() => !a.connected() && !b.connected());
      t.same(await pending, { ok: false, error: 'disconnected' });
      t.same(await gathering, []);
      await asking;
      t.same(each, [{ ok: false, error: 'disconnected' }]);
      t.equal(a.publish('test.cut', bytes('meanwhile')), false);
      t.same(await a.request('test.cut', bytes(''), { timeoutMs: 600_000 }), {
        ok: false,
        error: 'disconnected',
      });
      t.same(await a.gather('test.cut', bytes(''), { timeoutMs: 600_000 }), []);
      await a.flush();
      const added: string[] = [];
      b.subscribe('test.cut', (message) => added.push(text(message.payload)));

      await harness().mend();
      await eventually(() => a.connected() && b.connected(), { timeoutMs: 20_000 });
      t.ok(a.publish('test.cut', bytes('again')));
      await eventually(() => seen.length > 0 && grouped.length > 0 && added.length > 0);
      t.same(seen, ['test.cut again'], 'nothing was kept for later');
      t.same(grouped, ['test.cut again']);
      t.same(added, ['again'], 'subscribed to while cut');
      t.same(states, [false, true]);
      t.same(forgotten, []);
    },
  );

  tap.test('connection - closed: what was published before still arrives, nothing after', async (t) => {
    const [a, b] = [await harness().connect(), await harness().connect()];
    const seen = await collect(b, 'test.close');
    a.publish('test.close', bytes('before'));
    await a.close();
    t.notOk(a.connected());
    t.notOk(a.publish('test.close', bytes('after')));
    t.same(await a.request('test.close', bytes(''), { timeoutMs: 5_000 }), {
      ok: false,
      error: 'disconnected',
    });
    await eventually(() => seen.length > 0);
    t.same(seen, ['test.close before']);
  });
};

/** What every adapter of the Bus port does. */
export const busContract = (tap: Tap, name: string, create: () => Promise<BusHarness>): void => {
  tap.test(`bus contract - ${name}`, async (t) => {
    const harness = await create();
    t.teardown(() => harness.close());
    for (const tests of [deliveryTests, patternTests, requestTests, connectionTests]) tests(t, () => harness);
  });
};
