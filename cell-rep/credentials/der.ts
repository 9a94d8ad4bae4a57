/**
 * As much of DER (ITU-T X.690) as certificates take. Own code: what Node.js lacks to make certificates is their plain
 * data; keys and signatures are its own. Libraries that do it come with fifteen packages, or with cryptography of theirs.
 */

/** Object identifiers, encoded. */
export type Oid = readonly [number, number, ...number[]];

const lengthOf = (length: number): Buffer => {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 + bytes.length, ...bytes]);
};

export const tagged = (tag: number, ...content: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
};

export const sequence = (...parts: readonly Uint8Array[]): Buffer => tagged(0x30, ...parts);
export const setOf = (part: Uint8Array): Buffer => tagged(0x31, part);
export const utf8 = (text: string): Buffer => tagged(0x0c, Buffer.from(text, 'utf8'));
export const octets = (content: Uint8Array): Buffer => tagged(0x04, content);
export const bits = (content: Uint8Array, unused = 0): Buffer => tagged(0x03, Buffer.from([unused]), content);
export const isTrue = (): Buffer => tagged(0x01, Buffer.from([0xff]));
export const nothing = (): Buffer => tagged(0x05);

/** Of magnitude bytes; never negative. */
export const integer = (magnitude: Uint8Array): Buffer => {
  let from = 0;
  while (from < magnitude.length - 1 && magnitude[from] === 0) from += 1;
  const bytes = magnitude.subarray(from);
  return (bytes[0] ?? 0) < 0x80 ? tagged(0x02, bytes) : tagged(0x02, Buffer.from([0]), bytes);
};

export const oid = ([first, second, ...rest]: Oid): Buffer => {
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const sevens = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      sevens.unshift((left % 128) + 128);
    bytes.push(...sevens);
  }
  return tagged(0x06, Buffer.from(bytes));
};

/** `ms` since the epoch; seconds are all there is. Two digits of the year until 2049, four from then on. */
export const time = (ms: number): Buffer => {
  const text = `${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  return Number(text.slice(0, 4)) < 2050
    ? tagged(0x17, Buffer.from(text.slice(2), 'latin1'))
    : tagged(0x18, Buffer.from(text, 'latin1'));
};

export interface Element {
  tag: number;
  /** with its tag and length */
  whole: Buffer;
  content: Buffer;
}

const readElement = (data: Buffer, at: number): Element & { end: number } => {
  const short = data.readUInt8(at + 1);
  const size = short < 0x80 ? 0 : short - 0x80;
  const length = size === 0 ? short : data.readUIntBE(at + 2, size);
  const from = at + 2 + size;
  const end = from + length;
  if (end > data.length) throw new RangeError('an element goes beyond its end');
  return { tag: data.readUInt8(at), whole: data.subarray(at, end), content: data.subarray(from, end), end };
};

/** What a constructed element holds; throws a RangeError at what is no DER. */
export const elementsOf = (content: Buffer): Element[] => {
  const found: Element[] = [];
  for (let at = 0; at < content.length;) {
    const { end, ...element } = readElement(content, at);
    found.push(element);
    at = end;
  }
  return found;
};
