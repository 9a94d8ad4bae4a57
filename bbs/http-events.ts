import type { Dispatcher } from 'undici';
import type { BbsEvent } from '../common/model/events.js';
import { createToldCauses } from '../common/model/told-causes.js';
import type { Cancel, Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import { fromJson } from '../common/wire/codec.js';
import { BBS_ROUTES } from '../common/wire/routes.js';

export interface SubscribeOptions {
  pool: Dispatcher;
  clock: Clock;
  logger: Logger;
  handlers: { onEvent(event: BbsEvent): void; onGap(): void };
  closing: AbortSignal;
}

/** ms until the stream is opened again, as Diego's client */
const RECONNECT_MS = 1_000;
/** The board sends something every 15 s; silence for longer is a dead connection. */
const SILENCE_MS = 60_000;
const FRAME_END = '\n\n';

/** Splits a stream into events; comments and unknown fields are passed over. */
export const createEventReader = (onData: (data: string) => void) => {
  const decoder = new TextDecoder();
  let rest = '';
  const frame = (text: string): void => {
    const lines = text.split('\n').filter((line) => line.startsWith('data:'));
    if (lines.length > 0) onData(lines.map((line) => line.slice(5).trimStart()).join('\n'));
  };
  return (chunk: Uint8Array): void => {
    const frames = (rest + decoder.decode(chunk, { stream: true })).split(FRAME_END);
    rest = frames.pop() ?? '';
    frames.forEach(frame);
  };
};

/**
 * Every event while the stream is open, which is opened again and again until cancelled. `onGap` is called
 * at every opening, the first included: what happened before it was not heard.
 */
export const subscribeEvents = (options: SubscribeOptions): Cancel => {
  const { pool, clock, logger, handlers, closing } = options;
  const ended = new AbortController();
  const told = createToldCauses();
  const signal = AbortSignal.any([ended.signal, closing]);
  const tell = (data: string): void => {
    const event = fromJson('BbsEvent', JSON.parse(data));
    if (event.ok) handlers.onEvent(event.value);
    else logger.error('events.unreadable', { errors: event.error });
  };

  const read = async (): Promise<void> => {
    const response = await pool.request({
      path: BBS_ROUTES.OutcryEventStream,
      method: 'GET',
      signal,
      bodyTimeout: SILENCE_MS,
    });
    if (response.statusCode !== 200) {
      await response.body.dump();
      throw new Error(`Invalid Response with status code: ${response.statusCode}`);
    }
    told.clear();
    handlers.onGap();
    const push = createEventReader(tell);
    for await (const chunk of response.body) push(chunk as Uint8Array);
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await read();
      } catch (error) {
        if (!signal.aborted && told.isNew(String(error))) logger.info('events.disconnected', { error });
      }
      if (!signal.aborted) await clock.sleep(RECONNECT_MS);
    }
  };

  void run();
  return () => ended.abort();
};
