import type { FastifyInstance } from 'fastify';
import { toJson } from '../../common/wire/codec.js';
import type { Deps } from './deps.js';
import { limitIn } from './list.js';
import { send, sendFailures } from './respond.js';

/** Our own namespace: what the Mesos bridge does with offers. */

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;

export const mesosRoutes = (server: FastifyInstance, { mesos }: Deps): void => {
  server.get('/outcry/v1/mesos/offers', async (request, reply) => {
    const limit = limitIn(request, { fallback: DEFAULT_LIMIT, most: MAX_LIMIT });
    if (!limit.ok) return sendFailures(reply, limit.error);
    return send(reply, await mesos.offers(limit.value), (offers) => toJson('MesosOffers', offers));
  });
};
