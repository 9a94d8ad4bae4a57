import fc from 'fast-check';
import t from 'tap';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import type { LogBatch } from '../../common/model/logs.js';
import { LONGEST_LINE, createLineSplitter, createRateLimiter } from '../../cell-rep/core/log-lines.js';
import { createLogPublisher } from '../../cell-rep/logs/log-publisher.js';
import { desiredLrp } from '../support/lrps.js';
import { createWorld, startRep } from '../support/rep.js';

const text = (lines: Uint8Array[]): string[] => lines.map((line) => Buffer.from(line).toString());

t.test('lines - are cut at newlines, however the bytes arrive', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme' })),
      fc.array(fc.nat(9), { minLength: 1 }),
      (lines, sizes) => {
        const wanted = lines.map((line) => line.replace(/[\r\n]/g, '')).filter((line) => line !== '');
        const bytes = Buffer.from(lines.map((line) => line.replace(/[\r\n]/g, '')).join('\n'));
        const splitter = createLineSplitter();
        const got: string[] = [];
        for (let from = 0, at = 0; from < bytes.length; at += 1) {
          const size = (sizes[at % sizes.length] ?? 0) + 1;
          got.push(...text(splitter.push(bytes.subarray(from, from + size))));
          from += size;
        }
        got.push(...text(splitter.end()));
        return JSON.stringify(got) === JSON.stringify(wanted);
      },
    ),
  );
  t.same(
    text(createLineSplitter().push(Buffer.from('a\r\n\n\r\nb\n'))),
    ['a', 'b'],
    'no empty lines, no returns',
  );
});

t.test('lines - over 61,440 bytes are split, never inside a character, and nothing is lost', async (t) => {
  const line = 'é'.repeat(100_000);
  const splitter = createLineSplitter();
  const parts = splitter.push(Buffer.from(`x${line}\n`));
  t.ok(parts.every((part) => part.length <= LONGEST_LINE));
  t.equal(text(parts).join(''), `x${line}`);
  t.notOk(text(parts).some((part) => part.includes('\ufffd')));
});

t.test('lines - binary output passes in pieces', async (t) => {
  const bytes = Buffer.alloc(200_000, 0x80);
  const splitter = createLineSplitter();
  const parts = [...splitter.push(bytes), ...splitter.end()];
  t.equal(
    parts.reduce((sum, part) => sum + part.length, 0),
    200_000,
  );
});

t.test('rate limit - bytes per second, one notice per period, none and nothing as limits', async (t) => {
  const limit = createRateLimiter({ bytesPerSecond: 10, linesPerSecond: 0 });
  const notice = { tell: 'app instance exceeded log rate limit (10 bytes/sec)' };
  t.same(
    [limit(6, 0), limit(4, 1), limit(1, 2), limit(1, 3), limit(10, 1000), limit(1, 1001)],
    ['pass', 'pass', notice, 'drop', 'pass', notice],
  );
  t.equal(createRateLimiter({ bytesPerSecond: -1, linesPerSecond: 0 })(1e9, 0), 'pass');
  t.equal(createRateLimiter({ bytesPerSecond: 0, linesPerSecond: 0 })(1, 0), 'drop', 'and not a word of it');
});

t.test('rate limit - lines per second, the platform’s, besides', async (t) => {
  const limit = createRateLimiter({ bytesPerSecond: 10, linesPerSecond: 2 });
  const lines = { tell: 'app instance exceeded log rate limit (2 log-lines/sec) set by platform operator' };
  const bytes = { tell: 'app instance exceeded log rate limit (10 bytes/sec)' };
  t.same([limit(1, 0), limit(1, 1), limit(1, 2), limit(1, 3)], ['pass', 'pass', lines, 'drop']);
  t.same([limit(9, 1000), limit(9, 1001), limit(1, 1002), limit(1, 1003)], ['pass', bytes, 'pass', 'drop']);
});

t.test('rate limit - its notice is in the application’s log', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp({ logRateLimit: { bytesPerSecond: 10 } }));
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.starts.length === 1, 'started');
  rep.only().main().emit('12345678\nabcdefgh\nxyz\n');
  await rep.until(() => world.lines.some((line) => line.includes('exceeded')), 'notice');
  t.same(
    world.lines.filter((line) => line.startsWith('APP')),
    ['APP/PROC/WEB OUT 12345678', 'APP/PROC/WEB OUT app instance exceeded log rate limit (10 bytes/sec)'],
  );
  t.match(await rep.metrics.scrape(), /^AppInstanceExceededLogRateLimitCount\S* 1$/m);
  await rep.stop();
});

t.test('publisher - batches, in order, and keeps lines while the bus is away, within bounds', async (t) => {
  const clock = createFakeClock();
  const bus = createMemoryBus({ clock });
  const batches: LogBatch[] = [];
  bus.client().subscribe('log.guid.0', ({ payload }) => {
    batches.push(JSON.parse(Buffer.from(payload).toString()) as LogBatch);
  });
  const publisher = createLogPublisher({ cellId: 'cell-1', bus, clock, logger: silentLogger });
  const source = { logGuid: 'guid', index: 0, tags: { source_id: 'other' } };
  const line = (content: string | Uint8Array) =>
    publisher.append(source, { sourceType: 'A', stream: 'OUT', bytes: Buffer.from(content), timestamp: 5n });
  line('one');
  line('two');
  await clock.advance(100);
  t.equal(batches.length, 1);
  t.same(
    batches[0]?.lines.map(({ timestamp }) => timestamp),
    ['5', '6'],
    'no two lines share a time',
  );
  t.match(batches[0], { sourceId: 'other', instanceId: '0', tags: { source_id: 'other' } });
  t.same(
    batches[0]?.sender,
    { cellId: 'cell-1', sentAt: `${clock.now() - 75}000000` },
    'by whose clock, and when it was sent',
  );

  bus.disconnect();
  for (let at = 0; at < 20; at += 1) line(Buffer.alloc(60_000, 65 + at));
  await clock.advance(100);
  t.equal(batches.length, 1);
  bus.reconnect();
  await clock.advance(100);
  const kept = batches.slice(1).flatMap(({ lines }) => lines);
  t.ok(kept.length >= 2 && kept.length < 6, 'bounded');
  const notice = kept.shift();
  t.equal(
    Buffer.from(notice?.payload ?? '', 'base64').toString(),
    `${20 - kept.length} log lines are missing here: the message bus was away, or took them more slowly than they came`,
  );
  t.ok(BigInt(notice?.timestamp ?? 0) < BigInt(kept[0]?.timestamp ?? 0));
  t.equal(
    Buffer.from(kept.at(-1)?.payload ?? '', 'base64').toString()[0],
    String.fromCharCode(65 + 19),
    'the newest',
  );
});

t.test('publisher - a source closed while the bus is away is forgotten once its lines are out', async (t) => {
  const clock = createFakeClock();
  const bus = createMemoryBus({ clock });
  const batches: LogBatch[] = [];
  bus.client().subscribe('log.guid.0', ({ payload }) => {
    batches.push(JSON.parse(Buffer.from(payload).toString()) as LogBatch);
  });
  const publisher = createLogPublisher({ cellId: 'cell-1', bus, clock, logger: silentLogger });
  const line = (life: string, timestamp: bigint) => {
    const source = { logGuid: 'guid', index: 0, tags: { life } };
    publisher.append(source, { sourceType: 'A', stream: 'OUT', bytes: Buffer.from('x'), timestamp });
    return source;
  };
  bus.disconnect();
  publisher.close(line('first', 9n));
  bus.reconnect();
  await clock.advance(100);
  line('second', 5n);
  await clock.advance(100);
  t.match(batches, [
    { tags: { life: 'first' }, lines: [{ timestamp: '9' }] },
    { tags: { life: 'second' }, lines: [{ timestamp: '5' }] },
  ]);

  bus.disconnect();
  publisher.close(line('third', 6n));
  line('fourth', 7n);
  bus.reconnect();
  await clock.advance(100);
  line('fourth', 3n);
  await clock.advance(100);
  t.match(batches.at(-1), { lines: [{ timestamp: '8' }] }, 'used anew, it is not forgotten');
});
