import type { ServerResponse } from 'node:http';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { EventHub, ToldEvent } from '../controllers/event-hub.js';

export interface EventStreamOptions {
  hub: EventHub;
  clock: Clock;
  logger: Logger;
  /** events that may wait for the subscriber to read */
  buffer: number;
  heartbeatMs: number;
  /** the subscriber read too slowly */
  onCutOff(): void;
}

/** Headers as Diego's streams have them. */
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-store, must-revalidate',
  connection: 'keep-alive',
};

const framed = ({ id, kind, json }: ToldEvent): string => `id: ${id}\nevent: ${kind}\ndata: ${json()}\n\n`;

/**
 * Sends every event from now on until the subscriber leaves. One that reads too slowly is cut off,
 * so that it subscribes and reads the state again, rather than holding up the board.
 */
export const streamEvents = (response: ServerResponse, options: EventStreamOptions): void => {
  const { hub, clock, logger, buffer, heartbeatMs, onCutOff } = options;
  const waiting: ToldEvent[] = [];
  let blocked = false;

  const flush = (): void => {
    blocked = false;
    while (!blocked) {
      const event = waiting.shift();
      if (!event) return;
      blocked = !response.write(framed(event));
    }
  };

  const push = (event: ToldEvent): void => {
    // cut off in this very turn, in which more is told
    if (response.destroyed) return;
    waiting.push(event);
    if (!blocked) return flush();
    if (waiting.length <= buffer) return;
    logger.warn('events.subscriber-cut-off', { waiting: waiting.length });
    response.destroy();
    onCutOff();
  };

  response.writeHead(200, HEADERS);
  response.flushHeaders();
  const cancels = [
    hub.subscribe(push),
    clock.every(heartbeatMs, () => {
      if (!blocked) response.write(':\n\n');
    }),
  ];
  response.on('drain', flush);
  response.on('close', () => cancels.forEach((cancel) => cancel()));
};
