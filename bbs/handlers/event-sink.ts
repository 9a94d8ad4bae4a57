import type { ServerResponse } from 'node:http';
import type { Clock } from '../../common/ports/clock.js';

/** What may wait for a subscriber to read before it is cut off. */
export interface SinkLimits {
  events: number;
  bytes: number;
}

/** Why a subscriber was cut off: too many events or bytes waited for it, or the window went by before it came to it. */
export type CutOffReason = 'events' | 'bytes' | 'window';

export interface SinkOptions {
  response: ServerResponse;
  clock: Pick<Clock, 'sleep'>;
  limits: SinkLimits;
  /** each event gets the next number as its id, from 0 */
  numbered: boolean;
  onCutOff(reason: CutOffReason): void;
}

export interface EventSink {
  /** what one commit told, as frames; '' is passed over */
  push(frames: readonly string[]): void;
  /** a line that is no event, unless something waits anyhow: then the connection is alive as it is */
  comment(): void;
  /** nothing waits, and the connection takes more at once */
  idle(): boolean;
  /** called when everything has been sent: there is room for more that is at hand */
  onIdle(listener: () => void): void;
  cutOff(reason: CutOffReason): void;
  /** the end of the stream, after what has been sent so far */
  end(): void;
  /** events and bytes that wait */
  waiting(): SinkLimits;
}

/** Headers and their order as Diego's streams have them; `Date` and `Transfer-Encoding` follow. */
const HEADERS = [
  ['Cache-Control', 'no-cache, no-store, must-revalidate'],
  ['Connection', 'keep-alive'],
  ['Content-Type', 'text/event-stream; charset=utf-8'],
].flat();

const COMMENT = ':\n\n';

/** Bytes that are written at once before it is looked whether the connection takes more. */
const PIECE = 64 * 1024;

/** One HTTP chunk. Diego puts a `;` after the length, which HTTP does not allow there, and clients but Go's refuse. */
const chunk = (frame: string): string => `${frame.length.toString(16)}\r\n${frame}\r\n`;

/** Frames in the order in which they came; all are Latin-1, a character being a byte. */
const createQueue = () => {
  let frames: string[] = [];
  let from = 0;
  let bytes = 0;
  return {
    add(frame: string): void {
      frames.push(frame);
      bytes += frame.length;
    },
    take(): string | undefined {
      const frame = frames[from];
      if (frame === undefined) return undefined;
      from += 1;
      bytes -= frame.length;
      if (from === frames.length) [frames, from] = [[], 0];
      return frame;
    },
    waiting: (): SinkLimits => ({ events: frames.length - from, bytes }),
  };
};

const exceeded = (waiting: SinkLimits, allowed: SinkLimits): 'events' | 'bytes' | undefined => {
  if (waiting.events >= allowed.events) return 'events';
  return waiting.bytes >= allowed.bytes ? 'bytes' : undefined;
};

/** The limits, and beside them what one commit has added. */
const beside = (limits: SinkLimits, before: SinkLimits, after: SinkLimits): SinkLimits => ({
  events: limits.events + after.events - before.events,
  bytes: limits.bytes + after.bytes - before.bytes,
});

/**
 * What one turn tells, of however many commits, goes out at once: a call to the system for each costs more than the rest.
 * False when the connection takes no more until it is drained.
 */
const createSender = ({ response: { socket }, clock }: SinkOptions): ((text: string) => boolean) => {
  let corked = false;
  const uncork = (): void => {
    if (corked) socket?.uncork();
    corked = false;
  };
  return (text) => {
    if (socket === null) return false;
    if (!corked) {
      socket.cork();
      void clock.sleep(0).then(uncork);
    }
    corked = true;
    const takesMore = socket.write(text, 'latin1');
    if (!takesMore) uncork();
    return takesMore;
  };
};

/**
 * Opens the stream on a response and sends frames as fast as the subscriber reads; whoever reads too slowly is cut off,
 * and holds up nobody. One commit may tell more than the limits: that much is allowed beside them until it has been sent,
 * since nobody could have read it in between.
 */
export const openSink = (options: SinkOptions): EventSink => {
  const { response, limits, numbered, onCutOff } = options;
  const queue = createQueue();
  let allowed = limits;
  let blocked = false;
  let ended = false;
  let id = 0;
  let whenIdle = (): void => undefined;

  response.writeHead(200, HEADERS);
  response.flushHeaders();
  const { socket } = response;
  const send = createSender(options);

  const nextPiece = (): string => {
    let piece = '';
    while (piece.length < PIECE) {
      const frame = queue.take();
      if (frame === undefined) break;
      piece += chunk(numbered ? `id: ${id++}\n${frame}` : frame);
    }
    return piece;
  };

  // chunks are written past the response, which would write each in four parts: a hundred subscribers would feel it
  const write = (text: string): void => {
    blocked = !send(text);
  };

  const flush = (): void => {
    while (!blocked && !ended && queue.waiting().events > 0) write(nextPiece());
  };

  const cutOff = (reason: CutOffReason): void => {
    if (ended) return;
    ended = true;
    onCutOff(reason);
    response.destroy();
  };

  const onDrain = (): void => {
    blocked = false;
    flush();
    if (!blocked && !ended) whenIdle();
  };

  const finish = (): void => {
    ended = true;
    socket?.off('drain', onDrain);
  };

  socket?.on('drain', onDrain);
  response.on('close', finish);

  return {
    push(frames) {
      if (ended) return;
      const before = queue.waiting();
      const reason = exceeded(before, allowed);
      if (reason) return cutOff(reason);
      for (const frame of frames) if (frame !== '') queue.add(frame);
      if (!exceeded(before, limits)) allowed = beside(limits, before, queue.waiting());
      flush();
    },
    comment() {
      if (!blocked && !ended) write(chunk(COMMENT));
    },
    idle: () => !blocked && !ended,
    onIdle(listener) {
      whenIdle = listener;
    },
    cutOff,
    end() {
      if (ended) return;
      finish();
      response.end();
    },
    waiting: queue.waiting,
  };
};
