import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../common/ports/clock.js';
import { BBS_ROUTES } from '../../common/wire/routes.js';
import { dumpLines } from '../store/dump.js';
import { BBS_SCHEMA } from '../store/schema.js';
import type { BbsStore } from '../store/schema.js';

export interface DumpOptions {
  /** undefined when this BBS may not answer any more */
  store(): Pick<BbsStore, 'snapshot' | 'epoch'> | undefined;
  clock: Clock;
}

/** The board as of one moment, a line a row: what is changed meanwhile is not in it. */
export const addDump = (app: FastifyInstance, { store, clock }: DumpOptions): void => {
  app.get(BBS_ROUTES.OutcryDump, (_request, reply) => {
    const current = store();
    if (!current) return reply.code(503).send();
    const { counts, rows } = current.snapshot();
    const at = new Date(clock.now()).toISOString();
    const { epoch } = current;
    const header = { format: 1 as const, version: BBS_SCHEMA.version, epoch, at, counts: { ...counts } };
    return reply.type('application/x-ndjson').send(Readable.from(dumpLines(header, rows())));
  });
};
