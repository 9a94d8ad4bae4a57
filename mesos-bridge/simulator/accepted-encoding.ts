import { MEDIA_TYPES } from '../protocol/codec.js';
import type { Encoding } from '../protocol/codec.js';

/** `type;q=0` says that it is not wanted. */
const allows = (accept: string, type: string): boolean =>
  accept.split(',').some((one) => {
    const [name = '', ...parameters] = one.split(';').map((part) => part.trim());
    if (parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) return false;
    return name === type || name === '*/*' || name === `${type.split('/')[0]}/*`;
  });

/** How a stream is written, by the request's Accept header: JSON where both will do. undefined: neither will. */
export const acceptedEncoding = (accept: string | undefined): Encoding | undefined => {
  if (accept === undefined || allows(accept, MEDIA_TYPES.json)) return 'json';
  return allows(accept, MEDIA_TYPES.protobuf) ? 'protobuf' : undefined;
};
