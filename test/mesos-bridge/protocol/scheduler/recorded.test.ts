import t from 'tap';
import { eventually } from '../../../support/eventually.js';
import { chunk } from '../../../support/mesos-raw-server.js';
import type { RawRequest } from '../../../support/mesos-raw-server.js';
import { bytesOf, readRecording } from '../../../support/mesos-recordings.js';
import type { RecordedResponse } from '../../../support/mesos-recordings.js';
import { startScheduler } from '../../../support/mesos-scheduler.js';

/** Says what a real master said, byte for byte; a stream ends as that one did, or stays open. */
const replay = ({ socket }: RawRequest, response: RecordedResponse): void => {
  const headers = (response.headers ?? []).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${response.status}\r\n${headers.join('')}\r\n`);
  if (!response.stream) return void socket.write(bytesOf(response.body_base64));
  for (const frame of response.stream) socket.write(chunk(bytesOf(frame.frame_base64)));
  if (response.stream_end?.how.startsWith('last-chunk')) socket.write('0\r\n\r\n');
  if (response.stream_end?.how.startsWith('eof')) socket.destroySoon();
};

const streamsOf = (scenario: string) =>
  readRecording(scenario).exchanges.flatMap(({ who, encoding, response }) =>
    who.startsWith('scheduler') && response?.stream ? [{ encoding, response }] : [],
  );

t.test('scheduler client - takes what a real master says, in both encodings', async (t) => {
  for (const scenario of ['01', '02', '13', '16', '20']) {
    for (const { encoding, response } of streamsOf(scenario)) {
      const expected = (response.stream ?? []).map(
        ({ event_json: event }) => (event as { type: string }).type,
      );
      const { events, losses, logger } = await startScheduler(t, (request) => replay(request, response), {
        encoding,
      });
      const told = expected.filter((type) => type !== 'ERROR');
      await eventually(() => events.length === told.length);
      t.same(
        events.map(({ type }) => type),
        told,
        `${scenario}: ${told.length} events in ${encoding}`,
      );
      t.same(logger.named('event-unreadable'), []);
      const ended = /^(last-chunk|eof)/.test(response.stream_end?.how ?? '');
      if (ended || told.length < expected.length) await eventually(() => losses.length === 1);
    }
  }
});

t.test('scheduler client - takes what real masters refuse with', async (t) => {
  const { exchanges } = readRecording('32');
  const kinds = new Set<string>();
  for (const { request, response } of exchanges) {
    if (!request.start_line.startsWith('POST /api/v1/scheduler') || !response?.status || response.stream)
      continue;
    // recorded redirects lead to ports of that time
    if (/ (20\d|307) /.test(response.status)) continue;
    const { losses } = await startScheduler(t, (raw) => replay(raw, response));
    await eventually(() => losses.length > 0);
    kinds.add(`${response.status.slice(9, 12)} ${losses[0]?.kind}`);
  }
  t.same([...kinds].sort(), ['400 refused', '404 unavailable', '503 unavailable']);
});
