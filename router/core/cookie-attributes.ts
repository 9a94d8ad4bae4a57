/** What a cookie says of itself beside its value. */
export interface CookieAttributes {
  secure: boolean;
  partitioned: boolean;
  /** '' when not set */
  sameSite: string;
  expires: string;
  /** seconds; undefined when not set */
  maxAge: number | undefined;
}

export const noAttributes = (): CookieAttributes => ({
  secure: false,
  partitioned: false,
  sameSite: '',
  expires: '',
  maxAge: undefined,
});

/** beyond it there are no dates */
const LAST_MS = 8.64e15;

const SAME_SITE: ReadonlyMap<string, string> = new Map([
  ['lax', 'Lax'],
  ['strict', 'Strict'],
  ['none', 'None'],
]);

const dateText = (ms: number): string => (Math.abs(ms) <= LAST_MS ? new Date(ms).toUTCString() : '');

/** Copied only when it is a date: the text goes into a header of the router's own. */
const readDate = (text: string): string => dateText(Date.parse(text.replaceAll('-', ' ')));

type AttributeReader = (all: CookieAttributes, value: string) => void;

const ATTRIBUTE_READERS: ReadonlyMap<string, AttributeReader> = new Map<string, AttributeReader>([
  ['secure', (all) => void (all.secure = true)],
  ['partitioned', (all) => void (all.partitioned = true)],
  ['samesite', (all, value) => void (all.sameSite = SAME_SITE.get(value.toLowerCase()) ?? '')],
  ['expires', (all, value) => void (all.expires = readDate(value))],
  [
    'max-age',
    (all, value) => {
      if (/^-?\d{1,10}$/.test(value)) all.maxAge = Math.max(0, Number(value));
    },
  ],
]);

/** Of a `Set-Cookie` header. */
export const readAttributes = (setCookie: string): CookieAttributes => {
  const all = noAttributes();
  for (const part of setCookie.split(';').slice(1)) {
    const equals = part.indexOf('=');
    const name = (equals === -1 ? part : part.slice(0, equals)).trim().toLowerCase();
    ATTRIBUTE_READERS.get(name)?.(all, equals === -1 ? '' : part.slice(equals + 1).trim());
  }
  return all;
};

const epochSeconds = (ms: number): number => Math.floor(ms / 1000);

/** Ages become points in time: what is restored later must not live longer. `now` is ms since the Unix epoch. */
const expiryOf = (maxAge: number, now: number): number => (maxAge > 0 ? epochSeconds(now) + maxAge : -1);

/** Attributes as the value of a cookie, which a client shows again: it never shows attributes themselves. */
export const formatAttributes = (all: CookieAttributes, now: number): string => {
  const parts: string[] = [];
  if (all.secure) parts.push('secure');
  if (all.partitioned) parts.push('partitioned');
  if (all.expires !== '') parts.push(`expires=${epochSeconds(Date.parse(all.expires))}`);
  if (all.maxAge !== undefined) parts.push(`maxage=${expiryOf(all.maxAge, now)}`);
  if (all.sameSite !== '') parts.push(`samesite=${all.sameSite.toLowerCase()}`);
  return parts.join('&');
};

/** Undefined where none is given. */
const readEpoch = (text: string | null): number | undefined =>
  text !== null && /^-?\d{1,11}$/.test(text) && Number(text) !== 0 ? Number(text) : undefined;

/** What `formatAttributes` made, as far as it is that: clients may show anything. */
export const parseAttributes = (text: string, now: number): CookieAttributes => {
  const given = new URLSearchParams(text);
  const [until, expires] = [readEpoch(given.get('maxage')), readEpoch(given.get('expires'))];
  return {
    secure: given.has('secure'),
    partitioned: given.has('partitioned'),
    sameSite: SAME_SITE.get(given.get('samesite') ?? '') ?? '',
    expires: expires === undefined ? '' : dateText(expires * 1000),
    maxAge: until === undefined ? undefined : Math.max(0, until - epochSeconds(now)),
  };
};
