/** What of a master's answers must be as a real one gave them: all but ids of its own making, times and uuids. */
import { gunzipSync } from 'node:zlib';
import { readResources, resourcesText } from '../../mesos-bridge/core/resources.js';
import type { Encoding } from '../../mesos-bridge/protocol/codec.js';
import { decode, encode } from '../../mesos-bridge/protocol/codec.js';
import type { MesosName, Offer } from '../../mesos-bridge/protocol/messages.js';
import { bytesOf, headerIn, messagesOf, payloadOf } from './mesos-recordings.js';
import type { RecordedExchange } from './mesos-recordings.js';
import type { Replayed, ReplayedExchange } from './mesos-master-replay.js';

export interface ComparedAnswer {
  readonly seq: number;
  readonly label: string;
  readonly status: string;
  readonly contentType: string;
  /** of headers that say what to do next */
  readonly hints: string;
  readonly text: string;
  readonly json: unknown;
}

const hints = (header: (name: string) => string | undefined): string =>
  ['allow', 'www-authenticate', 'location', 'content-encoding']
    .flatMap((name) => (header(name) === undefined ? [] : [`${name}: ${header(name)}`]))
    .join('; ');

/** What follows is a dump of two messages in a form of its own. */
const firstLine = (text: string): string => text.split('\n')[0] ?? '';

const isJson = (type: string | undefined): boolean => type === 'application/json';

export const recordedAnswer = ({ seq, label = '', response }: RecordedExchange): ComparedAnswer => {
  const contentType = headerIn(response?.headers, 'content-type') ?? '';
  const bytes = bytesOf(response?.body_base64);
  const zipped = headerIn(response?.headers, 'content-encoding') === 'gzip';
  const bodyText = (zipped ? gunzipSync(bytes) : bytes).toString('utf8');
  return {
    seq,
    label,
    status: response?.status?.split(' ')[1] ?? 'none',
    contentType,
    hints: hints((name) => headerIn(response?.headers, name)),
    text: response?.stream || isJson(contentType) ? '' : firstLine(bodyText),
    json: isJson(contentType) && !response?.stream ? looseJson(bodyText) : undefined,
  };
};

export const ownAnswer = ({ exchange, answer }: ReplayedExchange, replayed: Replayed): ComparedAnswer => {
  const { seq, label = '' } = exchange;
  const header = (name: string): string | undefined => {
    const value = answer?.headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const contentType = header('content-type') ?? '';
  const bytes = answer?.body ?? Buffer.alloc(0);
  const zipped = header('content-encoding') === 'gzip';
  const bodyText = replayed.recordedIds((zipped ? gunzipSync(bytes) : bytes).toString('utf8'));
  return {
    seq,
    label,
    status: answer ? String(answer.status) : 'none',
    contentType,
    hints: replayed.recordedIds(hints(header)),
    text: isJson(contentType) ? '' : firstLine(bodyText),
    json: isJson(contentType) && answer?.records.length === 0 ? looseJson(bodyText) : undefined,
  };
};

const OFFER_ID = /[0-9a-f-]{36}-O\d+/g;

/** A master that starts anew gives itself another id. */
const withoutId = (master: unknown): unknown => ({ ...(master as object), id: 'some' });

/** What a master knows when it is asked for everything is compared by the answers to single questions. */
const STATE = 'get_state';

const OWN_TIMES = new Set(['timestamp', 'unreachable_time', 'nanoseconds', 'start_time', 'elected_time']);

const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'string') return firstLine(value).replace(OFFER_ID, 'an offer');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => (key === 'master_info' ? [key, withoutId(part)] : [key, part]))
      .map(([key, part]) => [
        key,
        key === 'uuid' || key === STATE || OWN_TIMES.has(key) ? 'some' : plain(part),
      ]),
  );
};

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** Lists of no order of their own, and without what is empty. */
const loose = (value: unknown): unknown => {
  if (Array.isArray(value))
    return value.map(loose).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, part]) => [key, loose(part)] as const)
      .filter(([, part]) => !isEmpty(part)),
  );
};

/** What earlier scenarios left behind on the same cluster, what is of the build, and a field of old that nobody reads. */
const BEFORE = new Set(['completed_frameworks', 'completed_tasks', 'version_info', 'flags']);

const withoutBefore = (key: string, value: unknown): unknown => {
  if (BEFORE.has(key)) return undefined;
  const { checkpoint: _checkpoint, ...agent } = (value ?? {}) as Record<string, unknown>;
  if (key === 'agent_info') return agent;
  return key === 'recovered_agents'
    ? (value as Record<string, unknown>[]).map(({ checkpoint: _checkpoint, ...info }) => info)
    : value;
};

/** An operator's answer. */
const looseJson = (text: string): unknown => {
  const parsed: unknown = JSON.parse(text, withoutBefore);
  return loose(plain(parsed));
};

/** An event as JSON without what may differ. */
const plainEvent = (
  name: MesosName,
  bytes: Uint8Array,
  encoding: Encoding,
  rename = (text: string) => text,
): unknown => {
  const event = decode(name, bytes, encoding);
  if (!event.ok) throw new Error(event.error.message);
  const json = Buffer.from(encode(name, event.value as never, 'json')).toString('utf8');
  return plain(JSON.parse(rename(json)));
};

export interface ComparedStream {
  readonly seq: number;
  /** without offers and heartbeats, whose moments are chance */
  readonly events: unknown[];
  /** `<agent> <role> <resources>`, each once in a row */
  readonly offers: string[];
  readonly ended: boolean;
}

const offerText = ({ agentId, allocationInfo, resources }: Offer): string => {
  const text = resourcesText(readResources(resources).resources);
  return `${agentId.value} ${allocationInfo?.role ?? '*'} ${text.split('; ').toSorted().join('; ')}`;
};

const offersIn = (bytes: Uint8Array, encoding: Encoding): string[] => {
  const event = decode('SchedulerEvent', bytes, encoding);
  return event.ok ? (event.value.offers?.offers ?? []).map(offerText) : [];
};

const streamEncoding = (type: string | undefined): Encoding =>
  type === 'application/x-protobuf' ? 'protobuf' : 'json';

interface Source {
  readonly seq: number;
  readonly name: MesosName;
  readonly encoding: Encoding;
  readonly records: readonly Uint8Array[];
  readonly ended: boolean;
  readonly rename?: (text: string) => string;
}

const chance = (event: unknown): boolean => {
  const { type } = event as { type?: string };
  return type === 'OFFERS' || type === 'HEARTBEAT' || type === 'INVERSE_OFFERS';
};

const compared = ({
  seq,
  name,
  encoding,
  records,
  ended,
  rename = (text) => text,
}: Source): ComparedStream => ({
  seq,
  events: records.map((bytes) => plainEvent(name, bytes, encoding, rename)).filter((event) => !chance(event)),
  offers: records.flatMap((bytes) => offersIn(bytes, encoding).map(rename)),
  ended,
});

export const recordedStream = ({ seq, request, response }: RecordedExchange): ComparedStream =>
  compared({
    seq,
    name: messagesOf(request)?.event ?? 'SchedulerEvent',
    encoding: streamEncoding(headerIn(response?.headers, 'content-type')),
    records: (response?.stream ?? []).map(payloadOf),
    ended: response?.stream_end?.how.startsWith('last-chunk') ?? false,
  });

export const ownStream = ({ exchange, answer }: ReplayedExchange, replayed: Replayed): ComparedStream => {
  const type = answer?.headers['content-type'];
  return compared({
    seq: exchange.seq,
    name: messagesOf(exchange.request)?.event ?? 'SchedulerEvent',
    encoding: streamEncoding(type),
    records: answer?.records ?? [],
    ended: answer?.ended() === 'last chunk',
    rename: (text) => replayed.recordedIds(text),
  });
};
