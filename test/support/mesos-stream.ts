/** Raw requests to a Mesos endpoint, and streams read as they come. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:http';
import { createRecordDecoder } from '../../mesos-bridge/protocol/record-io.js';

export interface RawRequest {
  readonly port: number;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** of a stream: its records so far */
  readonly records: Buffer[];
  /** a stream: undefined while it is open */
  ended(): 'last chunk' | 'broken' | undefined;
  /** a stream: the client goes away */
  close(): void;
}

const isStream = (answer: IncomingMessage): boolean =>
  answer.statusCode === 200 && answer.headers['transfer-encoding'] === 'chunked';

const follow = (answer: IncomingMessage, close: () => void): RawAnswer => {
  const decoder = createRecordDecoder();
  const records: Buffer[] = [];
  let ended: 'last chunk' | 'broken' | undefined;
  answer.on('data', (chunk: Buffer) => {
    records.push(...decoder.push(chunk).records.map((record) => Buffer.from(record)));
  });
  answer.on('end', () => (ended ??= 'last chunk'));
  answer.on('error', () => (ended ??= 'broken'));
  answer.on('close', () => (ended ??= 'broken'));
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    body: Buffer.alloc(0),
    records,
    ended: () => ended,
    close,
  };
};

const whole = async (answer: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** Every request has a connection of its own, so that none is sent over one that has just been cut. */
export const createMesosClient = () => {
  const agent = new Agent({ keepAlive: false });
  const send = (wanted: RawRequest): Promise<RawAnswer> =>
    new Promise((resolve, reject) => {
      const { port, method = 'POST', path, headers = {}, body } = wanted;
      const sent = request({ host: '127.0.0.1', port, method, path, headers, agent }, (answer) => {
        if (isStream(answer)) return resolve(follow(answer, () => sent.destroy()));
        whole(answer).then(
          (bytes) =>
            resolve({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              body: bytes,
              records: [],
              ended: () => 'last chunk',
              close: () => undefined,
            }),
          reject,
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  return { send, close: () => agent.destroy() };
};

export type MesosClient = ReturnType<typeof createMesosClient>;
