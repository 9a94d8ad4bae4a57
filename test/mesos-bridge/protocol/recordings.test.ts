import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { decode, encode, MEDIA_TYPES } from '../../../mesos-bridge/protocol/codec.js';
import type { Encoding } from '../../../mesos-bridge/protocol/codec.js';
import { readExecutorEvent, readSchedulerEvent } from '../../../mesos-bridge/protocol/events.js';
import type { MesosName } from '../../../mesos-bridge/protocol/messages.js';
import { createRecordDecoder, encodeRecord } from '../../../mesos-bridge/protocol/record-io.js';
import {
  bytesOf,
  headerIn,
  messagesOf,
  payloadOf,
  readRecording,
  recordingNames,
  streamOf,
} from '../../support/mesos-recordings.js';
import type { RecordedExchange, RecordedResponse } from '../../support/mesos-recordings.js';

interface Sample {
  readonly where: string;
  readonly name: MesosName;
  readonly encoding: Encoding;
  readonly bytes: Buffer;
  /** the same as it was seen when it was recorded */
  readonly json: unknown;
}

const OTHER: Record<Encoding, Encoding> = { json: 'protobuf', protobuf: 'json' };

/** What Mesos itself refused is no message. */
const wasTaken = ({ response }: RecordedExchange): boolean => /^HTTP\/1.1 2/.test(response?.status ?? '');

/** What the server said it is: not always what was asked in. */
const answeredIn = ({ encoding, response }: RecordedExchange): Encoding => {
  const type = headerIn(response?.headers, 'content-type');
  if (type === undefined) return encoding;
  return type === MEDIA_TYPES.protobuf ? 'protobuf' : 'json';
};

const bodyOf = ({ headers, body_base64: body }: RecordedResponse): Buffer =>
  headerIn(headers, 'content-encoding') === 'gzip' ? gunzipSync(bytesOf(body)) : bytesOf(body);

const samplesOf = (scenario: string, exchange: RecordedExchange): Sample[] => {
  const names = messagesOf(exchange.request);
  if (!names || !wasTaken(exchange)) return [];
  const { encoding, request, response = {} } = exchange;
  const where = `${scenario}#${exchange.seq}`;
  const call = {
    where,
    name: names.call,
    encoding,
    bytes: bytesOf(request.body_base64),
    json: request.body_json,
  };
  const events = { name: names.event, encoding: answeredIn(exchange) };
  const frames = (response.stream ?? []).map((frame, at) => {
    return { ...events, where: `${where}.${at}`, bytes: payloadOf(frame), json: frame.event_json };
  });
  const { body_json: json } = response;
  if (!names.answer || !json) return [call, ...frames];
  const answer = { name: names.answer, encoding: 'json' as const, bytes: bodyOf(response) };
  return [call, ...frames, { ...answer, where: `${where} answer`, json }];
};

const asJson = (name: MesosName, message: unknown): unknown =>
  JSON.parse(Buffer.from(encode(name, message as never, 'json')).toString('utf8'));

const isSame = (left: unknown, right: unknown): boolean => isDeepStrictEqual(left, right);

/** What of Mesos's answers is not of the v1 API, or left out of this project's messages. */
const LEFT_OUT = new Set([
  'agent_info.checkpoint',
  'recovered_agents.checkpoint',
  'agents.resource_providers',
]);

/** Without that, and without empty lists, which Mesos writes in some answers. */
const withoutLeftOut = (json: unknown, parent = ''): unknown => {
  if (Array.isArray(json)) return json.map((one) => withoutLeftOut(one, parent));
  if (typeof json !== 'object' || json === null) return json;
  const kept = Object.entries(json).filter(
    ([key, value]) => !LEFT_OUT.has(`${parent}.${key}`) && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutLeftOut(value, key)]));
};

/** What is wrong with the reading of one message; '' = nothing */
const faultOf = ({ where, name, encoding, bytes, json }: Sample): string => {
  const read = decode(name, bytes, encoding);
  if (!read.ok) return `${where}: ${read.error.detail}`;
  const seen = decode(name, Buffer.from(JSON.stringify(json)), 'json');
  if (!isSame(seen, read)) return `${where}: not what was seen`;
  const shown = asJson(name, read.value);
  for (const form of [encoding, OTHER[encoding]]) {
    const again = decode(name, encode(name, read.value, form), form);
    if (!again.ok || !isSame(asJson(name, again.value), shown)) return `${where}: another message in ${form}`;
  }
  return '';
};

/** Of an event or answer in JSON: whether it is written again with every field that came. */
const lossOf = ({ where, name, bytes }: Sample): string => {
  const read = decode(name, bytes, 'json');
  const came: unknown = withoutLeftOut(JSON.parse(bytes.toString('utf8')));
  return read.ok && isSame(asJson(name, read.value), came) ? '' : `${where}: not all of it`;
};

/** Type of an event that its receiver knows; a reason that begins with `!` where it does not. */
const knownType = ({ name, bytes, encoding, where }: Sample): string => {
  const read = name === 'SchedulerEvent' ? readSchedulerEvent : readExecutorEvent;
  const event = read(bytes, encoding);
  return event.ok ? `${name} ${event.value.type}` : `! ${where}: ${event.error}`;
};

t.test('mesos recordings - every message is read, and written again', async (t) => {
  const types = new Set<string>();
  for (const scenario of recordingNames()) {
    const samples = readRecording(scenario).exchanges.flatMap((exchange) => samplesOf(scenario, exchange));
    t.same(samples.map(faultOf).filter(Boolean), [], `${scenario}: ${samples.length} messages`);
    const said = samples.filter(({ name, encoding }) => !name.endsWith('Call') && encoding === 'json');
    t.same(said.map(lossOf).filter(Boolean), [], scenario);
    const events = samples.filter(({ name }) => /^(Scheduler|Executor)Event$/.test(name));
    for (const event of events) types.add(knownType(event));
  }
  t.same(
    [...types].filter((type) => type.startsWith('!')),
    [],
  );
  t.ok(types.size >= 15, [...types].join(', '));
});

t.test('mesos recordings - streams are taken apart wherever they are cut', async (t) => {
  const { exchanges } = readRecording('02');
  for (const { response = {} } of exchanges.filter((exchange) => exchange.response?.stream)) {
    const bytes = streamOf(response);
    const expected = (response.stream ?? []).map(payloadOf);
    t.same(Buffer.concat(expected.map(encodeRecord)), bytes);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const decoder = createRecordDecoder();
      const pushed = [bytes.subarray(0, cut), bytes.subarray(cut)].map((part) => decoder.push(part));
      const records = pushed.flatMap(({ records: some }) => some);
      if (records.length !== expected.length || !records.every((one, at) => expected[at]?.equals(one))) {
        t.fail(`cut at ${cut}`);
      }
    }
    const decoder = createRecordDecoder();
    const single = [...bytes].flatMap((byte) => decoder.push(Uint8Array.of(byte)).records);
    t.same(
      single.map((one) => Buffer.from(one)),
      expected,
    );
  }
});
