/** Longest message of an application's log, in bytes; longer lines are split (Diego's limit). */
export const LONGEST_LINE = 61_440;

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** Cuts a stream of bytes into lines. Empty lines are dropped, as Diego drops them. */
export interface LineSplitter {
  push(bytes: Uint8Array): Uint8Array[];
  /** the last line, which had no newline */
  end(): Uint8Array[];
  /** what has been read of a line that has not ended */
  partial(): Uint8Array;
}

const EMPTY = new Uint8Array(0);

const join = (left: Uint8Array, right: Uint8Array): Uint8Array => {
  if (left.length === 0) return right;
  const whole = new Uint8Array(left.length + right.length);
  whole.set(left);
  whole.set(right, left.length);
  return whole;
};

/** Where to cut at most `limit` bytes so that no UTF-8 character is torn; binary is cut at the limit. */
const cutAt = (bytes: Uint8Array, limit: number): number => {
  for (let at = limit; at > limit - 4; at -= 1) {
    if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return at;
  }
  return limit;
};

const withoutReturn = (line: Uint8Array): Uint8Array =>
  line[line.length - 1] === CARRIAGE_RETURN ? line.subarray(0, -1) : line;

export const createLineSplitter = (restored: Uint8Array = EMPTY): LineSplitter => {
  let rest = restored;

  /** moves full pieces of an overlong line out of it */
  const split = (line: Uint8Array, into: Uint8Array[]): Uint8Array => {
    let left = line;
    while (left.length > LONGEST_LINE) {
      const at = cutAt(left, LONGEST_LINE);
      into.push(left.subarray(0, at));
      left = left.subarray(at);
    }
    return left;
  };

  return {
    push(bytes) {
      const lines: Uint8Array[] = [];
      let from = 0;
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
        const line = split(join(rest, bytes.subarray(from, at)), lines);
        const clean = withoutReturn(line);
        if (clean.length > 0) lines.push(clean);
        rest = EMPTY;
        from = at + 1;
      }
      // copied: the chunk may be a view of a buffer that is reused
      if (from < bytes.length) rest = split(join(rest, bytes.slice(from)), lines);
      return lines;
    },
    end() {
      const line = withoutReturn(rest);
      rest = EMPTY;
      return line.length > 0 ? [line] : [];
    },
    partial: () => rest,
  };
};

/** What an application may log. */
export interface LogLimits {
  /** of its LRP or task: -1 no limit, 0 nothing passes */
  bytesPerSecond: number;
  /** of the platform's operator: 0 no limit */
  linesPerSecond: number;
}

/** `tell`: it may not pass, and this is to be said once */
export type RateVerdict = 'pass' | 'drop' | { tell: string };

/** Decides line by line whether an application may still log. */
export type RateLimiter = (bytes: number, nowMs: number) => RateVerdict;

/** ms; one notice per period at most, as Diego's executor */
const PERIOD_MS = 1_000;

/** Notices in Diego's words. */
const tooManyBytes = (limit: number): string => `app instance exceeded log rate limit (${limit} bytes/sec)`;
const tooManyLines = (limit: number): string =>
  `app instance exceeded log rate limit (${limit} log-lines/sec) set by platform operator`;

/**
 * What one period did not use is gone: an application that was silent may not burst later. Where nothing may pass,
 * nothing is said of it either, as in Diego.
 */
export const createRateLimiter = ({ bytesPerSecond, linesPerSecond }: LogLimits): RateLimiter => {
  let periodStart = Number.NEGATIVE_INFINITY;
  let bytesSpent = 0;
  let linesSpent = 0;
  let told = false;
  const begin = (nowMs: number): void => {
    periodStart = nowMs;
    bytesSpent = 0;
    linesSpent = 0;
    told = false;
  };
  const tell = (notice: string): RateVerdict => {
    if (told) return 'drop';
    told = true;
    return { tell: notice };
  };
  return (bytes, nowMs) => {
    if (bytesPerSecond === 0) return 'drop';
    if (nowMs - periodStart >= PERIOD_MS || nowMs < periodStart) begin(nowMs);
    if (bytesPerSecond > 0 && bytesSpent + bytes > bytesPerSecond) return tell(tooManyBytes(bytesPerSecond));
    if (linesPerSecond > 0 && linesSpent >= linesPerSecond) return tell(tooManyLines(linesPerSecond));
    bytesSpent += bytes;
    linesSpent += 1;
    return 'pass';
  };
};

const amount = (bytes: number): string =>
  bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

/** In the log, where output was written over before anybody had read it; `bytes` when they are known. */
export const lostOutput = (bytes: number | undefined): string =>
  `${bytes === undefined ? 'output' : `about ${amount(bytes)} of output`} is missing here: ` +
  'it was written faster than it could be read';

/** In the log, where lines were given up because they could not be sent. */
export const lostLines = (lines: number): string =>
  `${lines} log ${lines === 1 ? 'line is' : 'lines are'} missing here: ` +
  'the message bus was away, or took them more slowly than they came';
