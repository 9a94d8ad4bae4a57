import { wellFormed } from './text.js';

/** Bytes that are kept between messages; what a longer one needed is given back. */
const KEPT_BYTES = 1024 * 1024;
const FIRST_BYTES = 16 * 1024;

/** Messages are copied out into slabs, as Node.js does, of which a new one costs more than a message; larger ones apart. */
const SLAB_BYTES = 128 * 1024;

/** Texts up to here are copied by character, which for short ones costs less than a call into the runtime. */
const SHORT_TEXT = 64;

const LOW = 2 ** 32;

const varintSize = (value: number): number => {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
};

/**
 * Writes protobuf into one buffer that all messages share, so that a listing of many rows leaves nothing behind but
 * its own bytes. Lengths are filled in when their message is complete: it is moved when they need more than one byte.
 */
export class ByteWriter {
  private buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  private at = 0;
  private slab = Buffer.alloc(0);
  /** bytes of the slab */
  private taken = 0;
  /** where messages that are open have their length */
  private readonly open: number[] = [];

  private reserve(bytes: number): void {
    const needed = this.at + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.at);
    this.buffer = grown;
  }

  /** `value` below 2^32; room for it is there */
  private varint(value: number): void {
    const { buffer } = this;
    let rest = value;
    while (rest > 0x7f) {
      buffer[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[this.at++] = rest;
  }

  private long(low: number, high: number): void {
    this.reserve(10);
    let [lo, hi] = [low, high];
    while (hi !== 0) {
      this.buffer[this.at++] = (lo & 0x7f) | 0x80;
      lo = ((lo >>> 7) | (hi << 25)) >>> 0;
      hi >>>= 7;
    }
    this.varint(lo);
  }

  uint32(value: number): this {
    this.reserve(5);
    this.varint(value >>> 0);
    return this;
  }

  int32(value: number): this {
    if (value >= 0) return this.uint32(value);
    this.long(value >>> 0, 0xffff_ffff);
    return this;
  }

  /** Exact up to 2^53, as numbers are. */
  int64(value: number): this {
    const whole = Math.trunc(value);
    if (whole >= 0) return this.uint64(whole);
    // two's complement of the magnitude
    const low = -whole % LOW;
    const high = Math.floor(-whole / LOW);
    const carry = low === 0 ? 1 : 0;
    this.long(-low >>> 0, (~high + carry) >>> 0);
    return this;
  }

  uint64(value: number): this {
    const whole = Math.trunc(value);
    this.long((whole % LOW) >>> 0, Math.floor(whole / LOW) >>> 0);
    return this;
  }

  bool(value: boolean): this {
    return this.uint32(value ? 1 : 0);
  }

  /** Lone surrogates become U+FFFD: one of them would make the whole message unreadable. */
  string(text: string): this {
    const { length } = text;
    this.reserve(length * 3 + 5);
    if (length <= SHORT_TEXT && this.ascii(text)) return this;
    // the length is not known before the bytes are
    const size = varintSize(length * 3);
    const written = this.buffer.write(wellFormed(text), this.at + size, 'utf8');
    const needed = varintSize(written);
    if (needed < size) this.buffer.copyWithin(this.at + needed, this.at + size, this.at + size + written);
    this.varint(written);
    this.at += written;
    return this;
  }

  /** false when it is none, and then nothing has been written */
  private ascii(text: string): boolean {
    const { buffer } = this;
    const { length } = text;
    let at = this.at + 1;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      buffer[at++] = code;
    }
    buffer[this.at] = length;
    this.at = at;
    return true;
  }

  /** Begins a message within the message; its tag has been written. */
  fork(): this {
    this.reserve(1);
    this.open.push(this.at);
    this.at += 1;
    return this;
  }

  /** Ends it. */
  ldelim(): this {
    const from = this.open.pop() ?? 0;
    const length = this.at - from - 1;
    const more = varintSize(length) - 1;
    if (more === 0) {
      this.buffer[from] = length;
      return this;
    }
    this.reserve(more);
    this.buffer.copyWithin(from + 1 + more, from + 1, this.at);
    const end = this.at + more;
    this.at = from;
    this.varint(length);
    this.at = end;
    return this;
  }

  /** A copy of what has been written, in `room` if it has so much. */
  finish(room?: Buffer): Buffer {
    const fits = room !== undefined && this.at <= room.length;
    const bytes = fits ? room.subarray(0, this.at) : this.allocate(this.at);
    this.buffer.copy(bytes, 0, 0, this.at);
    return bytes;
  }

  private allocate(bytes: number): Buffer {
    if (bytes > SLAB_BYTES / 8) return Buffer.allocUnsafeSlow(bytes);
    if (this.taken + bytes > this.slab.length) {
      this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.taken = 0;
    }
    this.taken += bytes;
    return this.slab.subarray(this.taken - bytes, this.taken);
  }

  /** Forgets everything, messages that were never ended included. */
  reset(): void {
    this.at = 0;
    this.open.length = 0;
    if (this.buffer.length > KEPT_BYTES) this.buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }
}
