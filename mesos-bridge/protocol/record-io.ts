const LF = 10;
const ZERO = 48;
const NINE = 57;
/** Digits of the largest 64-bit number: a longer header is none. */
const MAX_DIGITS = 20;

/** The largest record that is taken without being told otherwise, bytes: offers of 10,000 agents are some 20 MiB. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** Why a stream cannot be read any further. */
export interface RecordError {
  readonly reason: 'header' | 'too-large';
  readonly message: string;
}

export interface RecordDecoder {
  /** The records that this chunk completes, in order, and what is wrong behind them; after an error the same for ever. */
  push(chunk: Uint8Array): { readonly records: readonly Uint8Array[]; readonly error?: RecordError };
  /** bytes of a record, or of its header, that is not complete */
  pending(): number;
}

/** One record: its length in bytes, LF, and the bytes. */
export const encodeRecord = (payload: Uint8Array): Uint8Array => {
  const header = Buffer.from(`${payload.length}\n`);
  return Buffer.concat([header, payload]);
};

const badHeader = (header: string): RecordError => ({
  reason: 'header',
  message: `a record's length is expected, and ${JSON.stringify(header)} came`,
});

const tooLarge = (length: number, maxBytes: number): RecordError => ({
  reason: 'too-large',
  message: `a record of ${length} bytes came, and at most ${maxBytes} are taken`,
});

/**
 * Reads Mesos's RecordIO however it is cut into chunks. What is announced is not reserved before it comes; a header that
 * is no number, or too large a one, ends the stream for good, as there is no way to find the next record.
 */
export const createRecordDecoder = ({ maxBytes = MAX_RECORD_BYTES } = {}): RecordDecoder => {
  let failure: RecordError | undefined;
  let header = '';
  /** of the record that is being read; undefined within a header */
  let length: number | undefined;
  let parts: Uint8Array[] = [];
  let collected = 0;

  const fail = (error: RecordError): undefined => {
    failure = error;
    parts = [];
    return undefined;
  };

  /** Where the header goes on after these bytes; undefined when there is no reading on. */
  const readHeader = (chunk: Uint8Array, from: number): number | undefined => {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (byte === LF && header !== '') {
        length = Number(header);
        header = '';
        return length > maxBytes ? fail(tooLarge(length, maxBytes)) : at + 1;
      }
      header += String.fromCharCode(byte);
      if (byte < ZERO || byte > NINE || header.length > MAX_DIGITS) return fail(badHeader(header));
    }
    return chunk.length;
  };

  const complete = (): Uint8Array => {
    const [only] = parts;
    const record = parts.length === 1 && only ? only : Buffer.concat(parts);
    [parts, collected, length] = [[], 0, undefined];
    return record;
  };

  const readBody = (chunk: Uint8Array, from: number, wanted: number): number => {
    const end = Math.min(chunk.length, from + wanted - collected);
    if (end > from) parts.push(chunk.subarray(from, end));
    collected += end - from;
    return end;
  };

  return {
    push(chunk) {
      const records: Uint8Array[] = [];
      for (let at: number | undefined = 0; at !== undefined && at < chunk.length && !failure;) {
        at = length === undefined ? readHeader(chunk, at) : readBody(chunk, at, length);
        if (length === collected && !failure) records.push(complete());
      }
      return failure ? { records, error: failure } : { records };
    },
    pending: () => collected + header.length,
  };
};
