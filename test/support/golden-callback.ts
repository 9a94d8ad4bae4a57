/** Where a recorded task has its outcome told: to a server of ours, in place of the recorded one. */
import type { SseEvent } from './event-stream.js';
import { bytesOf } from './golden-bbs.js';
import type { Answer, Exchange, Player } from './golden-bbs.js';

/** Where the recorded tasks have their outcome told. */
const CALLED = '127.0.0.1:18100';

/** The same bytes with another host in them, which is as long, so that no length changes. */
const readdressed = (bytes: Buffer, from: string, to: string): Buffer => {
  if (from.length !== to.length) throw new Error(`${from} and ${to} are not of one length`);
  return Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1');
};

/** An event as it would have come had the recorded server been called. */
export const asRecorded = (event: SseEvent, host: string): SseEvent => ({
  ...event,
  data: readdressed(Buffer.from(event.data, 'base64'), host, CALLED).toString('base64'),
});

/** Recorded requests as they were, but for the host that tasks have their outcome told to: a server of ours. */
export const createReaddressed = (player: Player, host: string) => {
  return async (exchange: Exchange): Promise<Answer> => {
    const { request } = exchange;
    const body = readdressed(bytesOf(request.body), CALLED, host).toString('base64');
    const answer = await player.play({ ...exchange, request: { ...request, body } });
    return { ...answer, body: readdressed(answer.body, host, CALLED) };
  };
};
