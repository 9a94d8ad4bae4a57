import type { FastifyReply, FastifyRequest } from 'fastify';
import { OutcryError } from '../../common/model/errors.js';
import type { Result } from '../../common/model/result.js';
import type { ApiFailure } from '../core/failure.js';

/** Where this API is, as the caller reached it: links and locations must be absolute. */
export const baseUrl = (request: FastifyRequest): string => `${request.protocol}://${request.host}`;

export const guidOf = (request: FastifyRequest): string => (request.params as { guid: string }).guid;
export const paramOf = (request: FastifyRequest, name: string): string =>
  (request.params as Record<string, string>)[name] ?? '';

const shown = (failure: ApiFailure) => ({
  code: failure.cfCode,
  title: failure.title,
  detail: failure.detail,
  // ours, beside Cloud Controller's: the code of our registry and what its text was filled with
  ...(failure.code === undefined
    ? {}
    : {
        outcry: {
          code: failure.code,
          details: failure.details ?? {},
          remedy: new OutcryError(failure.code, failure.details).remedy,
        },
      }),
});

export const sendFailures = (reply: FastifyReply, failures: readonly ApiFailure[]): FastifyReply =>
  reply.code(failures[0]?.status ?? 500).send({ errors: failures.map(shown) });

/** Sends the value in its shape, or the failures in Cloud Controller's. */
export const send = <T>(
  reply: FastifyReply,
  result: Result<T, ApiFailure[]>,
  present: (value: T) => unknown,
  status = 200,
): FastifyReply =>
  result.ok ? reply.code(status).send(present(result.value)) : sendFailures(reply, result.error);

/** 202 with the job's absolute URL, which clients poll. */
export const sendJob = (
  request: FastifyRequest,
  reply: FastifyReply,
  result: Result<{ guid: string }, ApiFailure[]>,
): FastifyReply =>
  result.ok
    ? reply
        .code(202)
        .header('location', `${baseUrl(request)}/v3/jobs/${result.value.guid}`)
        .send()
    : sendFailures(reply, result.error);
