import type { BbsEvent } from '../../common/model/events.js';
import type { EventHub, ToldEvent } from '../controllers/event-hub.js';
import { outcryFrame } from '../protocol/events.js';
import { parsePosition, positionFrame, resetFrame } from '../protocol/stream-position.js';
import type { EventSink } from './event-sink.js';

/** Why a subscriber cannot go on where it left off. */
export type ResetReason = 'another epoch' | 'not in the window';

/** Events that are taken from the window at once, so that others have their turn in between. */
const SLICE = 64;

/** The sequence after which a subscriber goes on, or why it cannot. */
const resumeAt = (lastEventId: string, hub: EventHub): number | ResetReason => {
  const last = parsePosition(lastEventId);
  if (!last || last.epoch !== hub.epoch) return 'another epoch';
  const known = last.sequence <= hub.sequence() && hub.window.holdsAfter(last.sequence);
  return known ? last.sequence : 'not in the window';
};

type Wants = (event: BbsEvent) => boolean;

const framesAfter = (hub: EventHub, sequence: number, wants: Wants): string[] => {
  const frames: string[] = [];
  const until = Math.min(hub.sequence(), sequence + SLICE);
  for (let at = sequence + 1; at <= until; at += 1) {
    const event = hub.window.event(at);
    if (event && wants(event)) frames.push(outcryFrame({ epoch: hub.epoch, sequence: at }, event));
  }
  return frames;
};

export interface OutcryStreamOptions {
  hub: EventHub;
  sink: EventSink;
  /** where it left off, as it says itself; undefined for one that begins */
  lastEventId: string | undefined;
  /** it hears of nothing else */
  wants: Wants;
  onResumed(): void;
  onReset(reason: ResetReason): void;
}

/**
 * Our own stream for one subscriber; returns what is to be called with what each commit tells. One that comes back
 * gets what it missed from the window, as fast as it reads, and what is new only then; where that is not to be had it is
 * told so, and goes on from now.
 */
export const openOutcryStream = (options: OutcryStreamOptions): ((events: readonly ToldEvent[]) => void) => {
  const { hub, sink, lastEventId, wants, onResumed, onReset } = options;
  /** sent so far, while it catches up */
  let behind: number | undefined;

  const catchUp = (): void => {
    while (behind !== undefined && sink.idle()) {
      if (behind === hub.sequence()) behind = undefined;
      else {
        sink.push(framesAfter(hub, behind, wants));
        behind = Math.min(behind + SLICE, hub.sequence());
      }
    }
  };

  const tell = (events: readonly ToldEvent[]): void => {
    if (behind === undefined) sink.push(events.filter(({ event }) => wants(event)).map((one) => one.frame()));
    else if (hub.window.holdsAfter(behind)) catchUp();
    else sink.cutOff('window');
  };

  const begin = (): void => {
    const now = { epoch: hub.epoch, sequence: hub.sequence() };
    if (lastEventId === undefined) return sink.push([positionFrame(now)]);
    const from = resumeAt(lastEventId, hub);
    if (typeof from === 'string') {
      onReset(from);
      return sink.push([resetFrame(now, from)]);
    }
    behind = from;
    onResumed();
    catchUp();
  };

  sink.onIdle(catchUp);
  begin();
  return tell;
};
