/** What a Mesos endpoint reads of a request before it looks at the call (mesos-v1.md §1, §2). */
import type { IncomingMessage } from 'node:http';
import type { Encoding } from '../../protocol/codec.js';
import { MEDIA_TYPES } from '../../protocol/codec.js';

/** More than any call of a framework needs; an endless body must not fill the memory. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** undefined: larger than is taken, or the client went away */
export const readBody = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
};

const ENCODINGS: readonly Encoding[] = ['json', 'protobuf'];

/** Compared letter by letter: with a charset or in other case it is another type. */
export const encodingOf = (contentType: string): Encoding | undefined =>
  ENCODINGS.find((encoding) => MEDIA_TYPES[encoding] === contentType);

interface Range {
  readonly type: string;
  readonly refused: boolean;
}

const readAccept = (accept: string): Range[] =>
  accept.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((word) => word.trim());
    return { type, refused: parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) };
  });

const matches = (range: string, type: string): boolean =>
  range === type || range === '*/*' || range === `${type.slice(0, type.indexOf('/'))}/*`;

/** JSON where both will do, and where nothing is said. */
export const acceptedEncoding = (accept: string | undefined): Encoding | undefined => {
  if (accept === undefined) return 'json';
  const ranges = readAccept(accept);
  return ENCODINGS.find((encoding) => {
    const fitting = ranges.filter(({ type }) => matches(type, MEDIA_TYPES[encoding]));
    return fitting.length > 0 && fitting.every(({ refused }) => !refused);
  });
};

/** Name and password of basic authentication. */
export const readBasic = (authorization: string | undefined): readonly [string, string] | undefined => {
  const encoded = /^Basic (\S+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
};
