import type { Dispatcher } from 'undici';
import type { BbsEvent } from '../common/model/events.js';
import type { Cancel, Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import { refusalIn } from '../common/runtime/door-refusal.js';
import { fromJson } from '../common/wire/codec.js';
import { BBS_ROUTES } from '../common/wire/routes.js';
import type { Reachability } from './http-reachability.js';
import { parsePosition, RESET } from './protocol/stream-position.js';

export interface SubscribeOptions {
  pool: Dispatcher;
  clock: Clock;
  logger: Logger;
  reachability: Reachability;
  handlers: { onEvent(event: BbsEvent): void; onGap(): void };
  /** undefined = every domain */
  domain?: string | undefined;
  closing: AbortSignal;
}

/** ms until the stream is opened again, as Diego's client */
const RECONNECT_MS = 1_000;
/** The board sends something every 15 s; silence for longer is a dead connection. */
const SILENCE_MS = 60_000;
const FRAME_END = '\n\n';

/** One server-sent event: its lines, '' where there was none. */
export interface Frame {
  id: string;
  event: string;
  data: string;
}

const frameOf = (text: string): Frame => {
  const frame: Frame = { id: '', event: '', data: '' };
  const data: string[] = [];
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
    if (name === 'data') data.push(value);
    else if (name === 'id' || name === 'event') frame[name] = value;
  }
  return { ...frame, data: data.join('\n') };
};

/** Splits a stream into events; comments and unknown fields are passed over. */
export const createEventReader = (onFrame: (frame: Frame) => void) => {
  const decoder = new TextDecoder();
  let rest = '';
  return (chunk: Uint8Array): void => {
    const frames = (rest + decoder.decode(chunk, { stream: true })).split(FRAME_END);
    rest = frames.pop() ?? '';
    for (const text of frames) onFrame(frameOf(text));
  };
};

/** Whether an event is the very next one after the last that was heard. */
const follows = (last: string, id: string): boolean => {
  const [before, now] = [parsePosition(last), parsePosition(id)];
  return before !== undefined && now?.epoch === before.epoch && now.sequence === before.sequence + 1;
};

/**
 * Every event, over as many connections as it takes: the stream is opened again and again until cancelled, and goes on
 * after the last event that was heard. `onGap` is called at the first opening, and whenever events in between cannot be
 * had any more.
 */
export const subscribeEvents = (options: SubscribeOptions): Cancel => {
  const { pool, clock, logger, reachability, handlers, closing, domain } = options;
  const path =
    BBS_ROUTES.OutcryEventStream + (domain === undefined ? '' : `?domain=${encodeURIComponent(domain)}`);
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, closing]);
  let lastId = '';

  const tell = (data: string): void => {
    const event = fromJson('BbsEvent', JSON.parse(data));
    if (event.ok) handlers.onEvent(event.value);
    else logger.error('events.unreadable', { errors: event.error });
  };

  const onFrame = ({ id, event, data }: Frame): void => {
    // of one domain numbers are left out: what cannot be had any more the board says itself
    const isLost = domain === undefined && data !== '' && lastId !== '' && !follows(lastId, id);
    const missed = event === RESET || isLost;
    if (id !== '') lastId = id;
    if (missed) handlers.onGap();
    if (data !== '' && event !== RESET) tell(data);
  };

  const open = async (): Promise<Dispatcher.ResponseData> => {
    const response = await pool.request({
      path,
      method: 'GET',
      headers: lastId === '' ? {} : { 'last-event-id': lastId },
      signal,
      bodyTimeout: SILENCE_MS,
    });
    const { statusCode } = response;
    if (statusCode === 200) return response;
    const refusal = refusalIn(statusCode, await response.body.text());
    throw refusal ?? new Error(`Invalid Response with status code: ${statusCode}`);
  };

  const read = async ({ body }: Dispatcher.ResponseData): Promise<void> => {
    reachability.answered();
    if (lastId === '') handlers.onGap();
    const push = createEventReader(onFrame);
    try {
      for await (const chunk of body) push(chunk as Uint8Array);
    } catch (error) {
      if (!signal.aborted) logger.info('events.disconnected', { reason: (error as Error).message });
    }
  };

  /** a first failure may be of a connection that was kept from before the BBS was started again */
  const notOpened = (error: unknown, inRow: number): void => {
    if (!signal.aborted && inRow > 1) reachability.failed(error);
  };

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      try {
        const response = await open();
        failures = 0;
        await read(response);
      } catch (error) {
        failures += 1;
        notOpened(error, failures);
      }
      if (!signal.aborted) await clock.sleep(RECONNECT_MS);
    }
  };

  void run();
  return () => ended.abort();
};
