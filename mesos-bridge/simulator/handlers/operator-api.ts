/** POST /api/v1 of the leading master (mesos-v1.md §16). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Encoding } from '../../protocol/codec.js';
import { encode, MEDIA_TYPES } from '../../protocol/codec.js';
import { performOperator } from '../master/operator-calls.js';
import { subscribeOperator, unsubscribeOperator } from '../master/operator-stream.js';
import type { Master } from '../master/state.js';
import { answer, openStream } from './answer.js';
import { receiveCall, UNACCEPTABLE } from './call.js';
import { createEventStream } from './event-stream.js';
import { acceptedEncoding } from './request.js';

export interface OperatorRequest {
  readonly m: Master;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

const stream = ({ m, response }: OperatorRequest, encoding: Encoding): void => {
  openStream(response, { 'Content-Type': MEDIA_TYPES[encoding] });
  const sink = createEventStream({ clock: m.clock, response, name: 'MasterEvent', encoding });
  const subscriber = subscribeOperator(m, sink);
  response.on('close', () => unsubscribeOperator(m, subscriber));
};

/** Smaller answers are not worth compressing. */
const COMPRESSED_FROM = 1_024;

const answerMessage = (
  { request, response }: OperatorRequest,
  body: Uint8Array,
  encoding: Encoding,
): void => {
  const type = { 'Content-Type': MEDIA_TYPES[encoding] };
  const compress =
    body.length > COMPRESSED_FROM && String(request.headers['accept-encoding'] ?? '').includes('gzip');
  if (compress) answer(response, 200, gzipSync(body), { ...type, 'Content-Encoding': 'gzip' });
  else answer(response, 200, body, type);
};

export const serveOperator = async (received: OperatorRequest): Promise<void> => {
  const { m, request, response } = received;
  const got = await receiveCall('MasterCall', request, response);
  if (got === undefined || m.ended) return;
  const encoding = acceptedEncoding(request.headers.accept);
  if (got.call.type !== undefined && encoding === undefined) return answer(response, 406, UNACCEPTABLE);
  if (got.call.type === 'SUBSCRIBE' && encoding) return stream(received, encoding);
  const performed = performOperator(m, got.call);
  if (!performed.ok) return answer(response, performed.error.status, performed.error.text);
  if (performed.value === undefined || encoding === undefined) return answer(response, 200);
  answerMessage(received, encode('MasterResponse', performed.value, encoding), encoding);
};
