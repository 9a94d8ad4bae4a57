import type { FastifyInstance } from 'fastify';
import type { WhatIfQuery } from '../../common/model/auction-questions.js';
import type { Result } from '../../common/model/result.js';
import { err } from '../../common/model/result.js';
import { fromJson, toJson } from '../../common/wire/codec.js';
import type { ApiFailure } from '../core/failure.js';
import { codedFailure } from '../core/failure.js';
import type { Deps } from './deps.js';
import { limitIn } from './list.js';
import { paramOf, send, sendFailures } from './respond.js';

/** Our own namespace: what the auctioneer decided, and would decide. Nothing here changes anything. */

const BASE = '/outcry/v1/auction';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 500;

/** Cells that may be added in one question. */
const MAX_ADDED = 10_000;

const invalid = (field: string, reason: string): ApiFailure =>
  codedFailure('API_BODY_INVALID', { field, reason });

const problemOf = ({ drain, loseZones, add }: WhatIfQuery): ApiFailure | undefined => {
  if (drain.length + loseZones.length + add.length === 0)
    return invalid('drain', 'is empty, and so are lose_zones and add: one of them must say something');
  if (add.some(({ count, memoryMb, diskMb }) => count < 1 || memoryMb < 1 || diskMb < 1))
    return invalid('add', 'takes numbers above 0');
  const added = add.reduce((sum, { count }) => sum + count, 0);
  return added > MAX_ADDED ? invalid('add', `adds more than ${MAX_ADDED} cells`) : undefined;
};

const questionOf = (body: unknown): Result<WhatIfQuery, ApiFailure[]> => {
  const query = fromJson('WhatIfQuery', body ?? {});
  if (!query.ok) return err(query.error.map(({ path, message }) => invalid(path, message)));
  const problem = problemOf(query.value);
  return problem === undefined ? query : err([problem]);
};

export const auctionRoutes = (server: FastifyInstance, { auctions }: Deps): void => {
  server.get(`${BASE}/batches`, async (request, reply) => {
    const limit = limitIn(request, { fallback: DEFAULT_LIMIT, most: MAX_LIMIT });
    if (!limit.ok) return sendFailures(reply, limit.error);
    return send(reply, await auctions.batches(limit.value), (batches) => toJson('Batches', batches));
  });
  server.get(`${BASE}/batches/:batch/replay`, async (request, reply) =>
    send(reply, await auctions.replay(paramOf(request, 'batch')), (replay) => toJson('Replay', replay)),
  );
  server.get(`${BASE}/explanations/:name`, async (request, reply) =>
    send(reply, await auctions.explain(paramOf(request, 'name')), (explanation) =>
      toJson('Explanation', explanation),
    ),
  );
  server.post(`${BASE}/what_if`, async (request, reply) => {
    const question = questionOf(request.body);
    if (!question.ok) return sendFailures(reply, question.error);
    const { drain, loseZones, add } = question.value;
    return send(reply, await auctions.whatIf({ drain, loseZones, add }), (answer) =>
      toJson('WhatIf', answer),
    );
  });
};
