import type { RawHeaders } from './request-headers.js';

/**
 * What a header before the body decides, for the router or for whoever reads on: how long the message is, where it
 * goes, who sent it, what it may do. After the body it would be too late, or a way around what the router says.
 */
const NEVER_AFTER: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['host', 'expect', 'range', 'max-forwards', 'cache-control', 'pragma', 'http2-settings'],
  ...['authorization', 'proxy-authorization', 'proxy-authenticate', 'cookie', 'forwarded', 'x-real-ip'],
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'],
  ...['b3', 'traceparent', 'tracestate', 'x-request-start', 'idempotency-key', 'x-idempotency-key'],
]);

const NEVER_AFTER_WITH = ['content-', 'x-cf-', 'x-forwarded-', 'x-vcap-', 'x-b3-', ':'];

const mayFollow = (name: string): boolean =>
  name !== '' && !NEVER_AFTER.has(name) && !NEVER_AFTER_WITH.some((start) => name.startsWith(start));

const NONE: RawHeaders = [];

/** The trailers of a request that go on to its endpoint. */
export const passedTrailers = (raw: RawHeaders): RawHeaders => {
  if (raw.length === 0) return NONE;
  const passed: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (mayFollow((raw[at] ?? '').toLowerCase())) passed.push(raw[at] ?? '', raw[at + 1] ?? '');
  }
  return passed;
};

/** What a request's `Trailer` announces of them. */
export const passedAnnouncement = (trailer: string): string =>
  trailer
    .split(',')
    .map((name) => name.trim())
    .filter((name) => mayFollow(name.toLowerCase()))
    .join(', ');
