import type { BbsEvent } from '../../common/model/events.js';
import { decode } from '../../common/wire/codec.js';

export interface WindowLimits {
  /** ≥ 1 */
  events: number;
  /** of the events' protobuf form */
  bytes: number;
}

/** The last events, for subscribers who were away for a moment. */
export interface EventWindow {
  /** `sequence` is one more than the last one's */
  add(sequence: number, payload: Uint8Array): void;
  /** whether every event after `sequence` is still there */
  holdsAfter(sequence: number): boolean;
  /** undefined when it could not be encoded, and so was never told */
  event(sequence: number): BbsEvent | undefined;
  count(): number;
  bytes(): number;
}

/** Events are kept encoded: small, and holding on to no rows. */
export const createEventWindow = (limits: WindowLimits): EventWindow => {
  const payloads = new Map<number, Uint8Array>();
  let bytes = 0;
  let last = 0;
  let oldest = 1;

  const forgetOldest = (): void => {
    bytes -= payloads.get(oldest)?.byteLength ?? 0;
    payloads.delete(oldest);
    oldest += 1;
  };

  return {
    add(sequence, payload) {
      payloads.set(sequence, payload);
      bytes += payload.byteLength;
      last = sequence;
      while (oldest <= last && (payloads.size > limits.events || bytes > limits.bytes)) forgetOldest();
    },
    holdsAfter: (sequence) => sequence + 1 >= oldest,
    event(sequence) {
      const payload = payloads.get(sequence);
      const event = payload && decode('BbsEvent', payload);
      return event?.ok ? event.value : undefined;
    },
    count: () => payloads.size,
    bytes: () => bytes,
  };
};
