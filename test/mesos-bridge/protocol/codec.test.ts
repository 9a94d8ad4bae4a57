import t from 'tap';
import { createSeededRandom } from '../../../common/adapters/seeded-random.js';
import { decode, encode } from '../../../mesos-bridge/protocol/codec.js';
import type { Draft, MesosMessages, MesosName } from '../../../mesos-bridge/protocol/messages.js';
import { bytesOf, payloadOf, readRecording } from '../../support/mesos-recordings.js';

const fromText = <N extends MesosName>(name: N, text: string) => decode(name, Buffer.from(text), 'json');

const refusalOf = (name: MesosName, bytes: Uint8Array, encoding: 'json' | 'protobuf'): string => {
  const read = decode(name, bytes, encoding);
  return read.ok ? '' : read.error.message;
};

t.test('mesos codec - bad bodies are refused in the words of Mesos', async (t) => {
  const scheduler = readRecording('25').exchanges.map((one) => ({ name: 'SchedulerCall' as const, ...one }));
  const executor = readRecording('11').exchanges.map((one) => ({ name: 'ExecutorCall' as const, ...one }));
  const variants = readRecording('15').exchanges.map((one) => ({ name: 'SchedulerCall' as const, ...one }));
  let compared = 0;
  for (const { name, seq, encoding, request, response } of [...scheduler, ...executor, ...variants]) {
    const text = response?.body_text ?? '';
    if (!/^Failed to (convert|parse)/.test(text)) continue;
    const type = request.headers.find(([key]) => key === 'Content-Type')?.[1];
    const form = type === 'application/x-protobuf' ? 'protobuf' : encoding;
    t.equal(refusalOf(name, bytesOf(request.body_base64), form), text, `${name} ${seq}`);
    compared += 1;
  }
  t.ok(compared >= 12, `${compared} refusals`);
});

t.test('mesos codec - long integers stay exact in both encodings', async (t) => {
  const nanoseconds = 1_795_221_834_914_760_193n;
  for (const encoding of ['json', 'protobuf'] as const) {
    const bytes = encode('TimeInfo', { nanoseconds }, encoding);
    t.same(decode('TimeInfo', bytes, encoding), { ok: true, value: { nanoseconds } }, encoding);
    const extremes = { begin: 0n, end: 2n ** 64n - 1n };
    t.same(decode('Range', encode('Range', extremes, encoding), encoding), { ok: true, value: extremes });
    const negative = { nanoseconds: -(2n ** 63n) };
    t.same(decode('DurationInfo', encode('DurationInfo', negative, encoding), encoding), {
      ok: true,
      value: negative,
    });
  }
  t.same(fromText('TimeInfo', '{"nanoseconds": "1795221834914760193"}'), {
    ok: true,
    value: { nanoseconds },
  });
  t.same(fromText('TimeInfo', '{"nanoseconds": "17"}'), { ok: true, value: { nanoseconds: 17n } });
  t.same(fromText('TimeInfo', '{"nanoseconds": 1.5e3}'), { ok: true, value: { nanoseconds: 1500n } });
  t.same(fromText('Text', '{"value":"say \\"1795221834914760193\\" and \\\\\\\\"}'), {
    ok: true,
    value: { value: 'say "1795221834914760193" and \\\\' },
  });
  t.same(fromText('Scalar', '{"value":0.12345678901234567890}'), {
    ok: true,
    value: { value: 0.12345678901234568 },
  });
});

t.test('mesos codec - JSON is read as loosely as Mesos reads it', async (t) => {
  const labels = { labels: [{ key: 'a', value: 'b' }] };
  t.same(fromText('Labels', '{"labels":{"key":"a","value":"b"},"more":[1]}'), { ok: true, value: labels });
  t.same(fromText('Labels', '{"labels":null}'), { ok: true, value: { labels: [] } });
  t.same(fromText('SchedulerCall', '{"type":"BREAK_DANCE"}'), { ok: true, value: {} });
  t.same(fromText('AgentCapability', '{"type":"MULTI_ROLE"}'), { ok: true, value: { type: 'MULTI_ROLE' } });
  t.same(fromText('CommandUri', '{"value":"x","cache":"true"}'), {
    ok: true,
    value: { value: 'x', cache: true },
  });
  t.same(fromText('Scalar', '{"value":"-Infinity"}'), { ok: true, value: { value: -Infinity } });
  t.same(fromText('Scalar', '{"value":"2.5"}'), { ok: true, value: { value: 2.5 } });
  const limits = fromText('QuotaConfig', '{"role":"r","limits":{"__proto__":{"value":1}}}');
  t.ok(limits.ok && Object.hasOwn(limits.value.limits, '__proto__'));
});

const REFUSED: readonly (readonly [name: MesosName, text: string, said: RegExp])[] = [
  ['Scalar', '{"value":[1]}', /Not expecting a JSON array for field 'value'$/],
  ['Scalar', '{"value":"x"}', /Failed to parse 'x' as a JSON number for field 'value'/],
  ['Text', '{"value":1}', /Not expecting a JSON number for field 'value'$/],
  ['Text', '{"value":{}}', /Not expecting a JSON object for field 'value'$/],
  ['CommandUri', '{"value":"x","cache":"yes"}', /Failed to parse 'yes' as a JSON boolean for field 'cache'/],
  ['CommandUri', '{"value":"x","cache":1}', /Not expecting a JSON number for field 'cache'$/],
  ['Uuid', '{"value":"ab_d"}', /Failed to base64 decode bytes field 'value': Invalid character '_'$/],
  ['Labels', '{"labels":[{"key":"a"},{}]}', /Missing required fields: labels\[1\]\.key$/],
  ['SchedulerCall', '"REVIVE"', /^Failed to convert JSON into Call protobuf: Expecting a JSON object$/],
  ['SchedulerCall', '{"type"', /^Failed to parse body into JSON: syntax error at line 1 near: $/],
];

t.test('mesos codec - what is wrong with JSON is said', async (t) => {
  for (const [name, text, said] of REFUSED) t.match(refusalOf(name, Buffer.from(text), 'json'), said, text);
  const deep = `${'{"value":"x","parent":'.repeat(200)}{"value":"y"}${'}'.repeat(200)}`;
  t.match(refusalOf('ContainerId', Buffer.from(deep), 'json'), /Nested too deeply/);
});

t.test('mesos codec - JSON is written as Mesos writes it', async (t) => {
  const text = (name: MesosName, message: unknown): string =>
    Buffer.from(encode(name, message as never, 'json')).toString('utf8');
  t.equal(text('Filters', {}), '{"refuse_seconds":5.0}');
  t.equal(text('Scalar', { value: Infinity }), '{"value":"Infinity"}');
  t.equal(text('EventOffers', { offers: [] }), '{}');
  t.equal(text('Uuid', { value: Uint8Array.of(255, 254, 253) }), '{"value":"//79"}');
  const framework = { user: 'u', name: 'n' };
  t.equal(
    text('FrameworkInfo', framework),
    '{"user":"u","name":"n","failover_timeout":0.0,"checkpoint":false}',
  );
});

t.test('mesos codec - protobuf of newer versions is read', async (t) => {
  // field 99 (text), then an operation's type 77, then a name for the operation
  const newer = Buffer.from('9a0603616263084d62040a026f70', 'hex');
  t.same(decode('OfferOperation', newer, 'protobuf'), { ok: true, value: { id: { value: 'op' } } });
  // a sub-message in two pieces is one
  const first = encode('FrameworkInfo', { user: 'u', name: 'n', roles: ['a'] }, 'protobuf');
  const twice = Buffer.concat([
    first,
    encode('FrameworkInfo', { user: 'v', name: 'm', roles: ['b'] }, 'protobuf'),
  ]);
  t.match(decode('FrameworkInfo', twice, 'protobuf'), { value: { user: 'v', name: 'm', roles: ['a', 'b'] } });
  // numbers in a list, packed
  t.match(decode('HttpHealthCheck', Buffer.from('08502203c80150', 'hex'), 'protobuf'), {
    value: { port: 80, statuses: [200, 80] },
  });
});

t.test('mesos codec - malformed protobuf is refused, and never thrown', async (t) => {
  const call: Draft<MesosMessages['SchedulerCall']> = {
    frameworkId: { value: 'f' },
    type: 'ACKNOWLEDGE',
    acknowledge: { agentId: { value: 'a' }, taskId: { value: 't' }, uuid: new Uint8Array(16) },
  };
  const bytes = encode('SchedulerCall', call, 'protobuf');
  t.match(decode('SchedulerCall', bytes, 'protobuf'), { ok: true, value: call });
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const read = decode('SchedulerCall', bytes.subarray(0, cut), 'protobuf');
    if (!read.ok) t.equal(read.error.message, 'Failed to parse body into Call protobuf');
  }
  t.equal(
    refusalOf('SchedulerCall', Buffer.from('0a7f', 'hex'), 'protobuf'),
    'Failed to parse body into Call protobuf',
  );
  const lacking = decode(
    'ExecutorCall',
    encode('SchedulerCall', { type: 'TEARDOWN' }, 'protobuf'),
    'protobuf',
  );
  t.match(lacking, { ok: false, error: { detail: 'Missing required fields: executor_id, framework_id' } });
});

t.test('mesos codec - whatever comes, it is read or refused', async (t) => {
  const random = createSeededRandom(11);
  const at = (length: number): number => Math.floor(random.fraction() * length);
  const frames = ['01', '02', '12'].flatMap((name) =>
    readRecording(name).exchanges.flatMap(({ response }) => (response?.stream ?? []).map(payloadOf)),
  );
  let read = 0;
  for (let round = 0; round < 3_000; round += 1) {
    const bytes = Buffer.from(frames[at(frames.length)] ?? []);
    for (let change = at(4); change >= 0; change -= 1) bytes[at(bytes.length)] = at(256);
    const cut = bytes.subarray(0, round % 3 === 0 ? at(bytes.length) : bytes.length);
    for (const encoding of ['json', 'protobuf'] as const) {
      const decoded = decode('SchedulerEvent', cut, encoding);
      if (!decoded.ok) continue;
      read += 1;
      t.ok(decode('SchedulerEvent', encode('SchedulerEvent', decoded.value, encoding), encoding).ok);
    }
  }
  t.ok(read > 100, `${read} were read`);
});
