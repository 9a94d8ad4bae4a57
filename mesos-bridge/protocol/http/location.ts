import { err, ok } from '../../../common/model/result.js';
import type { Result } from '../../../common/model/result.js';

/** Where a server listens, and below which path. */
export interface Place {
  /** `http://host:port` */
  readonly origin: string;
  readonly path: string;
}

const HAS_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * Where a redirect leads, in every form that is known of Mesos: `//host:port/path`, `http://host:port/path`, `host:port`.
 * Without a path of its own that of the request is kept. A way from https to http is refused, as the credentials would
 * go over it in the open.
 */
export const resolveLocation = (location: string, from: Place): Result<Place, string> => {
  const text = location.trim();
  const scheme = from.origin.slice(0, from.origin.indexOf('//'));
  const absolute = HAS_SCHEME.test(text)
    ? text
    : text.startsWith('//')
      ? scheme + text
      : `${scheme}//${text}`;
  if (text === '' || (text.startsWith('/') && !text.startsWith('//'))) {
    return err(`"${location}" names no master`);
  }
  if (!URL.canParse(absolute)) return err(`"${location}" is no address`);
  const url = new URL(absolute);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return err(`"${location}" is no address of HTTP`);
  if (scheme === 'https:' && url.protocol === 'http:') return err(`"${location}" leads out of TLS`);
  const path = url.pathname === '/' ? from.path : url.pathname + url.search;
  return ok({ origin: url.origin, path });
};
