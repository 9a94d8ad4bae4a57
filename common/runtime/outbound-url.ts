/** URLs that a user's word leads to (downloads, callbacks), each stop on the way like the first: design §9. */

/** What is wrong with one, in words for its owner; without the query, where signatures are. */
export class OutboundUrlError extends Error {}

export const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Throws OutboundUrlError. */
export const outboundUrl = (text: string, base?: URL): URL => {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw new OutboundUrlError('not a URL');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OutboundUrlError(`${url.protocol.slice(0, -1)} URLs are not allowed, only http and https`);
  }
  return url;
};

interface Answer {
  statusCode: number;
  headers: Record<string, string | string[] | undefined>;
}

/** Where an answer sends on to; undefined when it does not. Throws OutboundUrlError. */
export const redirectOf = ({ statusCode, headers }: Answer, from: URL): URL | undefined => {
  if (!REDIRECTS.has(statusCode)) return undefined;
  const { location } = headers;
  const [target] = Array.isArray(location) ? location : [location];
  if (target === undefined) throw new OutboundUrlError(`status ${statusCode} without a location`);
  return outboundUrl(target, from);
};

export const tooManyRedirects = (): OutboundUrlError =>
  new OutboundUrlError(`more than ${MAX_REDIRECTS} redirects`);

/** The header that says who asks, of a URL that names it. */
export const outboundCredentials = ({ username, password }: URL): Record<string, string> => {
  if (username === '') return {};
  const text = decodeURIComponent(`${username}:${password}`);
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
};

/** `allowed`: `HOST:PORT`, or `HOST` for each of its ports. */
export const isAllowedHost = (host: string, allowed: readonly string[]): boolean =>
  allowed.some((one) => {
    const name = one.toLowerCase();
    return name === host.toLowerCase() || name === host.toLowerCase().replace(/:\d+$/, '');
  });
