/** The engine's log of a process: frames of one entry each, with the time in front. */
import type { OutputChunk, OutputCursor } from '../../core/container-runtime.js';

const HEADER = 8;
const STDERR = 2;
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
/** entries of the two streams may stand out of order by so much, ns */
const DISORDER = 1_000_000_000n;

/** ns since the epoch, decimal */
const nanoseconds = (text: string): string => {
  const [, whole = '', fraction = '', zone = ''] = TIME.exec(text) ?? [];
  return `${Date.parse(whole + zone) / 1000}${fraction.padEnd(9, '0')}`;
};

const entryOf = (type: number, payload: Buffer): OutputChunk => {
  const space = payload.indexOf(0x20);
  return {
    stream: type === STDERR ? 'ERR' : 'OUT',
    timestamp: nanoseconds(payload.toString('latin1', 0, space)),
    data: payload.subarray(space + 1),
  };
};

/** Whole entries of what has come so far, and what is left of it. */
const splitFrames = (bytes: Buffer): { entries: OutputChunk[]; rest: Buffer } => {
  const entries: OutputChunk[] = [];
  let at = 0;
  while (bytes.length - at >= HEADER) {
    const end = at + HEADER + bytes.readUInt32BE(at + 4);
    if (end > bytes.length) break;
    entries.push(entryOf(bytes.readUInt8(at), bytes.subarray(at + HEADER, end)));
    at = end;
  }
  return { entries, rest: bytes.subarray(at) };
};

interface Place {
  stream: string;
  timestamp: string;
  /** which of the entries of that stream with that time, from 1 */
  ordinal: number;
}

const parseCursor = (cursor: OutputCursor): Place | undefined => {
  const [timestamp = '', stream = '', ordinal = ''] = cursor.split(':');
  return /^\d+$/.test(timestamp) ? { timestamp, stream, ordinal: Number(ordinal) } : undefined;
};

const formatCursor = ({ timestamp, stream, ordinal }: Place): OutputCursor =>
  `${timestamp}:${stream}:${ordinal}`;

const isSame = (a: Place, b: Place): boolean =>
  a.timestamp === b.timestamp && a.stream === b.stream && a.ordinal === b.ordinal;

/** Where the engine is to begin for a reader at this cursor: s since the epoch, with a fraction; 0 = at the first. */
export const sinceOf = (cursor: OutputCursor): string => {
  const place = parseCursor(cursor);
  if (!place) return '0';
  const from = String(BigInt(place.timestamp) - DISORDER).padStart(10, '0');
  return `${from.slice(0, -9)}.${from.slice(-9)}`;
};

export interface OutputSplitter {
  take(bytes: Buffer): void;
  /** nothing more comes: what was held back is given out */
  end(): void;
}

/** Gives out the entries after a cursor. The engine begins a little earlier, since it looks at times alone. */
export const createOutputSplitter = (
  from: OutputCursor,
  give: (chunk: OutputChunk, cursor: OutputCursor) => void,
  onLost: () => void = () => undefined,
): OutputSplitter => {
  const sought = parseCursor(from);
  let seeking = sought !== undefined;
  let rest: Buffer = Buffer.alloc(0);
  /** after the sought entry, or before it: not known yet */
  let held: { chunk: OutputChunk; place: Place }[] = [];
  const last = new Map<string, Place>();

  const placeOf = ({ stream, timestamp }: OutputChunk): Place => {
    const before = last.get(stream);
    const ordinal = before?.timestamp === timestamp ? before.ordinal + 1 : 1;
    const place = { stream, timestamp, ordinal };
    last.set(stream, place);
    return place;
  };
  /** the sought entry has been rotated away: all that is later is new */
  const giveUp = (): void => {
    seeking = false;
    onLost();
    for (const { chunk, place } of held) {
      if (sought && BigInt(place.timestamp) > BigInt(sought.timestamp)) give(chunk, formatCursor(place));
    }
    held = [];
  };
  const seek = (chunk: OutputChunk, place: Place, target: Place): void => {
    if (isSame(place, target)) {
      seeking = false;
      held = [];
      return;
    }
    held.push({ chunk, place });
    if (BigInt(place.timestamp) > BigInt(target.timestamp) + DISORDER) giveUp();
  };

  return {
    take(bytes) {
      const split = splitFrames(rest.length === 0 ? bytes : Buffer.concat([rest, bytes]));
      rest = split.rest;
      for (const chunk of split.entries) {
        const place = placeOf(chunk);
        if (seeking && sought) seek(chunk, place, sought);
        else give(chunk, formatCursor(place));
      }
    },
    end() {
      if (seeking) giveUp();
    },
  };
};
