import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { packageRoot } from '../../common/runtime/package-root.js';
import type { Encoding } from '../../mesos-bridge/protocol/codec.js';
import { parseJson } from '../../mesos-bridge/protocol/json-text.js';
import type { MesosName } from '../../mesos-bridge/protocol/messages.js';

/** Exchanges with a real Mesos 1.12; one file a scenario, as they were recorded. Long integers are read as their digits. */
export interface Recording {
  readonly name: string;
  readonly description: string;
  /** command line of every process of the cluster */
  readonly flags: Readonly<Record<string, string>>;
  /** environment of executor processes */
  readonly environment: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly observations: readonly string[];
  /** what was done outside HTTP */
  readonly steps: readonly { readonly at_ms: number; readonly step: string }[];
  readonly zookeeper?: readonly ZooKeeperView[];
  readonly exchanges: readonly RecordedExchange[];
}

export interface ZooKeeperView {
  readonly label: string;
  /** -101: the node does not exist */
  readonly children: readonly string[] | number;
  readonly nodes: Readonly<Record<string, { readonly data_base64: string }>>;
}

export interface RecordedExchange {
  readonly seq: number;
  readonly at_ms: number;
  readonly who: string;
  readonly encoding: Encoding;
  readonly label?: string;
  readonly executor?: string;
  readonly request: RecordedRequest;
  readonly response?: RecordedResponse;
}

export interface RecordedRequest {
  readonly start_line: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body_base64: string;
  readonly body_json?: unknown;
}

export interface RecordedResponse {
  readonly status?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body_base64?: string;
  readonly body_json?: unknown;
  readonly body_text?: string;
  readonly stream?: readonly RecordedFrame[];
  readonly stream_end?: { readonly at_ms: number; readonly how: string } | null;
  readonly error?: string;
}

export interface RecordedFrame {
  readonly at_ms: number;
  /** number of the HTTP chunk that completed it */
  readonly chunk: number;
  /** with its length line */
  readonly frame_base64: string;
  readonly event_json: unknown;
}

const DIR = join(packageRoot(), 'test', 'fixtures', 'mesos');
const ENDING = '.json.gz';

/** Names of all scenarios: `01-subscribe-offers-json` … */
export const recordingNames = (): string[] =>
  readdirSync(DIR)
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .sort();

/** By its name, or by what the name begins with: `01`. */
export const readRecording = (name: string): Recording => {
  const found = recordingNames().find((known) => known.startsWith(name));
  if (found === undefined) throw new Error(`no recording ${name} in ${DIR}`);
  const parsed = parseJson(gunzipSync(readFileSync(join(DIR, found + ENDING))).toString('utf8'));
  if (!parsed.ok) throw new Error(`${found}: ${parsed.error}`);
  return parsed.value as Recording;
};

/** Which messages go over an endpoint. */
export interface EndpointMessages {
  readonly call: MesosName;
  readonly event: MesosName;
  readonly answer?: MesosName;
}

/** undefined: no endpoint of the v1 API */
export const messagesOf = ({ start_line: line }: RecordedRequest): EndpointMessages | undefined => {
  if (/^POST \S*\/api\/v1\/scheduler[? ]/.test(line))
    return { call: 'SchedulerCall', event: 'SchedulerEvent' };
  if (/^POST \S*\/api\/v1\/executor /.test(line)) return { call: 'ExecutorCall', event: 'ExecutorEvent' };
  if (/^POST \/(master\/)?api\/v1 /.test(line)) {
    return { call: 'MasterCall', event: 'MasterEvent', answer: 'MasterResponse' };
  }
  return undefined;
};

export const bytesOf = (base64: string | undefined): Buffer => Buffer.from(base64 ?? '', 'base64');

/** The payload of a recorded frame, without its length line. */
export const payloadOf = (frame: RecordedFrame): Buffer => {
  const bytes = bytesOf(frame.frame_base64);
  return bytes.subarray(bytes.indexOf('\n') + 1);
};

/** The de-chunked body of a recorded stream. */
export const streamOf = ({ stream = [] }: RecordedResponse): Buffer =>
  Buffer.concat(stream.map((frame) => bytesOf(frame.frame_base64)));

/** A header's value, whatever the case of its name. */
export const headerIn = (headers: RecordedRequest['headers'] | undefined, name: string): string | undefined =>
  headers?.find(([known]) => known.toLowerCase() === name)?.[1];
