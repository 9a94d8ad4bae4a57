/**
 * A strict reader of tar archives: ustar, GNU long names, pax `path`, `linkpath` and `size`. Kinds that it does not
 * know are refused, never skipped: what is unpacked is what was packed.
 */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { ArchiveError } from './entry.js';
import type { ArchiveEntry } from './entry.js';

const BLOCK = 512;
/** for long names and pax headers, which are held in memory */
const MAX_EXTENSION = 64 * 1024;

/** hands out exact amounts from a stream of pieces */
interface ByteSource {
  /** exactly so many bytes; undefined when the stream ends right here */
  exactly(count: number): Promise<Buffer | undefined>;
  /** so many bytes, piece by piece */
  pieces(count: number): AsyncGenerator<Uint8Array>;
}

const createByteSource = (stream: AsyncIterable<Buffer>): ByteSource => {
  const iterator = stream[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    if (rest.length > 0) return true;
    const { value, done } = await iterator.next();
    if (done === true) return false;
    rest = value as Buffer;
    return more();
  };
  async function* pieces(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0;) {
      if (!(await more())) throw new ArchiveError('the archive ends in the middle of an entry');
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
  return {
    pieces,
    async exactly(count) {
      if (!(await more())) return undefined;
      const found: Uint8Array[] = [];
      for await (const piece of pieces(count)) found.push(piece);
      return Buffer.concat(found);
    },
  };
};

const text = (block: Buffer, from: number, length: number): string => {
  const field = block.subarray(from, from + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? length : end);
};

/** octal, or base 256 when the first bit is set */
const number = (block: Buffer, from: number, length: number): number => {
  if ((block[from] as number) & 0x80) {
    const value = block.readUIntBE(from + length - 6, 6);
    const high = block.subarray(from + 1, from + length - 6);
    if (block[from] !== 0x80 || high.some((byte) => byte !== 0))
      throw new ArchiveError('number out of range in a tar header');
    return value;
  }
  const digits = text(block, from, length).trim();
  if (!/^[0-7]*$/.test(digits)) throw new ArchiveError('damaged tar header');
  return digits === '' ? 0 : parseInt(digits, 8);
};

const checksumHolds = (block: Buffer): boolean => {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK; i += 1) if (i < 148 || i >= 156) sum += block[i] as number;
  return sum === number(block, 148, 8);
};

interface Header {
  name: string;
  mode: number;
  size: number;
  type: string;
  linkName: string;
}

const parseHeader = (block: Buffer): Header => {
  if (!checksumHolds(block)) throw new ArchiveError('damaged tar header');
  const ustar = text(block, 257, 6) === 'ustar';
  const prefix = ustar ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: number(block, 100, 8) & 0o7777,
    size: number(block, 124, 12),
    type: String.fromCharCode(block[156] as number),
    linkName: text(block, 157, 100),
  };
};

type Extension = Partial<Pick<Header, 'name' | 'linkName' | 'size'>>;

/** "LENGTH KEY=VALUE\n", LENGTH counting the whole record in bytes */
const parsePax = (data: Buffer): Extension => {
  const found: Extension = {};
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    const length = Number(data.toString('latin1', at, space));
    if (space === -1 || !Number.isInteger(length) || length < 5 || at + length > data.length) {
      throw new ArchiveError('damaged pax header');
    }
    const record = data.toString('utf8', space + 1, at + length - 1);
    const [key, value] = [record.slice(0, record.indexOf('=')), record.slice(record.indexOf('=') + 1)];
    if (key === 'path') found.name = value;
    else if (key === 'linkpath') found.linkName = value;
    else if (key === 'size') found.size = Number(value);
    else if (key.startsWith('GNU.sparse')) throw new ArchiveError('sparse files in a tar are not supported');
    at += length;
  }
  return found;
};

const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;

const readExtension = async (source: ByteSource, header: Header): Promise<Extension> => {
  if (header.size > MAX_EXTENSION) throw new ArchiveError('tar header too long');
  const data = (await source.exactly(header.size + padding(header.size))) ?? Buffer.alloc(0);
  const content = data.subarray(0, header.size);
  if (header.type === 'L') return { name: text(content, 0, content.length) };
  if (header.type === 'K') return { linkName: text(content, 0, content.length) };
  return header.type === 'x' ? parsePax(content) : {}; // a global header ('g') says nothing of names
};

const toEntry = (header: Header, content: AsyncIterable<Uint8Array>): ArchiveEntry => {
  const { name, mode, linkName } = header;
  switch (header.type) {
    case '0':
    case '\0':
    case '7':
      return name.endsWith('/') ? { kind: 'directory', name, mode } : { kind: 'file', name, mode, content };
    case '1':
      return { kind: 'hardlink', name, target: linkName };
    case '2':
      return { kind: 'symlink', name, target: linkName };
    case '5':
      return { kind: 'directory', name, mode };
    case '3':
    case '4':
    case '6':
      throw new ArchiveError(`neither file, directory nor link: ${JSON.stringify(name)}`);
    default:
      throw new ArchiveError(
        `tar entry of unknown kind ${JSON.stringify(header.type)}: ${JSON.stringify(name)}`,
      );
  }
};

const openStream = (file: string, zipped: boolean): Readable => {
  const raw = createReadStream(file, { highWaterMark: 256 * 1024 });
  if (!zipped) return raw;
  // the iterating side is told of every failure through the last stream
  return pipeline(raw, createGunzip({ chunkSize: 64 * 1024 }), () => undefined);
};

async function* readHeaders(source: ByteSource): AsyncGenerator<Header> {
  let extension: Extension = {};
  for (let block = await source.exactly(BLOCK); block; block = await source.exactly(BLOCK)) {
    if (block.every((byte) => byte === 0)) return;
    const header = parseHeader(block);
    if ('LKxg'.includes(header.type)) {
      extension = { ...extension, ...(await readExtension(source, header)) };
      continue;
    }
    const whole = { ...header, ...extension };
    if (!Number.isSafeInteger(whole.size) || whole.size < 0) throw new ArchiveError('damaged tar header');
    extension = {};
    yield whole;
  }
}

/** The entries of a tar in a file, in its order. What of an entry's content was not read is skipped. */
export const readTar = (file: string, zipped: boolean): AsyncGenerator<ArchiveEntry> =>
  readTarStream(openStream(file, zipped));

/** The same, of a stream, which is destroyed at the end. */
export async function* readTarStream(stream: Readable): AsyncGenerator<ArchiveEntry> {
  try {
    const source = createByteSource(stream);
    for await (const header of readHeaders(source)) {
      // links and directories may state a size without having content
      const size = '125'.includes(header.type) ? 0 : header.size;
      const content = source.pieces(size);
      yield toEntry(header, content);
      for await (const skipped of content) void skipped;
      await source.exactly(padding(size));
    }
  } finally {
    stream.destroy();
  }
}
