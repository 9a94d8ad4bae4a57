import type { onRequestHookHandler } from 'fastify';
import type { BbsRoute } from '../../common/wire/routes.js';

/** What is taken at once, and at a time. */
export const tooLarge = (limit: number): string =>
  `the request's body is larger than ${limit} bytes, the most that is taken (request_body_limit_bytes)`;

const tooMany = (limit: number): string =>
  `the BBS has ${limit} requests in hand, the most that it takes at a time (concurrent_request_limit): ask again\n`;

/** A hook for the calls of one route. */
export type Gate = (route: BbsRoute) => onRequestHookHandler;

/**
 * Lets in so many requests at a time, from their first line to the last byte of their answer. The others are told so
 * in plain text, which Diego's clients take for a reason to try again.
 */
export const createGate = (limit: number, onRefused: (route: BbsRoute) => void): Gate => {
  let inHand = 0;
  const leave = (): void => void (inHand -= 1);
  return (route) => (_request, reply, done) => {
    if (inHand >= limit) {
      onRefused(route);
      void reply.code(503).header('retry-after', '1').type('text/plain; charset=utf-8').send(tooMany(limit));
      return;
    }
    inHand += 1;
    reply.raw.once('close', leave);
    done();
  };
};
