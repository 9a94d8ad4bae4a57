import { formatAttributes, noAttributes, parseAttributes, readAttributes } from './cookie-attributes.js';
import type { CookieAttributes } from './cookie-attributes.js';
import type { RawHeaders } from './request-headers.js';

/** The cookie that names the instance of a session. */
const INSTANCE_COOKIE = '__VCAP_ID__';
/** The cookie that keeps the other's attributes. */
const META_COOKIE = '__VCAP_ID_META__';
/** seconds in which an authentication in several steps must be through */
const NEGOTIATION_AGE = 60;

/** What makes a session sticky; decided by configuration. */
export interface StickyRules {
  /** cookies by which applications keep sessions, those with the prefix `__Host-` included */
  readonly cookieNames: ReadonlySet<string>;
  /** mark the router's cookie Secure whatever the application's is */
  readonly secureCookies: boolean;
  /** `Authorization: Negotiate` authenticates a connection step by step, all with one instance */
  readonly negotiate: boolean;
}

/** Who served the request's session before. */
export interface StickyRequest {
  readonly instanceId: string;
  /** nobody else can go on with it */
  readonly mustBeThatInstance: boolean;
}

const NOT_STICKY: StickyRequest = { instanceId: '', mustBeThatInstance: false };

const isNegotiate = (value: string): boolean => value.slice(0, 9).toLowerCase() === 'negotiate';

const unquoted = (value: string): string =>
  value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;

const readCookies = (header: string): Map<string, string> => {
  const cookies = new Map<string, string>();
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1) continue;
    const name = pair.slice(0, equals).trim();
    if (!cookies.has(name)) cookies.set(name, unquoted(pair.slice(equals + 1).trim()));
  }
  return cookies;
};

/** Reads which instance a request's session lives in. `cookie` joins all headers of that name. */
export const readStickyRequest = (
  { cookie, authorization }: { readonly cookie: string; readonly authorization: string },
  rules: StickyRules,
): StickyRequest => {
  // nearly all requests end here
  if (!cookie.includes(INSTANCE_COOKIE)) return NOT_STICKY;
  const cookies = readCookies(cookie);
  const instanceId = cookies.get(INSTANCE_COOKIE) ?? '';
  if (instanceId === '') return NOT_STICKY;
  if (rules.negotiate && isNegotiate(authorization)) return { instanceId, mustBeThatInstance: true };
  for (const name of rules.cookieNames) {
    if (cookies.has(name)) return { instanceId, mustBeThatInstance: false };
  }
  return NOT_STICKY;
};

const cookieName = (setCookie: string): string => {
  const equals = setCookie.indexOf('=');
  return equals === -1 ? '' : setCookie.slice(0, equals).trim();
};

/** Ids and paths come from registrars: what could end the cookie, or the header, is left out. */
const cookieValue = (text: string): string =>
  text.replace(/[^\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]/g, '');
const cookiePath = (text: string): string => text.replace(/[^\x20-\x3a\x3c-\x7e]/g, '');

const formatCookie = (pair: string, path: string, attributes: CookieAttributes): string => {
  const { expires, maxAge, secure, sameSite, partitioned } = attributes;
  let cookie = `${pair}; Path=${cookiePath(path) || '/'}`;
  if (expires !== '') cookie += `; Expires=${expires}`;
  if (maxAge !== undefined) cookie += `; Max-Age=${maxAge}`;
  cookie += '; HttpOnly';
  if (secure) cookie += '; Secure';
  if (sameSite !== '') cookie += `; SameSite=${sameSite}`;
  if (partitioned) cookie += '; Partitioned';
  return cookie;
};

/** Who answered a request whose session may stick to it. */
export interface StickyAnswer {
  /** instance that the request asked for; '' for any */
  readonly askedFor: string;
  /** '' when its registration named none: then nothing sticks */
  readonly servedBy: string;
  /** context path of the route */
  readonly path: string;
  /** as the client sent them */
  readonly cookies: string;
  /** ms since the Unix epoch; asked where an age is concerned */
  readonly now: () => number;
}

/** Attributes of the router's cookies for an answer, and whether a client is to show them again. */
interface Wanted {
  readonly attributes: readonly CookieAttributes[];
  readonly kept: boolean;
}

const NONE: Wanted = { attributes: [], kept: false };

/** Of the session that went on elsewhere. */
const restored = ({ cookies, now }: StickyAnswer): CookieAttributes => {
  const meta = cookies.includes(META_COOKIE) ? readCookies(cookies).get(META_COOKIE) : undefined;
  return meta === undefined ? noAttributes() : parseAttributes(meta, now());
};

const wantedFor = (
  cookies: readonly string[],
  negotiates: boolean,
  answer: StickyAnswer,
  rules: StickyRules,
): Wanted => {
  const stale = answer.askedFor !== answer.servedBy;
  if (negotiates && stale) {
    const attributes = { ...noAttributes(), maxAge: NEGOTIATION_AGE, sameSite: 'Strict' };
    return { attributes: [attributes], kept: false };
  }
  const sessions = cookies.filter((cookie) => rules.cookieNames.has(cookieName(cookie)));
  if (sessions.length > 0) return { attributes: sessions.map(readAttributes), kept: true };
  return answer.askedFor !== '' && stale ? { attributes: [restored(answer)], kept: false } : NONE;
};

/** The cookies that the router adds to an answer, so that the session comes back to who served it. */
export const stickyCookies = (headers: RawHeaders, answer: StickyAnswer, rules: StickyRules): string[] => {
  if (answer.servedBy === '') return [];
  const cookies: string[] = [];
  let negotiates = false;
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? '';
    const value = headers[at + 1] ?? '';
    if (name.length === 10 && name.toLowerCase() === 'set-cookie') cookies.push(value);
    else if (rules.negotiate && name.length === 16 && name.toLowerCase() === 'www-authenticate') {
      negotiates ||= isNegotiate(value);
    }
  }
  if (cookies.length === 0 && !negotiates && answer.askedFor === '') return [];
  if (cookies.some((cookie) => cookieName(cookie) === INSTANCE_COOKIE)) return [];
  const { attributes, kept } = wantedFor(cookies, negotiates, answer, rules);
  const made = attributes.flatMap((given) => {
    const all = { ...given, secure: given.secure || rules.secureCookies };
    const instance = `${INSTANCE_COOKIE}=${cookieValue(answer.servedBy)}`;
    const meta = kept ? [`${META_COOKIE}=${formatAttributes(all, answer.now())}`] : [];
    return [instance, ...meta].map((pair) => formatCookie(pair, answer.path, all));
  });
  return [...new Set(made)];
};
