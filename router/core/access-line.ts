import type { Endpoint } from './endpoint.js';
import type { RawHeaders } from './request-headers.js';

/** What a new connection took, ms: to find the address of a name, to connect, to be secured; 0 where it did not. */
export interface DialTimes {
  readonly dns: number;
  readonly dial: number;
  readonly tls: number;
}

/** The connection that a request went to its endpoint by. */
export interface Carrier {
  /** `address:port` of this end */
  readonly localAddress: string;
  readonly times: DialTimes;
}

/** Of a connection that was there. */
const REUSED: DialTimes = { dns: 0, dial: 0, tls: 0 };

/** As the next request finds it: only the first has had to wait for it. */
export const forNextRequest = (carrier: Carrier | undefined): Carrier | undefined =>
  carrier === undefined || carrier.times === REUSED ? carrier : { ...carrier, times: REUSED };

/** What is noted of one request while it passes; filled in as things become known. */
export interface AccessRecord {
  /** ms since the Unix epoch */
  readonly arrivedAt: number;
  /** ms, monotonic, as all of the times below */
  readonly beganAt: number;
  readonly method: string;
  /** path and query as the client wrote them */
  readonly target: string;
  /** `HTTP/1.1` */
  readonly protocol: string;
  /** `address:port` of the client */
  readonly remoteAddress: string;
  host: string;
  requestId: string;
  /** as the client sent them, and as they went on once a route was found */
  headers: RawHeaders;
  status: number;
  requestBytes: number;
  bodyBytes: number;
  /** the endpoint that was tried last */
  endpoint: Endpoint | undefined;
  /** that its answer came by; undefined when none did */
  carrier: Carrier | undefined;
  /** the first attempt, the last one, and its end; undefined when there was none */
  forwardedAt: number | undefined;
  attemptAt: number | undefined;
  answeredAt: number | undefined;
  failedAttempts: number;
  routerError: string;
}

export const EXTRA_FIELDS = [
  'failed_attempts',
  'failed_attempts_time',
  'dns_time',
  'dial_time',
  'tls_time',
  'backend_time',
  'local_address',
] as const;
export type ExtraField = (typeof EXTRA_FIELDS)[number];

export interface AccessLineOptions {
  readonly extraFields: readonly ExtraField[];
  /** lower case */
  readonly extraHeaders: readonly string[];
  readonly redactQuery: 'none' | 'all' | 'hash';
  readonly hideForwardedFor: boolean;
  readonly hideSourceAddress: boolean;
  /** what stands for a query where it is hashed */
  digest(query: string): string;
}

/** Where an application's own log is concerned, its longest values are cut. */
export interface LineLimits {
  /** characters of the target and of each header; Infinity = all of them */
  readonly valueSize: number;
}

export const NO_LIMITS: LineLimits = { valueSize: Infinity };
export const SHORTENED: LineLimits = { valueSize: 8_000 };

const DASH = '"-"';

const escapeOne = (char: string): string => {
  const code = char.codePointAt(0) ?? 0;
  if (char === '"' || char === '\\') return `\\${char}`;
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
};

/** Header values come as Latin-1: bytes that are UTF-8 are shown as the text they are. */
const asText = (latin: string): string => {
  try {
    const bytes = Uint8Array.from(latin, (char) => char.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return latin.replace(/[\x80-\xff]/g, escapeOne);
  }
};

const isLatin = (text: string): boolean => !/[\u0100-\uffff]/.test(text);

/** No value ends its field or its line: what could is escaped, as Go quotes it. */
const escaped = (value: string): string => {
  if (!/[^\x20-\x21\x23-\x5b\x5d-\x7e]/.test(value)) return value;
  if (!/[^\x20-\x7e]/.test(value)) return value.replace(/["\\]/g, escapeOne);
  const [plain, rest] = [value.replace(/["\\]/g, escapeOne), /[\x80-\uffff]/.test(value)];
  const text = rest && isLatin(plain) ? asText(plain) : plain;
  return text.replace(/[\p{C}\p{Zl}\p{Zp}\x7f]/gu, escapeOne);
};

const quoted = (value: string): string => (value === '' || value === '-' ? DASH : `"${escaped(value)}"`);

/** Seconds with six digits; nothing that was never measured, or that a clock made negative. */
const seconds = (ms: number | undefined): string => {
  if (ms === undefined || ms < 0) return DASH;
  // what `toFixed` does, which takes ten times as long
  const micros = Math.round(ms * 1000);
  const whole = Math.floor(micros / 1e6);
  return `${whole}.${String(micros - whole * 1e6 + 1e6).slice(1)}`;
};

const between = (from: number | undefined, to: number | undefined): number | undefined =>
  from === undefined || to === undefined ? undefined : to - from;

const cut = (name: string, value: string, { valueSize }: LineLimits): string =>
  value.length <= valueSize
    ? value
    : `${value.slice(0, valueSize)}...${name.toUpperCase()}-TOO-LONG-TO-LOG--TRUNCATED`;

let [lastSecond, lastText] = [Number.NaN, ''];

/** gorouter's layout has nine digits; what the clock does not give is 0. Requests of one second share its text. */
const timeText = (ms: number): string => {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = new Date(second * 1000).toISOString().slice(0, 19);
  }
  return `${lastText}.${String(Math.floor(ms - second * 1000)).padStart(3, '0')}000000Z`;
};

const redacted = (target: string, { redactQuery, digest }: AccessLineOptions): string => {
  const at = redactQuery === 'none' ? -1 : target.indexOf('?');
  if (at === -1) return target;
  const path = target.slice(0, at);
  return redactQuery === 'all' ? path : `${path}?hash=${digest(target.slice(at + 1))}`;
};

const EXTRA: Readonly<Record<ExtraField, (record: AccessRecord, endedAt: number) => string>> = {
  failed_attempts: ({ failedAttempts }) => String(failedAttempts),
  failed_attempts_time: ({ failedAttempts, forwardedAt, attemptAt }) =>
    failedAttempts === 0 ? DASH : seconds(between(forwardedAt, attemptAt)),
  dns_time: ({ carrier }) => seconds(carrier?.times.dns),
  dial_time: ({ carrier }) => seconds(carrier?.times.dial),
  tls_time: ({ carrier }) => seconds(carrier?.times.tls),
  backend_time: ({ attemptAt, answeredAt }, endedAt) => seconds(between(attemptAt, answeredAt ?? endedAt)),
  local_address: ({ carrier }) => quoted(carrier?.localAddress ?? ''),
};

const FIXED = ['referer', 'user-agent', 'x-forwarded-for', 'x-forwarded-proto'] as const;

/** The values of these names, in one pass; of several headers with one name the first counts. */
const valuesOf = (headers: RawHeaders, names: readonly string[]): string[] => {
  const values: string[] = names.map(() => '');
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? '';
    for (let which = 0; which < names.length; which += 1) {
      const wanted = names[which] ?? '';
      if (wanted.length !== name.length || values[which] !== '') continue;
      if (name.toLowerCase() === wanted) values[which] = headers[at + 1] ?? '';
    }
  }
  return values;
};

export type AccessLineFormat = (record: AccessRecord, endedAt: number, limits: LineLimits) => string;

/** Lines as gorouter writes them, without a line end. `endedAt` is ms on the monotonic clock. */
export const createAccessLineFormat = (options: AccessLineOptions): AccessLineFormat => {
  const names: readonly string[] = [...FIXED, ...options.extraHeaders];
  const labels = options.extraHeaders.map((name) => name.replaceAll('-', '_'));

  const tail = (record: AccessRecord, endedAt: number, values: string[]): string => {
    let text = '';
    for (const field of options.extraFields) text += ` ${field}:${EXTRA[field](record, endedAt)}`;
    text += ` x_cf_routererror:${quoted(record.routerError)}`;
    for (const [at, label] of labels.entries())
      text += ` ${label}:${quoted(values[FIXED.length + at] ?? '')}`;
    return text;
  };

  return (record, endedAt, limits) => {
    const { endpoint, status } = record;
    const values = valuesOf(record.headers, names);
    if (limits !== NO_LIMITS) names.forEach((name, at) => (values[at] = cut(name, values[at] ?? '', limits)));
    const target = cut('request-uri', redacted(record.target, options), limits);
    const [referer = '', userAgent = '', forwardedFor = '', forwardedProto = ''] = values;
    const response = endedAt - record.beganAt;
    const application = between(record.forwardedAt, record.answeredAt ?? endedAt);
    return (
      `${escaped(record.host)} - [${timeText(record.arrivedAt)}] ` +
      `"${escaped(`${record.method} ${target} ${record.protocol}`)}" ${status > 0 ? status : DASH} ` +
      `${record.requestBytes} ${record.bodyBytes} ${quoted(referer)} ${quoted(userAgent)} ` +
      `${options.hideSourceAddress ? DASH : quoted(record.remoteAddress)} ${quoted(endpoint?.address ?? '')} ` +
      `x_forwarded_for:${options.hideForwardedFor ? DASH : quoted(forwardedFor)} ` +
      `x_forwarded_proto:${quoted(forwardedProto)} vcap_request_id:${quoted(record.requestId)} ` +
      `response_time:${seconds(response)} ` +
      `gorouter_time:${seconds(application === undefined ? undefined : response - application)} ` +
      `app_id:${quoted(endpoint?.app ?? '')} app_index:${quoted(endpoint?.instanceIndex ?? '')} ` +
      `instance_id:${quoted(endpoint?.instanceId ?? '')}${tail(record, endedAt, values)}`
    );
  };
};
