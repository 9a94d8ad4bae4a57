/** The checks that come before any call, and their order (mesos-v1.md §2). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Encoding } from '../../protocol/codec.js';
import { decode } from '../../protocol/codec.js';
import type { MesosMessages, MesosName } from '../../protocol/messages.js';
import { answer, answerMethod } from './answer.js';
import { encodingOf, readBody } from './request.js';

export interface ReceivedCall<N extends MesosName> {
  readonly call: MesosMessages[N];
  readonly encoding: Encoding;
}

/** undefined: it has been answered already */
export const receiveCall = async <N extends MesosName>(
  name: N,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<ReceivedCall<N> | undefined> => {
  if (request.method !== 'POST') return void answerMethod(response, request.method);
  const contentType = request.headers['content-type'];
  const body = await readBody(request);
  if (body === undefined) return void answer(response, 413, 'The body is too large');
  if (contentType === undefined) return void answer(response, 400, "Expecting 'Content-Type' to be present");
  const encoding = encodingOf(contentType);
  if (encoding === undefined) return void answer(response, 415, WRONG_TYPE);
  const decoded = decode(name, body, encoding);
  if (!decoded.ok) return void answer(response, 400, decoded.error.message);
  return { call: decoded.value, encoding };
};

const WRONG_TYPE = "Expecting 'Content-Type' of application/json or application/x-protobuf";

export const UNACCEPTABLE = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";
