import type { RawHeaders } from './request-headers.js';
import { stickyCookies } from './sticky-session.js';
import type { StickyAnswer, StickyRules } from './sticky-session.js';

/** What is done with the headers of answers; decided by configuration. */
export interface ResponseRules {
  /** names in lower case that no client sees, of endpoints' answers or the router's own */
  readonly removed: readonly string[];
  readonly addedIfAbsent: readonly { readonly name: string; readonly value: string }[];
  readonly sticky: StickyRules;
}

/** What an answer is an answer to. */
export interface Answered {
  readonly requestId: string;
  /** undefined where no session can stick */
  readonly session: StickyAnswer | undefined;
  /** who served, for clients that ask with `X-Vcap-Trace`; undefined for all others */
  readonly served: { readonly router: string; readonly endpoint: string } | undefined;
}

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'transfer-encoding',
  'upgrade',
];
const OF_BODIES: ReadonlySet<string> = new Set(['content-length', 'trailer']);
const SECRET = 'x-cf-proxy-signature';
/** Lower case. */
export const ROUTER_ERROR = 'x-cf-routererror';
const REQUEST_ID = 'x-vcap-request-id';

const NONE: ReadonlySet<string> = new Set();

const listedBy = (connection: string): ReadonlySet<string> => {
  // what nearly every answer says
  if (connection === '' || connection === 'keep-alive' || connection === 'close') return NONE;
  const names = new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
  // lengths frame the message on the next hop too: no app may have them dropped
  names.delete('content-length');
  return names;
};

const connectionOf = (raw: RawHeaders): string => {
  let all = '';
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    all = all === '' ? (raw[at + 1] ?? '') : `${all},${raw[at + 1] ?? ''}`;
  }
  return all;
};

const tellWhoServed = (headers: string[], { router, endpoint }: NonNullable<Answered['served']>): void => {
  headers.push('X-Vcap-Router', router, 'X-Vcap-Backend', endpoint, 'X-Cf-RouteEndpoint', endpoint);
};

const ABOUT_SERVERS = new Set(['x-vcap-router', 'x-vcap-backend', 'x-cf-routeendpoint']);

/** Makes the headers of answers. */
export interface ResponseWriter {
  /** what goes to the client of an endpoint's answer */
  answer(raw: RawHeaders, answered: Answered): string[];
  /** the same for an answer that switches protocols: here `Connection` and `Upgrade` are the message */
  upgrade(raw: RawHeaders, protocol: string, answered: Answered): string[];
  /** the same for what comes before an answer, which has no body: no session begins with it */
  interim(raw: RawHeaders): string[];
  /** an answer of the router's own, as the rules want it */
  own(headers: string[]): string[];
}

const hasHeader = (headers: RawHeaders, lower: string): boolean => {
  for (let at = 0; at < headers.length; at += 2) if (headers[at]?.toLowerCase() === lower) return true;
  return false;
};

export const createResponseWriter = (rules: ResponseRules): ResponseWriter => {
  const removed: ReadonlySet<string> = new Set([SECRET, ...rules.removed]);
  const notPassed: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...removed]);
  const added = rules.addedIfAbsent.map(({ name, value }) => ({ name, value, lower: name.toLowerCase() }));

  const addAbsent = (headers: string[]): void => {
    for (const { name, value, lower } of added) if (!hasHeader(headers, lower)) headers.push(name, value);
  };

  const answer: ResponseWriter['answer'] = (raw, { requestId, session, served }) => {
    const listed = listedBy(connectionOf(raw));
    const headers: string[] = [];
    let hasRequestId = false;
    for (let at = 0; at + 1 < raw.length; at += 2) {
      const name = raw[at] ?? '';
      const lower = name.toLowerCase();
      if (notPassed.has(lower) || listed.has(lower) || (served && ABOUT_SERVERS.has(lower))) continue;
      hasRequestId ||= lower === REQUEST_ID;
      headers.push(name, raw[at + 1] ?? '');
    }
    if (!hasRequestId && !removed.has(REQUEST_ID)) headers.push('X-Vcap-Request-Id', requestId);
    if (session) {
      for (const cookie of stickyCookies(raw, session, rules.sticky)) headers.push('Set-Cookie', cookie);
    }
    if (served) tellWhoServed(headers, served);
    if (added.length > 0) addAbsent(headers);
    return headers;
  };

  return {
    answer,
    interim(raw) {
      const listed = listedBy(connectionOf(raw));
      const headers: string[] = [];
      for (let at = 0; at + 1 < raw.length; at += 2) {
        const name = raw[at] ?? '';
        const lower = name.toLowerCase();
        if (notPassed.has(lower) || listed.has(lower) || OF_BODIES.has(lower)) continue;
        headers.push(name, raw[at + 1] ?? '');
      }
      return headers;
    },
    upgrade: (raw, protocol, answered) => [
      ...answer(raw, answered),
      'Connection',
      'Upgrade',
      'Upgrade',
      protocol,
    ],
    own(headers) {
      const kept: string[] = [];
      for (let at = 0; at + 1 < headers.length; at += 2) {
        const name = headers[at] ?? '';
        if (!removed.has(name.toLowerCase())) kept.push(name, headers[at + 1] ?? '');
      }
      addAbsent(kept);
      return kept;
    },
  };
};
