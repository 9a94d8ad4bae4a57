import t from 'tap';
import { startBbs } from '../support/http-bbs.js';
import { openHttpTarget } from '../support/http-target.js';
import { asRecorded, createReaddressed } from '../support/golden-callback.js';
import { eventually } from '../support/eventually.js';
import { openStream } from '../support/event-stream.js';
import type { StreamClient } from '../support/event-stream.js';
import {
  bringCells,
  bytesOf,
  createComparison,
  createPlayer,
  isCall,
  isStream,
  QUIET,
  readExchanges,
} from '../support/golden-bbs.js';
import type { Exchange } from '../support/golden-bbs.js';
import { streamDifferences } from '../support/golden-streams.js';
import type { StreamDifference } from '../support/golden-streams.js';

/** Where events of ours are others on purpose. */
const EXCEPTIONS: { reason: string; is(difference: StreamDifference): boolean }[] = [
  {
    reason: 'an event carries the trace of the request that caused it; Diego loses it where reps ask',
    is: ({ event, difference }) =>
      event.startsWith('actual_lrp_instance_') && /^\.traceId: "" → "[\da-f-]{36}"$/.test(difference),
  },
  {
    reason: 'a desired LRP is told as it is stored: its metrics guid is that of its tag source_id',
    is: ({ event, difference }) =>
      event.startsWith('desired_lrp_') && /\.metricsGuid: "" → "app-\w+"$/.test(difference),
  },
  {
    reason: 'an instance that is retired runs until its cell has stopped it, and is removed then, not twice',
    is: ({ event, slot, difference }) =>
      /^actual_lrp_(instance_)?removed$/.test(event) && slot === 'app-one/0' && difference === 'did not come',
  },
];

const replay = async (socketPath: string, play: (exchange: Exchange) => Promise<unknown>, client: Client) => {
  const streams = new Map<Exchange, StreamClient>();
  for (const exchange of readExchanges()) {
    if (isStream(exchange)) {
      const { method, path, request } = exchange;
      const body = bytesOf(request.body);
      const stream = openStream(socketPath, path, { method: method as 'GET' | 'POST', body });
      streams.set(exchange, stream);
      await eventually(() => stream.head() !== '');
    } else if (isCall(exchange)) await play(exchange);
    else if (exchange.link === 'bbs->callback')
      await eventually(async () => !(await client.task('task-one')).ok);
  }
  return streams;
};

type Client = Awaited<ReturnType<typeof startBbs>>['client'];

t.test('golden - every recorded stream has the recorded events, in order', async (t) => {
  const target = await openHttpTarget();
  t.teardown(target.close);
  const bbs = await startBbs(t, { config: { ...QUIET, task_callback_hosts: [target.host] } });
  const player = createPlayer(bbs.socketPath);
  t.teardown(player.close);
  await bringCells(readExchanges(), bbs.client);
  const streams = await replay(bbs.socketPath, createReaddressed(player, target.host), bbs.client);
  await bbs.stop();
  t.equal(streams.size, 7);
  const comparison = createComparison();
  const met = new Map<string, number>();
  for (const [{ seq, path, response }, stream] of streams) {
    await eventually(() => stream.ended());
    const recorded = response.events!;
    const came = stream.events().map((event) => asRecorded(event, target.host));
    const unexpected = streamDifferences(recorded, came, comparison).filter((difference) => {
      const exception = EXCEPTIONS.find((one) => one.is(difference));
      if (exception) met.set(exception.reason, (met.get(exception.reason) ?? 0) + 1);
      return !exception;
    });
    t.same(unexpected, [], `${seq} ${path}: ${recorded.length} events`);
    t.ok(came.length >= recorded.length - 1);
    t.same(
      came.map(({ id }) => id),
      came.map((_, at) => String(at)),
    );
  }
  t.same(comparison.disorder(), [], 'times are in the same order');
  t.same(
    EXCEPTIONS.map(({ reason }) => met.get(reason)),
    [77, 40, 5],
    'exceptions are met as often as known',
  );
});
